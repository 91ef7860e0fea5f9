// Feeds messages to the parser and to an assembler, and checks what the assembler promises its
// sink.
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "decoder/assembler.h"
#include "decoder/parser.h"
#include "tests/fuzz/message_list.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace trunkline {
namespace {

// Touches every byte that it is given, so that a sanitizer sees one that is not there.
class TouchingSink : public TransactionSink {
 public:
  Result<void> Begin(const TransactionInfo& transaction) override {
    CHECK(!std::exchange(open_, true));
    CHECK(!transaction.end_lsn.valid());
    Touch(transaction.origin);
    Touch(transaction.gid);
    return {};
  }

  Result<void> OnChange(const Change& change) override {
    CHECK(open_);
    const bool of_row = change.operation == Operation::kInsert ||
                        change.operation == Operation::kUpdate ||
                        change.operation == Operation::kDelete;
    CHECK(of_row == (change.relation != nullptr));
    if (of_row) {
      const size_t width = change.relation->columns.size();
      CHECK(change.operation == Operation::kDelete || change.new_tuple.size() == width);
      CHECK(change.old_kind == OldTupleKind::kNone ? change.old_tuple.empty()
                                                   : change.old_tuple.size() == width);
      used_.push_back(change.relation);
    }
    for (const Value& value : change.old_tuple) Touch(value.bytes);
    for (const Value& value : change.new_tuple) Touch(value.bytes);
    used_.insert(used_.end(), change.truncated.begin(), change.truncated.end());
    Touch(change.prefix);
    Touch(change.content);
    return {};
  }

  Result<void> Commit(const TransactionInfo& transaction) override {
    CHECK(std::exchange(open_, false));
    CHECK(transaction.end_lsn.valid());
    for (const Relation* relation : std::exchange(used_, {})) Touch(relation->name);
    return {};
  }

  Result<void> OnRelation(const Relation& relation, const Relation* previous) {
    CHECK(open_);
    CHECK(previous == nullptr || (previous->oid == relation.oid && !(*previous == relation)));
    return {};
  }

 private:
  void Touch(std::string_view bytes) {
    for (const char c : bytes) sum_ = sum_ + static_cast<unsigned char>(c);
  }

  bool open_ = false;
  std::vector<const Relation*> used_;  // by the open transaction
  volatile unsigned sum_ = 0;
};

void ParseAlone(std::string_view message) {
  pgoutput::ParseScratch scratch;
  for (const bool in_stream : {false, true}) {
    const auto parsed = Parse(message, {.in_stream = in_stream}, &scratch);
    CHECK(parsed || parsed.error().kind == ErrorKind::kCorrupt);
  }
}

// Feeds messages up to the first error and returns how many that were.
size_t FeedUntilError(const MessageList& messages, size_t first) {
  TouchingSink sink;
  const auto store = NewMemoryChangeStore();
  Assembler assembler(&sink, store.get());
  assembler.set_relation_hook([&](const Relation& relation, const Relation* previous) {
    return sink.OnRelation(relation, previous);
  });
  for (size_t i = first; i < messages.size(); ++i) {
    const Result<void> fed = assembler.Feed(Lsn{i}, messages[i]);
    if (fed) continue;
    CHECK(fed.error().kind == ErrorKind::kCorrupt || fed.error().kind == ErrorKind::kUnsupported);
    return i - first + 1;
  }
  return messages.size() - first;
}

// Changes the order of messages or one message, so that most inputs stay sequences of messages.
void Mutate(MessageList* messages, std::minstd_rand* random) {
  const auto pick = [&] { return (*random)() % messages->size(); };
  const size_t place = pick();
  switch ((*random)() % 6) {
    case 0:
      messages->erase(messages->begin() + static_cast<std::ptrdiff_t>(place));
      return;
    case 1:
      messages->insert(messages->begin() + static_cast<std::ptrdiff_t>(place),
                       std::string((*messages)[pick()]));
      return;
    case 2:
      std::swap((*messages)[place], (*messages)[pick()]);
      return;
    default: {
      std::string& message = (*messages)[place];
      const size_t size = message.size();
      message.resize(size + 64);
      message.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(message.data()), size, size + 64));
    }
  }
}

}  // namespace
}  // namespace trunkline

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const trunkline::MessageList messages =
      trunkline::ReadMessageList({reinterpret_cast<const char*>(data), size});
  for (const std::string& message : messages) trunkline::ParseAlone(message);
  for (size_t fed = 0; fed < messages.size();) fed += trunkline::FeedUntilError(messages, fed);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  trunkline::MessageList messages =
      trunkline::ReadMessageList({reinterpret_cast<const char*>(data), size});
  std::minstd_rand random(seed);
  if (messages.empty() || random() % 16 == 0) return LLVMFuzzerMutate(data, size, max_size);
  trunkline::Mutate(&messages, &random);
  const std::string mutated = trunkline::WriteMessageList(messages);
  if (mutated.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::copy(mutated.begin(), mutated.end(), data);
  return mutated.size();
}
