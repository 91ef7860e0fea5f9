// SnapshotReaders: connections whose transactions all see the source as of one LSN.
//
// The snapshot is the one that a temporary slot exports at its starting point: it sees exactly the
// transactions whose commit record begins before that.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/lsn.h"
#include "daemon/source.h"
#include "postgres/connection.h"

namespace trunkline {

class SnapshotReaders {
 public:
  // Waits for the transactions under way at the source. `purpose` is part of the slot's name. A
  // stop breaks the connections off, so that no wait for the server outlasts it.
  static Result<SnapshotReaders> Open(const std::string& conninfo, const std::string& slot,
                                      std::string_view purpose, const Source& source,
                                      int connections, const std::stop_token& stop);

  Lsn lsn() const { return lsn_; }
  // Its locks keep tables as they are until it ends.
  postgres::Connection& first() { return readers_.front().connection; }
  size_t size() const { return readers_.size(); }
  postgres::Connection& at(size_t index) { return readers_[index].connection; }

 private:
  using OnStop = std::stop_callback<std::function<void()>>;
  struct Interruptible {
    postgres::Connection connection;
    std::unique_ptr<OnStop> on_stop;  // goes before the connection does
  };

  explicit SnapshotReaders(Lsn lsn) : lsn_(lsn) {}
  static Result<Interruptible> OpenOne(const std::string& conninfo, postgres::Mode mode,
                                       const Source& source, const std::stop_token& stop);

  Lsn lsn_;
  std::vector<Interruptible> readers_;
};

}  // namespace trunkline
