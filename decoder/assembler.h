// Assembler: turns pgoutput messages into whole transactions in commit order.
//
// Transactions sent at once (Begin..Commit) pass straight through to the sink. Streamed and
// prepared ones are kept in a ChangeStore, as the raw messages they came as, until they commit, and
// are dropped when they abort; a subtransaction's abort drops just its part.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/error.h"
#include "base/lsn.h"
#include "decoder/change.h"
#include "decoder/message.h"

namespace trunkline {

// Holds the messages of transactions whose end is not known yet. One implementation keeps them in
// memory; a daemon may bring one that spills to disk. One thread calls.
class ChangeStore {
 public:
  virtual ~ChangeStore() = default;
  // Appends one message of `xid`, made by its subtransaction `sub_xid` (== xid at the top level).
  virtual Result<void> Append(Xid xid, Xid sub_xid, std::string_view message) = 0;
  // Drops what `sub_xid` of `xid` appended.
  virtual Result<void> DropSubtransaction(Xid xid, Xid sub_xid) = 0;
  // Drops the transaction; no error when nothing is held for it.
  virtual Result<void> Drop(Xid xid) = 0;
  // Calls `visit` with each message left, in the order of Append.
  virtual Result<void> ForEach(
      Xid xid, const std::function<Result<void>(Xid sub_xid, std::string_view message)>& visit) = 0;
};

std::unique_ptr<ChangeStore> NewMemoryChangeStore();

class Assembler {
 public:
  // Called whenever a RELATION message describes a relation for the first time on this connection
  // or otherwise than before, ahead of the first change that uses it. `previous` is null at first
  // sight. May pass changes of its own to the sink (a definition).
  using RelationHook =
      std::function<Result<void>(const Relation& relation, const Relation* previous)>;

  // Neither `sink` nor `store` is owned; both must outlive the assembler.
  Assembler(TransactionSink* sink, ChangeStore* store);
  ~Assembler();
  Assembler(const Assembler&) = delete;
  Assembler& operator=(const Assembler&) = delete;

  void set_relation_hook(RelationHook hook);

  // Takes the payload of one XLogData message. Errors: kCorrupt for a malformed message or one that
  // cannot stand here (a Commit without Begin, a change of a relation never described, a tuple of
  // another width than its relation); the sink's and the store's own. After an error the assembler
  // must not be used again.
  Result<void> Feed(std::string_view message);

  // Nothing is open: no transaction begun, streamed or prepared without its end. Only then may a
  // keepalive's LSN be taken as progress.
  bool idle() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace trunkline
