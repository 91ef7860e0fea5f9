// SharedLibrary, LazyFunction: a C library that is loaded when one of its functions is first
// called. Loading libpq and libcurl with all that they need would be 40 % of the start of a command
// that uses neither.
#pragma once

#include <atomic>
#include <mutex>

#include "base/error.h"

namespace trunkline {

// One that stays loaded. Any thread.
class SharedLibrary {
 public:
  // Its file's name, with the version of its interface, and the Debian package that has it; both
  // outlive this.
  constexpr SharedLibrary(const char* file, const char* package) : file_(file), package_(package) {}

  // kFailed where this machine lacks it. Call this where that can be told the user.
  Result<void> Load();
  // A missing library or function ends the program.
  void* Find(const char* function);

 private:
  const char* const file_;
  const char* const package_;
  std::mutex mutex_;
  void* handle_ = nullptr;
};

// Stands for a function of the library: where it is declared by the same name in our namespace,
// calls there go to it. Any thread.
template <typename Signature>
class LazyFunction;

namespace lazy_function {

class Address {
 public:
  constexpr Address(SharedLibrary* library, const char* name) : library_(library), name_(name) {}

  void* get() const {
    void* address = address_.load(std::memory_order_acquire);
    if (address == nullptr) {
      address = library_->Find(name_);
      address_.store(address, std::memory_order_release);
    }
    return address;
  }

 private:
  SharedLibrary* const library_;
  const char* const name_;
  mutable std::atomic<void*> address_ = nullptr;
};

}  // namespace lazy_function

template <typename R, typename... Arguments>
class LazyFunction<R(Arguments...)> : lazy_function::Address {
 public:
  using Address::Address;
  R operator()(Arguments... arguments) const {
    return reinterpret_cast<R (*)(Arguments...)>(get())(arguments...);
  }
};

// As curl_easy_setopt: what comes after the named arguments goes by C's rules.
template <typename R, typename... Arguments>
class LazyFunction<R(Arguments..., ...)> : lazy_function::Address {
 public:
  using Address::Address;
  template <typename... More>
  R operator()(Arguments... arguments, More... more) const {
    return reinterpret_cast<R (*)(Arguments..., ...)>(get())(arguments..., more...);
  }
};

}  // namespace trunkline

// Declares `name` for the library's function of that name, known from a header.
#define TRUNKLINE_LAZY_FUNCTION(library, name) \
  inline constinit LazyFunction<decltype(::name)> name { &library, #name }
