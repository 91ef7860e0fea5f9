// XidSet: transaction ids, a bit each where they are dense, as those of subtransactions are.
#pragma once

#include <bitset>
#include <cstdint>
#include <unordered_map>

#include "base/lsn.h"

namespace trunkline {

class XidSet {
 public:
  void Insert(Xid xid) { pages_[xid.value / kPageBits].set(xid.value % kPageBits); }

  bool Contains(Xid xid) const {
    const auto page = pages_.find(xid.value / kPageBits);
    return page != pages_.end() && page->second.test(xid.value % kPageBits);
  }

 private:
  static constexpr uint32_t kPageBits = 1024;
  std::unordered_map<uint32_t, std::bitset<kPageBits>> pages_;
};

}  // namespace trunkline
