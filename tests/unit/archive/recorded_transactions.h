// Transactions that own all they hold, to write into a segment and to compare with what is read.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "archive/segment_reader.h"
#include "archive/segment_writer.h"
#include "decoder/change.h"

namespace trunkline::test {

struct OwnedValue {
  ValueState state = ValueState::kNull;
  std::string bytes;

  friend bool operator==(const OwnedValue&, const OwnedValue&) = default;
};

inline OwnedValue Null() { return {}; }
inline OwnedValue Toast() { return {ValueState::kUnchangedToast, ""}; }
inline OwnedValue Text(std::string bytes) { return {ValueState::kText, std::move(bytes)}; }
inline OwnedValue Binary(std::string bytes) { return {ValueState::kBinary, std::move(bytes)}; }

struct OwnedChange {
  Operation operation = Operation::kInsert;
  std::vector<Relation> relations;  // the one of a row, or those of a truncate
  OldTupleKind old_kind = OldTupleKind::kNone;
  std::vector<OwnedValue> old_tuple;
  std::vector<OwnedValue> new_tuple;
  uint8_t truncate_flags = 0;
  std::string prefix;
  std::string content;
  Lsn message_lsn;
  bool transactional = true;

  friend bool operator==(const OwnedChange&, const OwnedChange&) = default;
};

struct OwnedTransaction {
  TransactionInfo info;
  std::vector<OwnedChange> changes;

  friend bool operator==(const OwnedTransaction&, const OwnedTransaction&) = default;
};

// Keeps what it is sent.
class RecordingSink : public TransactionSink {
 public:
  Result<void> Begin(const TransactionInfo& transaction) override;
  Result<void> OnChange(const Change& change) override;
  Result<void> Commit(const TransactionInfo& transaction) override;

  std::vector<OwnedTransaction> transactions;
};

// Plays `transactions` to `sink`.
Result<void> Play(const std::vector<OwnedTransaction>& transactions, TransactionSink* sink);

// The bytes of a segment of kind kChanges that holds `transactions`.
std::string EncodeSegment(const std::vector<OwnedTransaction>& transactions,
                          const SegmentOptions& options = {}, const SegmentHeader& header = {});
// A header of kind kChanges whose range holds everything.
SegmentHeader WideHeader();

Result<std::unique_ptr<SegmentReader>> OpenBytes(std::string bytes);
Result<std::vector<OwnedTransaction>> DecodeSegment(std::string bytes);

// public.orders(id key, customer_id, units, created_at, shipped_at)
Relation OrdersRelation();
// A transaction number `number` of the demo: an order placed, another one shipped.
OwnedTransaction OrderTransaction(uint32_t number);
// One of every kind of change, with every state of a value.
std::vector<OwnedTransaction> RepresentativeTransactions();

}  // namespace trunkline::test
