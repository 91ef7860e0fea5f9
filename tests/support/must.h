// Must: the value of a Result that a test only stands on; its failure ends the test.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "base/error.h"

namespace trunkline::test {

template <typename T>
T Must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().ToString());
  return std::move(*result);
}
inline void Must(Result<void> result) {
  if (!result) throw std::runtime_error(result.error().ToString());
}

}  // namespace trunkline::test
