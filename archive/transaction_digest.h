// TransactionDigest: one digest of all that transactions say, however they are laid out in blocks
// and segments.
#pragma once

#include <string>
#include <unordered_map>

#include "archive/sha256.h"
#include "decoder/change.h"

namespace trunkline {

class TransactionDigest final : public TransactionSink {
 public:
  // Passes everything on to `next`, which may be null and is not owned.
  explicit TransactionDigest(TransactionSink* next = nullptr) : next_(next) {}

  Result<void> Begin(const TransactionInfo& transaction) override;
  Result<void> OnChange(const Change& change) override;
  Result<void> Commit(const TransactionInfo& transaction) override;

  // 32 bytes. Call once.
  std::string Finish();

 private:
  void Add(uint64_t number);
  void Add(std::string_view text);
  void Add(const TransactionInfo& transaction);
  void Add(const Relation& relation);
  void Add(Tuple tuple);
  void AddIfFull();

  TransactionSink* const next_;
  Sha256 sha_;
  std::string buffer_;
  std::unordered_map<uint32_t, Relation> described_;  // by OID, as it was described last
};

}  // namespace trunkline
