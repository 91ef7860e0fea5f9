// Error and Result: how every fallible function of Trunkline reports failure.
//
// Whether to retry, stop or report is the caller's decision, so failures are part of the
// signature. No exception crosses a folder's boundary.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <type_traits>
#include <utility>

namespace trunkline {

enum class ErrorKind {
  kFailed,           // anything without a kind of its own
  kInvalidArgument,  // the user's command line, target or destination is wrong
  kNotFound,         // a named thing does not exist
  kAlreadyExists,    // a destination holds data, or an object exists with other content
  kConflict,         // another writer was first; succeeds from where that one has come to
  kCorrupt,          // bytes that are not what was written: checksum, digest, malformed structure
  kTruncated,        // bytes end early: a torn tail, told apart from corruption
  kGap,              // the range asked for is not wholly in the archive
  kWrongSource,      // the archive belongs to another source
  kUnavailable,      // may succeed when tried again: network, server starting
  kBusy,             // another process has it; succeeds once that one lets go
  kDenied,           // authentication or permission
  kUnsupported,      // valid, but not something this version can do
  kCancelled,        // stopped on request
};

std::string_view ToString(ErrorKind kind);

struct Error {
  ErrorKind kind = ErrorKind::kFailed;
  std::string message;  // what is wrong and where; one line; never a row value
  std::string hint;     // what the operator can do; may be empty

  // Returns this error with "context: " put before its message.
  Error WithContext(std::string_view context) &&;
  // "message" or "message (hint)": one line for a terminal or a log.
  std::string ToString() const;
};

// Exit codes of both programs: 0 done, 1 failed, 2 usage, 3 the archive is damaged or has a gap in
// the range asked for, 4 the source is not the archive's.
int ExitCode(const Error& error);

template <typename T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};

inline tl::unexpected<Error> Fail(ErrorKind kind, std::string message, std::string hint = {}) {
  return tl::unexpected<Error>(Error{kind, std::move(message), std::move(hint)});
}
inline tl::unexpected<Error> Fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

// The error of the current errno: "what: No such file or directory". ENOENT is kNotFound, EEXIST
// kAlreadyExists, EACCES and EPERM kDenied, everything else kFailed.
Error ErrnoError(std::string_view what, int error_number);

}  // namespace trunkline

#define TRUNKLINE_CONCAT_INNER(a, b) a##b
#define TRUNKLINE_CONCAT(a, b) TRUNKLINE_CONCAT_INNER(a, b)

// Leaves the enclosing function with the error of `expression`, a Result, if it has one.
#define TRY(expression)                                                       \
  do {                                                                        \
    auto&& try_result = (expression);                                         \
    if (!try_result) return ::trunkline::Fail(std::move(try_result).error()); \
  } while (false)

// Declares `declaration` with the value of `expression`, or leaves the function with its error.
#define ASSIGN_OR_RETURN(declaration, expression) \
  ASSIGN_OR_RETURN_INNER(TRUNKLINE_CONCAT(assign_result_, __LINE__), declaration, expression)
#define ASSIGN_OR_RETURN_INNER(result, declaration, expression)     \
  auto result = (expression);                                       \
  if (!result) return ::trunkline::Fail(std::move(result).error()); \
  declaration = std::move(*result)
