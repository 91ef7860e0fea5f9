// Assembler: turns pgoutput messages into whole transactions in commit order.
//
// Transactions sent at once (Begin..Commit) pass straight through to the sink. Streamed and
// prepared ones are kept in a ChangeStore, as the raw messages they came as, until they commit, and
// are dropped when they abort; a subtransaction's abort drops just its part.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "base/error.h"
#include "base/lsn.h"
#include "decoder/change.h"
#include "decoder/relation.h"

namespace trunkline {

// Holds the messages of transactions whose end is not known yet. One implementation keeps them in
// memory; a daemon may bring one that spills to disk. One thread calls. A subtransaction that was
// dropped appends nothing more.
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
  // Called ahead of the first change that uses a relation as a RELATION message described it for
  // the first time on this connection, or otherwise than the change before it had it. `previous` is
  // what that one had, null at first sight. Always called between the sink's Begin and Commit, so
  // that it may pass changes of its own to the sink (a definition).
  using RelationHook =
      std::function<Result<void>(const Relation& relation, const Relation* previous)>;

  // Neither `sink` nor `store` is owned; both must outlive the assembler.
  Assembler(TransactionSink* sink, ChangeStore* store);
  ~Assembler();
  Assembler(const Assembler&) = delete;
  Assembler& operator=(const Assembler&) = delete;

  void set_relation_hook(RelationHook hook);

  // Takes one XLogData message: its WAL start, 0 where the server sends none, and its payload.
  // A relation passed to the sink stays valid until the sink's Commit returns, and keeps its
  // address while it is described as before. Errors: kCorrupt for a malformed message or one that
  // cannot stand here (a Commit without Begin, a change of a relation never described, a tuple of
  // another width than its relation); the sink's, the store's and the hook's own. After an error
  // the assembler must not be used again.
  Result<void> Feed(Lsn wal_start, std::string_view message);

  // Nothing is open: no transaction begun, streamed or prepared without its end. Only then may a
  // keepalive's LSN be taken as progress.
  bool idle() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace trunkline
