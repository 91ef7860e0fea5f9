// Streams recorded from a Postgres 15 server (testdata/record.py), against what test_decoding said
// of the same WAL.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "decoder/assembler.h"

namespace trunkline {
namespace {

std::vector<std::string> LinesOf(const std::string& name) {
  std::ifstream file(std::string(TRUNKLINE_DECODER_TESTDATA) + "/" + name);
  EXPECT_TRUE(file) << name;
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

// Prints transactions as test_decoding does.
class TestDecodingSink : public TransactionSink {
 public:
  Result<void> Begin(const TransactionInfo& transaction) override {
    if (transaction.xid.valid()) lines.push_back("BEGIN " + std::to_string(transaction.xid.value));
    return {};
  }

  Result<void> OnChange(const Change& change) override {
    switch (change.operation) {
      case Operation::kInsert:
        lines.push_back(Table(change) + "INSERT:" + Columns(change, change.new_tuple));
        break;
      case Operation::kUpdate:
        lines.push_back(
            Table(change) + "UPDATE:" +
            (change.old_tuple.empty() ? "" : " old-key:" + WithoutNulls(change) + " new-tuple:") +
            Columns(change, change.new_tuple));
        break;
      case Operation::kDelete:
        lines.push_back(Table(change) + "DELETE:" + WithoutNulls(change));
        break;
      case Operation::kTruncate:
        lines.push_back(Truncate(change));
        break;
      case Operation::kMessage:
        lines.push_back("message: transactional: " + std::to_string(change.transactional) +
                        " prefix: " + std::string(change.prefix) +
                        ", sz: " + std::to_string(change.content.size()) +
                        " content:" + std::string(change.content));
        break;
      default:
        lines.push_back("something else");
    }
    return {};
  }

  Result<void> Commit(const TransactionInfo& transaction) override {
    if (transaction.xid.valid()) lines.push_back("COMMIT " + std::to_string(transaction.xid.value));
    return {};
  }

  std::vector<std::string> lines;

 private:
  static std::string Table(const Change& change) {
    return "table " + change.relation->schema + "." + change.relation->name + ": ";
  }

  static std::string Truncate(const Change& change) {
    std::string tables;
    for (const Relation* relation : change.truncated) {
      tables += (tables.empty() ? "" : ", ") + relation->schema + "." + relation->name;
    }
    std::string flags;
    if ((change.truncate_flags & kTruncateRestartIdentity) != 0) flags += " restart_seqs";
    if ((change.truncate_flags & kTruncateCascade) != 0) flags += " cascade";
    return "table " + tables + ": TRUNCATE:" + (flags.empty() ? " (no-flags)" : flags);
  }

  static std::string TypeName(const RelationColumn& column) {
    if (column.type_oid == 23) return "integer";
    if (column.type_oid == 25) return "text";
    return column.type_schema + "." + column.type_name;
  }

  static std::string Literal(const RelationColumn& column, const Value& value) {
    if (value.state == ValueState::kNull) return "null";
    if (value.state == ValueState::kUnchangedToast) return "unchanged-toast-datum";
    if (column.type_oid == 23) return std::string(value.bytes);
    std::string quoted = "'";
    for (const char c : value.bytes) quoted += c == '\'' ? "''" : std::string(1, c);
    return quoted + "'";
  }

  static std::string Columns(const Change& change, Tuple tuple, bool nulls = true) {
    std::string text;
    for (size_t i = 0; i < tuple.size(); ++i) {
      if (!nulls && tuple[i].state == ValueState::kNull) continue;
      const RelationColumn& column = change.relation->columns[i];
      text += " " + column.name + "[" + TypeName(column) + "]:" + Literal(column, tuple[i]);
    }
    return text;
  }
  static std::string WithoutNulls(const Change& change) {
    return Columns(change, change.old_tuple, false);
  }
};

// Feeds the recording and returns how many messages of each type it has.
std::map<char, int> ExpectAsTestDecodingSays(const std::string& name) {
  TestDecodingSink sink;
  const auto store = NewMemoryChangeStore();
  Assembler assembler(&sink, store.get());
  std::map<char, int> types;
  for (const std::string& line : LinesOf(name + ".stream")) {
    const size_t space = line.find(' ');
    const std::string message = FromHex(line.substr(space + 1));
    ++types[message.at(0)];
    const Result<void> fed =
        assembler.Feed(Lsn{std::stoull(line.substr(0, space), nullptr, 16)}, message);
    EXPECT_TRUE(fed) << fed.error().ToString();
    if (!fed) break;
  }
  EXPECT_TRUE(assembler.idle());
  EXPECT_EQ(sink.lines, LinesOf(name + ".expected"));
  return types;
}

TEST(RecordedStream, PlainTransactionsOfProtocol1) {
  const auto types = ExpectAsTestDecodingSays("plain");
  EXPECT_EQ(types.count('S'), 0U);
}

TEST(RecordedStream, StreamedTransactionsOfProtocol2) {
  auto types = ExpectAsTestDecodingSays("streamed");
  EXPECT_GT(types['S'], 8);
  EXPECT_EQ(types['c'], 3);
  EXPECT_EQ(types['A'], 3);
}

TEST(RecordedStream, PreparedTransactionsOfProtocol3) {
  auto types = ExpectAsTestDecodingSays("prepared");
  EXPECT_EQ(types['P'], 2);
  EXPECT_EQ(types['p'], 1);
  EXPECT_EQ(types['K'], 2);
  EXPECT_EQ(types['r'], 1);
}

}  // namespace
}  // namespace trunkline
