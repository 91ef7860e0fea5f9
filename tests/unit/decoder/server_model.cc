#include "tests/unit/decoder/server_model.h"

#include <algorithm>
#include <utility>

namespace trunkline {
namespace {

constexpr uint32_t kFirstTableOid = 16384;
constexpr uint32_t kFirstTypeOid = 17000;
constexpr int64_t kTime = 5;

std::string Gid(uint32_t xid) { return "gid" + std::to_string(xid); }

// Versions differ in their columns' names, in their number and in the name of their type.
size_t WidthOf(uint32_t version) { return 1 + version % 3; }
std::string ColumnName(uint32_t version, size_t column) {
  return "v" + std::to_string(version) + "c" + std::to_string(column);
}
std::string TypeName(uint32_t version) { return "type" + std::to_string(version); }

}  // namespace

uint32_t ServerModel::Roll(uint32_t sides) {
  const uint32_t rolled = dice_ % sides;
  dice_ /= sides;
  return rolled;
}

void ServerModel::Play(uint32_t dice) {
  dice_ = dice;
  switch (Roll(10)) {
    case 0:
      if (streams_.size() < kMaxOpen) streams_.push_back(NewTransaction(true));
      return;
    case 1:
    case 2:
    case 3:
      if (Transaction* stream = PickStream()) SendChunk(stream);
      return;
    case 4:
      if (Transaction* stream = PickStream()) AbortSavepoint(stream);
      return;
    case 5:
      if (!streams_.empty()) EndStream(Roll(static_cast<uint32_t>(streams_.size())));
      return;
    case 6:
      return SendPlain();
    case 7:
      return prepared_.size() < kMaxOpen ? SendPrepared() : EndPrepared();
    case 8:
      return prepared_.empty() ? SendPlain() : EndPrepared();
    default: {
      // A publication's change: no lock keeps it from a table in use.
      Table& table = tables_[Roll(kTables)];
      if (!table.altered_by) {
        table.version = next_version_++;
        Invalidate(&table);
      }
      const std::string content = std::to_string(next_value_++);
      const uint64_t lsn = next_lsn_++;
      messages.push_back(wire::Logical(false, lsn, "own", content));
      expected.push_back(BeginLine(0));
      expected.push_back(MessageLine(content));
      expected.push_back(CommitLine(0));
    }
  }
}

void ServerModel::Finish() {
  while (!streams_.empty()) EndStream(0);
  while (!prepared_.empty()) EndPrepared();
}

std::string ServerModel::ColumnsOf(uint32_t table) const {
  const uint32_t version = tables_[table].version;
  std::string text = "t" + std::to_string(table);
  for (size_t i = 0; i < WidthOf(version); ++i) text += " " + ColumnName(version, i);
  return text + " " + TypeName(version);
}

void ServerModel::Describe(uint32_t table, uint32_t stream_xid) {
  const uint32_t version = tables_[table].version;
  std::vector<wire::Column> columns;
  for (size_t i = 0; i < WidthOf(version); ++i) {
    columns.push_back({.name = ColumnName(version, i), .type_oid = kFirstTypeOid + table});
  }
  const std::string type = wire::Type(kFirstTypeOid + table, "s", TypeName(version));
  const std::string relation =
      wire::Relation(kFirstTableOid + table, "s", "t" + std::to_string(table), columns);
  messages.push_back(stream_xid == 0 ? type : wire::InStream(stream_xid, type));
  messages.push_back(stream_xid == 0 ? relation : wire::InStream(stream_xid, relation));
}

void ServerModel::Change(Transaction* transaction) {
  const uint32_t index = Roll(kTables);
  Table& table = tables_[index];
  if (table.altered_by.value_or(transaction->xid) != transaction->xid) return;
  table.used_by.insert(transaction->xid);
  const uint32_t sub_xid = transaction->streamed ? transaction->savepoints.back().xids.front() : 0;
  if (transaction->streamed ? table.streamed_to.insert(transaction->xid).second
                            : !std::exchange(table.schema_sent, true)) {
    Describe(index, sub_xid);
  }
  const std::string value = std::to_string(next_value_++);
  const wire::Columns row(WidthOf(table.version), wire::Text(value));
  const std::string insert = wire::Insert(kFirstTableOid + index, row);
  messages.push_back(transaction->streamed ? wire::InStream(sub_xid, insert) : insert);
  transaction->lines.push_back({sub_xid, LineOf(sub_xid, ColumnsOf(index), value)});
}

// ALTER TABLE within a transaction: seen by it alone until it ends, and undone by an abort.
void ServerModel::Alter(Transaction* transaction) {
  const uint32_t index = Roll(kTables);
  Table& table = tables_[index];
  for (const uint32_t user : table.used_by) {
    if (user != transaction->xid) return;
  }
  table.used_by.insert(transaction->xid);
  table.altered_by = transaction->xid;
  transaction->savepoints.back().versions_before.emplace(index, table.version);
  table.version = next_version_++;
  Invalidate(&table);
}

void ServerModel::Invalidate(Table* table) {
  table->schema_sent = false;
  table->streamed_to.clear();
}

void ServerModel::UndoAlters(const Transaction& transaction) {
  for (const Savepoint& savepoint : transaction.savepoints) {
    for (const auto& [table, version] : savepoint.versions_before) {
      tables_[table].version = std::min(tables_[table].version, version);
      Invalidate(&tables_[table]);
    }
  }
}

void ServerModel::Unlock(uint32_t xid) {
  for (Table& table : tables_) {
    table.used_by.erase(xid);
    if (table.altered_by == xid) table.altered_by.reset();
  }
}

ServerModel::Transaction ServerModel::NewTransaction(bool streamed) {
  Transaction transaction;
  transaction.xid = next_xid_++;
  transaction.streamed = streamed;
  transaction.savepoints.push_back({{transaction.xid}, {}});
  return transaction;
}

ServerModel::Transaction* ServerModel::PickStream() {
  if (streams_.empty()) return nullptr;
  return &streams_[Roll(static_cast<uint32_t>(streams_.size()))];
}

void ServerModel::SendChunk(Transaction* transaction) {
  messages.push_back(wire::StreamStart(transaction->xid, !transaction->chunk_sent));
  transaction->chunk_sent = true;
  for (uint32_t changes = 1 + Roll(5); changes > 0; --changes) {
    std::vector<Savepoint>& savepoints = transaction->savepoints;
    switch (Roll(4)) {
      case 0:
        savepoints.push_back({{next_xid_++}, {}});
        break;
      case 1:
        if (savepoints.size() > 1) {  // RELEASE SAVEPOINT
          const Savepoint released = savepoints.back();
          savepoints.pop_back();
          auto& xids = savepoints.back().xids;
          xids.insert(xids.end(), released.xids.begin(), released.xids.end());
          savepoints.back().versions_before.insert(released.versions_before.begin(),
                                                   released.versions_before.end());
        }
        break;
      case 2:
        if (Roll(2) == 0) Alter(transaction);
        break;
      default:
        break;
    }
    Change(transaction);
  }
  messages.push_back(wire::StreamStop());
}

void ServerModel::AbortSavepoint(Transaction* transaction) {
  if (transaction->savepoints.size() < 2) return;
  const Savepoint aborted = transaction->savepoints.back();
  transaction->savepoints.pop_back();
  for (const uint32_t sub_xid : aborted.xids) {
    messages.push_back(wire::StreamAbort(transaction->xid, sub_xid));
    std::erase_if(transaction->lines, [&](const Line& line) { return line.sub_xid == sub_xid; });
  }
  for (Table& table : tables_) table.streamed_to.erase(transaction->xid);
  for (const auto& [index, version] : aborted.versions_before) {
    tables_[index].version = version;
    Invalidate(&tables_[index]);
    tables_[index].altered_by.reset();
    for (const Savepoint& outer : transaction->savepoints) {
      if (outer.versions_before.count(index) != 0) tables_[index].altered_by = transaction->xid;
    }
  }
}

void ServerModel::EndStream(size_t index) {
  Transaction transaction = streams_[index];
  streams_.erase(streams_.begin() + static_cast<std::ptrdiff_t>(index));
  const uint32_t how = Roll(4);
  if (how == 0) {
    if (transaction.chunk_sent) {
      messages.push_back(wire::StreamAbort(transaction.xid, transaction.xid));
    }
    for (Table& table : tables_) table.streamed_to.erase(transaction.xid);
    UndoAlters(transaction);
    return Unlock(transaction.xid);
  }
  if (!transaction.chunk_sent) return Unlock(transaction.xid);  // a server would not stream it
  if (how == 1) {
    messages.push_back(wire::TwoPhase('p', next_lsn_, next_lsn_ + 1, kTime, transaction.xid,
                                      Gid(transaction.xid)));
    next_lsn_ += 2;
    prepared_.push_back(std::move(transaction));
    return;
  }
  messages.push_back(wire::StreamCommit(transaction.xid, next_lsn_, next_lsn_ + 1, kTime));
  next_lsn_ += 2;
  for (Table& table : tables_) {
    if (table.streamed_to.erase(transaction.xid) != 0) table.schema_sent = true;
  }
  Unlock(transaction.xid);
  Expect(transaction);
}

void ServerModel::SendPlain() {
  Transaction transaction = NewTransaction(false);
  const uint64_t lsn = next_lsn_;
  next_lsn_ += 2;
  messages.push_back(wire::Begin(lsn, kTime, transaction.xid));
  for (uint32_t changes = 1 + Roll(4); changes > 0; --changes) {
    if (Roll(4) == 0) Alter(&transaction);
    Change(&transaction);
  }
  messages.push_back(wire::Commit(lsn, lsn + 1, kTime));
  Unlock(transaction.xid);
  Expect(transaction);
}

void ServerModel::SendPrepared() {
  Transaction transaction = NewTransaction(false);
  const std::string gid = Gid(transaction.xid);
  messages.push_back(wire::BeginPrepare(next_lsn_, next_lsn_ + 1, kTime, transaction.xid, gid));
  for (uint32_t changes = 1 + Roll(4); changes > 0; --changes) Change(&transaction);
  messages.push_back(wire::TwoPhase('P', next_lsn_, next_lsn_ + 1, kTime, transaction.xid, gid));
  next_lsn_ += 2;
  prepared_.push_back(std::move(transaction));
}

void ServerModel::EndPrepared() {
  const size_t index = Roll(static_cast<uint32_t>(prepared_.size()));
  const Transaction transaction = prepared_[index];
  prepared_.erase(prepared_.begin() + static_cast<std::ptrdiff_t>(index));
  const std::string gid = Gid(transaction.xid);
  const uint64_t lsn = next_lsn_;
  next_lsn_ += 2;
  if (Roll(3) == 0) {
    messages.push_back(wire::RollbackPrepared(lsn, lsn + 1, kTime, kTime, transaction.xid, gid));
    UndoAlters(transaction);
    return Unlock(transaction.xid);
  }
  messages.push_back(wire::TwoPhase('K', lsn, lsn + 1, kTime, transaction.xid, gid));
  Unlock(transaction.xid);
  Expect(transaction);
}

void ServerModel::Expect(const Transaction& transaction) {
  expected.push_back(BeginLine(transaction.xid));
  for (const Line& line : transaction.lines) expected.push_back(line.text);
  expected.push_back(CommitLine(transaction.xid));
}

}  // namespace trunkline
