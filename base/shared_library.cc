#include "base/shared_library.h"

#include <dlfcn.h>

#include <string>

#include "base/check.h"

namespace trunkline {

Result<void> SharedLibrary::Load() {
  const std::lock_guard lock(mutex_);
  if (handle_ != nullptr) return {};
  handle_ = dlopen(file_, RTLD_NOW | RTLD_LOCAL);
  if (handle_ != nullptr) return {};
  return Fail(ErrorKind::kFailed, std::string("cannot load a library: ") + dlerror(),
              std::string("install the package ") + package_);
}

void* SharedLibrary::Find(const char* function) {
  const Result<void> loaded = Load();
  CHECK(loaded);
  void* const address = dlsym(handle_, function);
  CHECK(address != nullptr);
  return address;
}

}  // namespace trunkline
