// The suite that every kind of store passes: instantiate StoreConformance with a factory.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "archive/store.h"

namespace trunkline {

// An empty place for objects, gone with its owner.
class StorePlace {
 public:
  virtual ~StorePlace() = default;
  // A new client of the same place, as another process would have.
  virtual std::unique_ptr<Store> Connect() = 0;
  // By which OpenStore in another process, with our environment, finds it.
  virtual std::string url() { return Connect()->url(); }
};

struct StoreKind {
  std::string name;
  std::function<std::unique_ptr<StorePlace>()> make_place;
};

class StoreConformance : public testing::TestWithParam<StoreKind> {
 protected:
  StoreConformance() : place_(GetParam().make_place()), store_(place_->Connect()) {}

  std::unique_ptr<StorePlace> place_;
  std::unique_ptr<Store> store_;
};

inline std::string StoreKindName(const testing::TestParamInfo<StoreKind>& kind) {
  return kind.param.name;
}

}  // namespace trunkline
