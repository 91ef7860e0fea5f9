#include "archive/transaction_digest.h"

#include "archive/little_endian.h"

namespace trunkline {
namespace {

constexpr size_t kBufferBytes = 64 << 10;

}  // namespace

void TransactionDigest::Add(uint64_t number) { PutLittleEndian(number, &buffer_); }

// Its length first, so that no two sequences of texts are the same bytes.
void TransactionDigest::Add(std::string_view text) {
  Add(uint64_t{text.size()});
  buffer_ += text;
}

void TransactionDigest::Add(const TransactionInfo& transaction) {
  Add(uint64_t{transaction.xid.value});
  Add(transaction.commit_lsn.value);
  Add(transaction.end_lsn.value);
  Add(static_cast<uint64_t>(transaction.commit_time.micros));
  Add(std::string_view(transaction.origin));
  Add(transaction.origin_lsn.value);
  Add(std::string_view(transaction.gid));
}

// As a whole where it is described anew, else by its OID.
void TransactionDigest::Add(const Relation& relation) {
  Add(uint64_t{relation.oid});
  const auto [last, first] = described_.try_emplace(relation.oid, relation);
  if (!first && last->second == relation) return Add(uint64_t{0});
  last->second = relation;
  Add(uint64_t{1});
  Add(std::string_view(relation.schema));
  Add(std::string_view(relation.name));
  Add(static_cast<uint64_t>(relation.identity));
  Add(uint64_t{relation.columns.size()});
  for (const RelationColumn& column : relation.columns) {
    Add(std::string_view(column.name));
    Add(uint64_t{column.type_oid});
    Add(static_cast<uint64_t>(column.type_modifier));
    Add(uint64_t{column.key});
    Add(std::string_view(column.type_schema));
    Add(std::string_view(column.type_name));
  }
}

void TransactionDigest::Add(Tuple tuple) {
  Add(uint64_t{tuple.size()});
  for (const Value& value : tuple) {
    Add(static_cast<uint64_t>(value.state));
    Add(value.bytes);
  }
}

void TransactionDigest::AddIfFull() {
  if (buffer_.size() < kBufferBytes) return;
  sha_.Update(buffer_);
  buffer_.clear();
}

Result<void> TransactionDigest::Begin(const TransactionInfo& transaction) {
  Add(transaction);
  return next_ == nullptr ? Result<void>() : next_->Begin(transaction);
}

Result<void> TransactionDigest::OnChange(const Change& change) {
  Add(static_cast<uint64_t>(change.operation));
  if (change.relation != nullptr) Add(*change.relation);
  Add(static_cast<uint64_t>(change.old_kind));
  Add(change.old_tuple);
  Add(change.new_tuple);
  Add(uint64_t{change.truncated.size()});
  for (const Relation* relation : change.truncated) Add(*relation);
  Add(uint64_t{change.truncate_flags});
  Add(change.prefix);
  Add(change.content);
  Add(change.message_lsn.value);
  Add(uint64_t{change.transactional});
  AddIfFull();
  return next_ == nullptr ? Result<void>() : next_->OnChange(change);
}

Result<void> TransactionDigest::Commit(const TransactionInfo& transaction) {
  Add(transaction);
  AddIfFull();
  return next_ == nullptr ? Result<void>() : next_->Commit(transaction);
}

std::string TransactionDigest::Finish() {
  sha_.Update(buffer_);
  return sha_.Finish();
}

}  // namespace trunkline
