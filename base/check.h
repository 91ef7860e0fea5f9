// CHECK: an invariant of the program itself. On in every build; a failure is a bug and aborts.
// Bad input is never a CHECK, but an Error.
#pragma once

namespace trunkline {

[[noreturn]] void CheckFailed(const char* condition, const char* file, int line);

}  // namespace trunkline

#define CHECK(condition) \
  (static_cast<bool>(condition) ? void() : ::trunkline::CheckFailed(#condition, __FILE__, __LINE__))
