// ReplicationStream: one START_REPLICATION, as messages in and status out. Never blocks.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/lsn.h"
#include "daemon/feedback.h"
#include "daemon/stream_messages.h"
#include "postgres/connection.h"

namespace trunkline {

struct StreamOptions {
  std::string slot;
  std::string publication;
  Lsn start;
};

class ReplicationStream {
 public:
  // Takes a connection in replication mode. kBusy when another process uses the slot, kUnavailable
  // when the slot has changed since it was looked at.
  static Result<ReplicationStream> Start(postgres::Connection connection,
                                         const StreamOptions& options);

  // The next message that has arrived whole, or nothing. Valid until the next call. An error is the
  // end of the stream; kUnavailable when the server or the network ended it, kGap when the server
  // has no WAL any more that the slot needs, or changes were made without the publication.
  Result<std::optional<StreamMessage>> Next();

  // Hands the status to the socket, or leaves it to Flush.
  Result<void> SendStatus(const StandbyStatus& status, bool request_reply);
  // Whether there is something left to write, for when the socket is writable.
  bool has_unsent() const { return has_unsent_; }
  Result<void> Flush();

  int socket() const;

 private:
  ReplicationStream(postgres::Connection connection, std::string publication);
  Result<std::optional<StreamMessage>> NextBuffered();
  Error EndOfStream();

  // What the server warns of ends the stream where it matters, at the place where it came.
  struct Notices {
    std::string publication;
    std::optional<Error> failure;
  };
  static void TakeNotice(void* notices, const PGresult* notice);
  std::unique_ptr<Notices> notices_;

  postgres::Connection connection_;
  std::unique_ptr<char, postgres::FreeMemory> buffer_;  // of the message given out last
  bool has_unsent_ = false;
};

// The START_REPLICATION command for a server of `server_version`.
std::string StartReplicationCommand(const StreamOptions& options, uint32_t server_version);

}  // namespace trunkline
