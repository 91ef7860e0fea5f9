// ChangeSpool: chunks of streamed transactions on disk, in RocksDB, keyed by transaction id and
// sequence. The only pair of files here that knows RocksDB.
//
// Nothing in it needs to outlive the process, for the source sends an unfinished transaction anew:
// there is no log, and nothing is synced.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/lsn.h"

namespace trunkline {

// Its memory, about 30 MiB at the most, depends neither on the number of transactions nor on their
// size. One thread. Every failure of the disk is kUnavailable: what was spooled can be had again.
class ChangeSpool {
 public:
  // Makes a folder of its own in `directory`, gone with the object.
  static Result<std::unique_ptr<ChangeSpool>> Make(const std::string& directory);
  ~ChangeSpool();

  // `sequence` must be larger than that of the transaction's chunk before.
  Result<void> Append(Xid xid, uint64_t sequence, std::string_view chunk);
  // Calls `visit` with each chunk of the transaction, in order.
  Result<void> ForEach(Xid xid, const std::function<Result<void>(std::string_view)>& visit);
  // The disk space is free soon after; at once when no other transaction is spooled.
  Result<void> Drop(Xid xid);

 private:
  class Impl;
  explicit ChangeSpool(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace trunkline
