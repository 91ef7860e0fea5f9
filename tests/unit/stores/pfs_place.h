// Where the PFS tests have their repos: on a server of their own, or at a real pachd.
#pragma once

#include <memory>
#include <string>

#include "archive/pfs_address.h"
#include "archive/store.h"
#include "tests/unit/archive/store_conformance.h"
#include "tests/unit/stores/pfs_admin.h"

namespace trunkline::test {

// An address of a repo that nobody has yet, at PACHD_ADDRESS (grpc://HOST:PORT or
// grpcs://HOST:PORT) if that is set, else at a pfs_test_server that ends with this process.
PfsAddress NewPfsAddress();

// Such a repo, removed with its owner.
class PfsPlace : public StorePlace {
 public:
  PfsPlace();
  ~PfsPlace() override;

  std::unique_ptr<Store> Connect() override;
  std::string url() override { return address_.url; }
  const PfsAddress& address() const { return address_; }
  PfsAdmin& admin() { return admin_; }

 private:
  PfsAddress address_;
  PfsAdmin admin_;
};

}  // namespace trunkline::test
