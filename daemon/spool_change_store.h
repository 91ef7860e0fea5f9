// SpoolChangeStore: keeps the messages of streamed transactions in scratch files, in bounded memory
// whatever a transaction's size. The files have no names: nothing is left when the process ends,
// and nothing needs to be, for the source sends an unfinished transaction anew.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "archive/scratch_buffer.h"
#include "base/error.h"
#include "decoder/assembler.h"

namespace trunkline {

struct SpoolOptions {
  std::string directory = "/tmp";
  // Held in memory a transaction before its file is begun, and written at once after.
  size_t memory_bytes = 1 << 20;
  size_t write_bytes = 256 << 10;
};

class SpoolChangeStore : public ChangeStore {
 public:
  explicit SpoolChangeStore(SpoolOptions options) : options_(std::move(options)) {}

  Result<void> Append(Xid xid, Xid sub_xid, std::string_view message) override;
  Result<void> DropSubtransaction(Xid xid, Xid sub_xid) override;
  Result<void> Drop(Xid xid) override;
  Result<void> ForEach(
      Xid xid,
      const std::function<Result<void>(Xid sub_xid, std::string_view message)>& visit) override;

 private:
  struct Transaction {
    explicit Transaction(const SpoolOptions& options)
        : spooled(options.memory_bytes, options.directory) {}

    ScratchBuffer spooled;
    std::string pending;                   // records that follow those in `spooled`
    std::unordered_set<uint32_t> dropped;  // subtransactions; they append nothing more
  };

  const SpoolOptions options_;
  std::unordered_map<uint32_t, Transaction> transactions_;  // by xid
};

}  // namespace trunkline
