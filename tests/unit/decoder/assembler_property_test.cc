#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "decoder/assembler.h"
#include "tests/unit/decoder/server_model.h"

namespace trunkline {
namespace {

using Script = std::vector<uint32_t>;

ServerModel Played(const Script& script) {
  ServerModel server;
  for (const uint32_t dice : script) server.Play(dice);
  server.Finish();
  return server;
}

// Long histories, of dice that are not small numbers only.
rc::Gen<Script> Scripts() {
  return rc::gen::scale(4.0, rc::gen::container<Script>(rc::gen::resize(
                                 rc::kNominalSize, rc::gen::arbitrary<uint32_t>())));
}

// Says what it is told in the ServerModel's words, and checks that the hook ran ahead.
class ModelSink : public TransactionSink {
 public:
  Result<void> Begin(const TransactionInfo& transaction) override {
    lines.push_back(ServerModel::BeginLine(transaction.xid.value));
    return {};
  }

  Result<void> OnChange(const Change& change) override {
    if (change.operation == Operation::kMessage) {
      lines.push_back(ServerModel::MessageLine(std::string(change.content)));
      return {};
    }
    const Relation& relation = *change.relation;
    RC_ASSERT(hooked_[relation.oid] == &relation);
    std::string columns = relation.name;
    for (const RelationColumn& column : relation.columns) columns += " " + column.name;
    columns += " " + relation.columns[0].type_name;
    lines.push_back(
        ServerModel::LineOf(change.sub_xid.value, columns, std::string(change.new_tuple[0].bytes)));
    return {};
  }

  Result<void> Commit(const TransactionInfo& transaction) override {
    RC_ASSERT(transaction.end_lsn > last_end_);
    last_end_ = transaction.end_lsn;
    lines.push_back(ServerModel::CommitLine(transaction.xid.value));
    return {};
  }

  Result<void> OnRelation(const Relation& relation, const Relation* previous) {
    RC_ASSERT(hooked_[relation.oid] == previous);
    hooked_[relation.oid] = &relation;
    return {};
  }

  std::vector<std::string> lines;

 private:
  std::map<uint32_t, const Relation*> hooked_;
  Lsn last_end_;
};

// Checks just that Begin, OnChange and Commit take turns as they should.
class OrderSink : public TransactionSink {
  Result<void> Begin(const TransactionInfo&) override {
    RC_ASSERT(!std::exchange(open_, true));
    return {};
  }
  Result<void> OnChange(const Change&) override {
    RC_ASSERT(open_);
    return {};
  }
  Result<void> Commit(const TransactionInfo&) override {
    RC_ASSERT(std::exchange(open_, false));
    return {};
  }

  bool open_ = false;
};

RC_GTEST_PROP(AssemblerProperty, MakesOfAServersStreamWhatTheServerMeant, ()) {
  const ServerModel server = Played(*Scripts());
  ModelSink sink;
  const auto store = NewMemoryChangeStore();
  Assembler assembler(&sink, store.get());
  assembler.set_relation_hook([&](const Relation& relation, const Relation* previous) {
    return sink.OnRelation(relation, previous);
  });
  for (const std::string& message : server.messages) {
    const Result<void> fed = assembler.Feed(Lsn{}, message);
    if (!fed) RC_FAIL(fed.error().ToString());
  }
  RC_ASSERT(sink.lines == server.expected);
  RC_ASSERT(assembler.idle());
}

RC_GTEST_PROP(AssemblerProperty, StandsMessagesOutOfOrder, (const std::vector<uint32_t>& swaps)) {
  ServerModel server = Played(*Scripts());
  std::vector<std::string>& messages = server.messages;
  RC_PRE(!messages.empty());
  for (const uint32_t swap : swaps) {
    std::swap(messages[(swap & 0xFFFF) % messages.size()],
              messages[(swap >> 16) % messages.size()]);
  }
  OrderSink sink;
  const auto store = NewMemoryChangeStore();
  Assembler assembler(&sink, store.get());
  for (const std::string& message : messages) {
    const Result<void> fed = assembler.Feed(Lsn{1}, message);
    if (fed) continue;
    RC_ASSERT(fed.error().kind == ErrorKind::kCorrupt);
    break;
  }
}

}  // namespace
}  // namespace trunkline
