// SpoolChangeStore: keeps the messages of streamed transactions, small ones in memory and what
// exceeds it on disk. Nothing is left when the process ends, and nothing needs to be, for the
// source sends an unfinished transaction anew.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "daemon/change_spool.h"
#include "daemon/metrics.h"
#include "daemon/xid_set.h"
#include "decoder/assembler.h"

namespace trunkline {

struct SpoolOptions {
  std::string directory = "/tmp";
  // Held in memory over all transactions; then the largest ones go to disk until half is free.
  size_t memory_bytes = 8 << 20;
  // Messages are kept and spooled in chunks of about this size.
  size_t chunk_bytes = 128 << 10;
  Metrics* metrics = nullptr;  // told what is on disk; may be null, not owned
};

class SpoolChangeStore : public ChangeStore {
 public:
  // Also removes what killed processes have left in the directory.
  explicit SpoolChangeStore(SpoolOptions options);
  ~SpoolChangeStore() override;

  Result<void> Append(Xid xid, Xid sub_xid, std::string_view message) override;
  Result<void> DropSubtransaction(Xid xid, Xid sub_xid) override;
  Result<void> Drop(Xid xid) override;
  Result<void> ForEach(
      Xid xid,
      const std::function<Result<void>(Xid sub_xid, std::string_view message)>& visit) override;

 private:
  using Visit = std::function<Result<void>(Xid sub_xid, std::string_view message)>;

  struct Transaction {
    uint64_t spooled = 0;             // chunks on disk
    uint64_t spooled_bytes = 0;       // of them
    std::vector<std::string> chunks;  // what follows those
    size_t bytes = 0;                 // of `chunks`
    XidSet dropped;                   // subtransactions; they append nothing more
  };

  size_t memory_bytes() const;
  Result<void> MakeRoom();
  Result<void> Spool(Xid xid, Transaction* transaction);
  void ReportSpooled() const;

  const SpoolOptions options_;
  std::unordered_map<uint32_t, Transaction> transactions_;  // by xid
  size_t bytes_ = 0;                                        // in memory, of all of them
  uint64_t spooled_bytes_ = 0;                              // on disk, before compression
  std::unique_ptr<ChangeSpool> spool_;                      // once it is needed
};

}  // namespace trunkline
