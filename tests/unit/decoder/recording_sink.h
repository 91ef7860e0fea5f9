// RecordingSink: writes down, a line each, what a TransactionSink is told, and checks that it is
// told in the right order.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "decoder/change.h"

namespace trunkline {

inline std::string Show(const Value& value) {
  switch (value.state) {
    case ValueState::kNull:
      return "null";
    case ValueState::kUnchangedToast:
      return "unchanged";
    case ValueState::kText:
      return std::string(value.bytes);
    case ValueState::kBinary:
      return "binary:" + std::string(value.bytes);
  }
  return "?";
}

inline std::string Show(const Relation& relation, Tuple tuple) {
  std::string text;
  for (size_t i = 0; i < tuple.size(); ++i) {
    text += (i == 0 ? "" : " ") + relation.columns[i].name + "=" + Show(tuple[i]);
  }
  return "(" + text + ")";
}

// "I s.t (a=1)", with "[5] " in front where the change names its subtransaction.
inline std::string Show(const Change& change) {
  std::string text;
  if (change.sub_xid.valid()) text = "[" + std::to_string(change.sub_xid.value) + "] ";
  text += static_cast<char>(change.operation);
  if (const Relation* relation = change.relation) {
    text += " " + relation->schema + "." + relation->name;
    if (change.old_kind != OldTupleKind::kNone) {
      text += std::string(" ") + static_cast<char>(change.old_kind);
      text += Show(*relation, change.old_tuple);
    }
    if (change.operation != Operation::kDelete) text += " " + Show(*relation, change.new_tuple);
  }
  for (const Relation* relation : change.truncated) {
    text += " " + relation->schema + "." + relation->name;
  }
  if (change.operation == Operation::kTruncate) {
    text += " flags " + std::to_string(change.truncate_flags);
  }
  if (change.operation == Operation::kMessage) {
    text += " " + std::string(change.prefix) + "@" + change.message_lsn.ToString();
    if (!change.transactional) text += " on its own";
  }
  if (!change.content.empty()) text += ": " + std::string(change.content);
  return text;
}

class RecordingSink : public TransactionSink {
 public:
  Result<void> Begin(const TransactionInfo& transaction) override {
    EXPECT_FALSE(open_.has_value()) << "Begin within a transaction";
    EXPECT_EQ(transaction.end_lsn, Lsn{});
    open_ = transaction;
    std::string line = "begin " + std::to_string(transaction.xid.value) + " at " +
                       transaction.commit_lsn.ToString() + " time " +
                       std::to_string(transaction.commit_time.micros);
    if (!transaction.origin.empty()) {
      line += " origin " + transaction.origin + "@" + transaction.origin_lsn.ToString();
    }
    if (!transaction.gid.empty()) line += " gid " + transaction.gid;
    lines.push_back(line);
    return {};
  }

  Result<void> OnChange(const Change& change) override {
    EXPECT_TRUE(open_.has_value()) << "OnChange outside of a transaction";
    if (change.relation != nullptr) relations.push_back(change.relation);
    lines.push_back(Show(change));
    if (fail_at_change) return Fail(ErrorKind::kUnavailable, "the sink is full");
    return {};
  }

  Result<void> Commit(const TransactionInfo& transaction) override {
    EXPECT_TRUE(open_.has_value()) << "Commit outside of a transaction";
    TransactionInfo begun = std::exchange(open_, std::nullopt).value_or(TransactionInfo{});
    begun.end_lsn = transaction.end_lsn;
    EXPECT_EQ(begun, transaction);
    lines.push_back("commit " + std::to_string(transaction.xid.value) + " to " +
                    transaction.end_lsn.ToString());
    return {};
  }

  bool in_transaction() const { return open_.has_value(); }

  std::vector<std::string> lines;
  std::vector<const Relation*> relations;  // of each row change
  bool fail_at_change = false;

 private:
  std::optional<TransactionInfo> open_;
};

}  // namespace trunkline
