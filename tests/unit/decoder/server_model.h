// ServerModel: a small pgoutput of its own. It takes numbers for dice, makes up a history of
// transactions from them, and yields the messages that a server would send for it together with
// what an assembler must make of them. It follows the server in what it takes for granted about
// relations sent before (pgoutput.c: maybe_send_schema, cleanup_rel_sync_cache).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/unit/decoder/wire.h"

namespace trunkline {

class ServerModel {
 public:
  // Plays one action of the history; `dice` decides which.
  void Play(uint32_t dice);
  // Ends all that is still open.
  void Finish();

  std::vector<std::string> messages;  // what the server sends
  std::vector<std::string> expected;  // what the sink must be told, as LineOf and the like say it

  // How one insert shows: its subtransaction (0 outside of streams), relation, columns and value.
  static std::string LineOf(uint32_t sub_xid, const std::string& columns,
                            const std::string& value) {
    return std::to_string(sub_xid) + " " + columns + " = " + value;
  }
  static std::string BeginLine(uint32_t xid) { return "begin " + std::to_string(xid); }
  static std::string CommitLine(uint32_t xid) { return "commit " + std::to_string(xid); }
  static std::string MessageLine(const std::string& content) { return "message " + content; }

 private:
  static constexpr uint32_t kTables = 3;
  static constexpr size_t kMaxOpen = 4;

  struct Table {
    uint32_t version = 1;
    bool schema_sent = false;
    std::set<uint32_t> streamed_to;      // top-level transactions that were told this version
    std::optional<uint32_t> altered_by;  // the transaction that holds its exclusive lock
    std::set<uint32_t> used_by;          // open transactions that hold a lock on it
  };
  // A savepoint's extent: its own transaction id and those of the ones released into it.
  struct Savepoint {
    std::vector<uint32_t> xids;
    std::map<uint32_t, uint32_t> versions_before;  // of the tables that it altered
  };
  struct Line {
    uint32_t sub_xid = 0;
    std::string text;
  };
  struct Transaction {
    uint32_t xid = 0;
    bool streamed = false;
    bool chunk_sent = false;
    std::vector<Savepoint> savepoints;  // the first is the transaction itself
    std::vector<Line> lines;
  };

  uint32_t Roll(uint32_t sides);
  std::string ColumnsOf(uint32_t table) const;
  void Describe(uint32_t table, uint32_t stream_xid);
  void Change(Transaction* transaction);
  void Alter(Transaction* transaction);
  void Invalidate(Table* table);
  void UndoAlters(const Transaction& transaction);
  void Unlock(uint32_t xid);

  Transaction NewTransaction(bool streamed);
  Transaction* PickStream();
  void SendChunk(Transaction* transaction);
  void AbortSavepoint(Transaction* transaction);
  void EndStream(size_t index);
  void SendPlain();
  void SendPrepared();
  void EndPrepared();
  void Expect(const Transaction& transaction);

  std::array<Table, kTables> tables_;
  std::vector<Transaction> streams_;
  std::vector<Transaction> prepared_;
  uint32_t dice_ = 0;
  uint32_t next_xid_ = 100;
  uint32_t next_version_ = 2;
  uint32_t next_value_ = 1;
  uint64_t next_lsn_ = 0x1000;
};

}  // namespace trunkline
