#include "tests/unit/archive/recorded_transactions.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace trunkline::test {
namespace {

std::vector<OwnedValue> Copy(Tuple tuple) {
  std::vector<OwnedValue> values;
  for (const Value& value : tuple) values.push_back({value.state, std::string(value.bytes)});
  return values;
}

std::vector<Value> View(const std::vector<OwnedValue>& values) {
  std::vector<Value> tuple;
  for (const OwnedValue& value : values) tuple.push_back({value.state, value.bytes});
  return tuple;
}

Result<void> PlayChange(const OwnedChange& owned, TransactionSink* sink) {
  const std::vector<Value> old_tuple = View(owned.old_tuple);
  const std::vector<Value> new_tuple = View(owned.new_tuple);
  // Copies at addresses that come back: an archive must not trust them.
  const std::vector<Relation> relations = owned.relations;
  std::vector<const Relation*> pointers;
  for (const Relation& relation : relations) pointers.push_back(&relation);
  Change change;
  change.operation = owned.operation;
  if (owned.operation == Operation::kTruncate) {
    change.truncated = pointers;
  } else if (!pointers.empty()) {
    change.relation = pointers.front();
  }
  change.old_kind = owned.old_kind;
  change.old_tuple = old_tuple;
  change.new_tuple = new_tuple;
  change.truncate_flags = owned.truncate_flags;
  change.prefix = owned.prefix;
  change.content = owned.content;
  change.message_lsn = owned.message_lsn;
  change.transactional = owned.transactional;
  return sink->OnChange(change);
}

OwnedChange Row(Operation operation, Relation relation, std::vector<OwnedValue> new_tuple) {
  OwnedChange change;
  change.operation = operation;
  change.relations = {std::move(relation)};
  change.new_tuple = std::move(new_tuple);
  return change;
}

OwnedChange WithOld(OwnedChange change, OldTupleKind kind, std::vector<OwnedValue> old_tuple) {
  change.old_kind = kind;
  change.old_tuple = std::move(old_tuple);
  return change;
}

OwnedChange MessageOf(Operation operation, std::string prefix, std::string content) {
  OwnedChange change;
  change.operation = operation;
  change.prefix = std::move(prefix);
  change.content = std::move(content);
  return change;
}

Relation NotesRelation() {
  return {20001,
          "notes of Pete",
          "n\xc3\xb6te",
          ReplicaIdentity::kFull,
          {{"body", 25, -1, true, "", ""}, {"mood", 30001, 7, true, "public", "mood"}}};
}

}  // namespace

Result<void> RecordingSink::Begin(const TransactionInfo& transaction) {
  transactions.push_back({transaction, {}});
  return {};
}

Result<void> RecordingSink::OnChange(const Change& change) {
  OwnedChange owned;
  owned.operation = change.operation;
  if (change.relation != nullptr) owned.relations.push_back(*change.relation);
  for (const Relation* relation : change.truncated) owned.relations.push_back(*relation);
  owned.old_kind = change.old_kind;
  owned.old_tuple = Copy(change.old_tuple);
  owned.new_tuple = Copy(change.new_tuple);
  owned.truncate_flags = change.truncate_flags;
  owned.prefix = change.prefix;
  owned.content = change.content;
  owned.message_lsn = change.message_lsn;
  owned.transactional = change.transactional;
  transactions.back().changes.push_back(std::move(owned));
  return {};
}

Result<void> RecordingSink::Commit(const TransactionInfo& transaction) {
  transactions.back().info = transaction;
  return {};
}

Result<void> Play(const std::vector<OwnedTransaction>& transactions, TransactionSink* sink) {
  for (const OwnedTransaction& transaction : transactions) {
    TransactionInfo begin = transaction.info;
    begin.end_lsn = {};
    TRY(sink->Begin(begin));
    for (const OwnedChange& change : transaction.changes) TRY(PlayChange(change, sink));
    TRY(sink->Commit(transaction.info));
  }
  return {};
}

SegmentHeader WideHeader() {
  SegmentHeader header;
  header.end = Lsn{~0ull};
  header.identity_digest = std::string(kDigestBytes, 'i');
  header.previous_digest = std::string(kDigestBytes, 'p');
  header.timeline = 3;
  header.server_version = 150018;
  return header;
}

std::string EncodeSegment(const std::vector<OwnedTransaction>& transactions,
                          const SegmentOptions& options, const SegmentHeader& header) {
  SegmentWriter writer(options);
  const Result<void> played = Play(transactions, &writer);
  EXPECT_TRUE(played) << played.error().ToString();
  auto finished = writer.Finish(header == SegmentHeader{} ? WideHeader() : header);
  if (!finished) {
    ADD_FAILURE() << finished.error().ToString();
    return {};
  }
  return ReadAll(**finished, UINT64_MAX).value();
}

Result<std::unique_ptr<SegmentReader>> OpenBytes(std::string bytes) {
  return SegmentReader::Open(NewMemorySource(std::move(bytes)), "test.seg");
}

Result<std::vector<OwnedTransaction>> DecodeSegment(std::string bytes) {
  ASSIGN_OR_RETURN(const auto reader, OpenBytes(std::move(bytes)));
  RecordingSink sink;
  TRY(reader->ForEach(&sink));
  return std::move(sink.transactions);
}

Relation OrdersRelation() {
  return {16385,
          "public",
          "orders",
          ReplicaIdentity::kDefault,
          {{"id", 23, -1, true, "", ""},
           {"customer_id", 23, -1, false, "", ""},
           {"units", 23, -1, false, "", ""},
           {"created_at", 1184, -1, false, "", ""},
           {"shipped_at", 1184, -1, false, "", ""}}};
}

OwnedTransaction OrderTransaction(uint32_t number) {
  const Timestamp placed{533'000'000'000'000 + 1'000'123 * int64_t{number}};
  const Timestamp placed_shipped{533'000'000'000'000 + 1'000'123 * int64_t{number / 2}};
  const auto order = [](uint32_t id, Timestamp created, OwnedValue shipped) {
    return std::vector<OwnedValue>{Text(std::to_string(id)), Text(std::to_string(id % 12 + 1)),
                                   Text(std::to_string(id * 7 % 20 + 1)), Text(created.ToString()),
                                   std::move(shipped)};
  };
  OwnedTransaction transaction;
  transaction.info.xid = Xid{700 + number};
  transaction.info.commit_lsn = Lsn{0x1500000 + 400 * uint64_t{number}};
  transaction.info.end_lsn = Lsn{transaction.info.commit_lsn.value + 48};
  transaction.info.commit_time = Timestamp{placed.micros + 321};
  transaction.changes = {Row(Operation::kInsert, OrdersRelation(), order(number, placed, Null())),
                         Row(Operation::kUpdate, OrdersRelation(),
                             order(number / 2, placed_shipped, Text(placed.ToString())))};
  return transaction;
}

std::vector<OwnedTransaction> RepresentativeTransactions() {
  std::vector<OwnedTransaction> transactions = {OrderTransaction(1), OrderTransaction(2)};
  Relation altered = OrdersRelation();
  altered.columns.push_back({"note", 25, -1, false, "", ""});
  const Relation empty{20002, "public", "empty", ReplicaIdentity::kNothing, {}};

  OwnedTransaction mixed = OrderTransaction(3);
  mixed.info.origin = "elsewhere";
  mixed.info.origin_lsn = Lsn{0x77};
  mixed.info.gid = "prepared one";
  mixed.changes.push_back(WithOld(
      Row(Operation::kUpdate, OrdersRelation(),
          {Text("900"), Toast(), Binary(std::string("\0\1", 2)), Text("infinity"), Text("-0")}),
      OldTupleKind::kKey, {Text("1"), Null(), Null(), Null(), Null()}));
  mixed.changes.push_back(WithOld(Row(Operation::kDelete, OrdersRelation(), {}), OldTupleKind::kKey,
                                  {Text("2"), Null(), Null(), Null(), Null()}));
  mixed.changes.push_back(Row(Operation::kInsert, altered,
                              {Text("4"), Null(), Text(""), Null(), Null(), Text("added")}));
  mixed.changes.push_back(Row(Operation::kInsert, NotesRelation(), {Text("hm"), Text("sad")}));
  mixed.changes.push_back(
      WithOld(Row(Operation::kUpdate, NotesRelation(), {Text("hm"), Text("happy")}),
              OldTupleKind::kFull, {Text("hm"), Text("sad")}));
  mixed.changes.push_back(WithOld(Row(Operation::kDelete, NotesRelation(), {}), OldTupleKind::kFull,
                                  {Text("hm"), Text("happy")}));
  mixed.changes.push_back(Row(Operation::kInsert, empty, {}));
  OwnedChange truncate;
  truncate.operation = Operation::kTruncate;
  truncate.relations = {OrdersRelation(), NotesRelation()};
  truncate.truncate_flags = kTruncateCascade | kTruncateRestartIdentity;
  mixed.changes.push_back(truncate);
  mixed.changes.push_back(MessageOf(Operation::kMessage, "app", "a message"));
  mixed.changes.back().message_lsn = Lsn{0x1500900};
  mixed.changes.push_back(MessageOf(Operation::kDefinition, "", "{\"format\": 1}"));
  mixed.changes.push_back(MessageOf(Operation::kRaw, "", "Zunknown"));
  transactions.push_back(mixed);

  OwnedTransaction alone;  // a message that is not transactional
  alone.info.commit_lsn = alone.info.end_lsn = Lsn{0x1501000};
  alone.changes.push_back(MessageOf(Operation::kMessage, "app", std::string("\0\xff", 2)));
  alone.changes.back().transactional = false;
  alone.changes.back().message_lsn = Lsn{0x1501000};
  transactions.push_back(alone);

  OwnedTransaction without_changes = OrderTransaction(5);
  without_changes.changes.clear();
  transactions.push_back(without_changes);
  return transactions;
}

}  // namespace trunkline::test
