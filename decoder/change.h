// Transaction and Change: what a stream of pgoutput messages means, and what an archive keeps.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/lsn.h"
#include "base/timestamp.h"
#include "decoder/relation.h"

namespace trunkline {

// The state of one column in a tuple (manual: "Logical Replication Message Formats", TupleData).
enum class ValueState : char {
  kNull = 'n',
  kUnchangedToast =
      'u',        // out of line and not part of the update: the value is that of the old row
  kText = 't',    // the type's output function, under the pinned session settings
  kBinary = 'b',  // the type's send function
};

struct Value {
  ValueState state = ValueState::kNull;
  std::string_view bytes;  // empty unless kText or kBinary

  friend bool operator==(const Value&, const Value&) = default;
};

// One Value a column of the relation, in its order.
using Tuple = std::span<const Value>;

enum class Operation : char {
  kInsert = 'I',
  kUpdate = 'U',
  kDelete = 'D',
  kTruncate = 'T',
  kMessage = 'M',     // a logical message, pg_logical_emit_message
  kDefinition = 'F',  // the definition of the published tables, queried by the daemon
  kRaw = '?',         // a message of a type this version does not know, kept as it came
};

// Whether changes are of a row, and so have a relation and tuples.
constexpr bool HasRows(Operation operation) {
  return operation == Operation::kInsert || operation == Operation::kUpdate ||
         operation == Operation::kDelete;
}

// Prefixes of the logical messages that mean something to Trunkline.
inline constexpr std::string_view kDefinitionPrefix = "trunkline.definition";
inline constexpr std::string_view kRestorePointPrefix = "trunkline.restore_point";

// What an UPDATE or DELETE says of the row before it.
enum class OldTupleKind : char {
  kNone = '\0',  // not sent: the key did not change (update only)
  kKey = 'K',    // only the replica identity's columns carry values, the others are kNull
  kFull = 'O',   // REPLICA IDENTITY FULL: every column
};

// Flags of a TRUNCATE message.
inline constexpr uint8_t kTruncateCascade = 1;
inline constexpr uint8_t kTruncateRestartIdentity = 2;

// One change of a transaction. Borrows everything: valid until the function it is passed to
// returns, or as long as the object that yielded it says.
struct Change {
  Operation operation = Operation::kInsert;
  // The transaction or subtransaction that made the change where the stream says so (streamed
  // transactions); else 0. Not kept in the archive.
  Xid sub_xid = {};

  // Insert, update, delete: never null. Others: null.
  const Relation* relation = nullptr;
  OldTupleKind old_kind = OldTupleKind::kNone;
  Tuple old_tuple = {};  // update, delete; empty when old_kind is kNone
  Tuple new_tuple = {};  // insert, update

  // Truncate.
  std::span<const Relation* const> truncated = {};
  uint8_t truncate_flags = 0;

  // Message: prefix and content, the LSN the message carries, and whether it is transactional.
  // Definition: content is the JSON document of docs/definition.md. Raw: content is the message.
  std::string_view prefix = {};
  std::string_view content = {};
  Lsn message_lsn = {};
  bool transactional = true;
};

// A transaction's own data. A logical message that is not transactional travels as a transaction of
// its own with xid 0, one change, and commit_lsn == end_lsn == the message's LSN (the end of its
// WAL record); so does a message of unknown type that stands outside of any transaction. The stream
// gives these no commit time: theirs is 0.
struct TransactionInfo {
  Xid xid = {};
  Lsn commit_lsn = {};  // start of the commit record
  Lsn end_lsn = {};     // end of the commit record + 1; not known, and 0, at Begin
  Timestamp commit_time = {};
  std::string origin = {};  // replication origin's name; empty for local transactions
  Lsn origin_lsn = {};      // the commit LSN on the origin
  std::string gid = {};     // of a transaction committed in two phases; else empty

  friend bool operator==(const TransactionInfo&, const TransactionInfo&) = default;
};

// Receives whole transactions in commit order, each as Begin, OnChange..., Commit. A sink returns
// an error to stop the stream; the caller passes it on. Not thread-safe: one thread calls.
class TransactionSink {
 public:
  virtual ~TransactionSink() = default;
  virtual Result<void> Begin(const TransactionInfo& transaction) = 0;
  virtual Result<void> OnChange(const Change& change) = 0;
  // `transaction` equals Begin's but for end_lsn, which is now known.
  virtual Result<void> Commit(const TransactionInfo& transaction) = 0;
};

}  // namespace trunkline
