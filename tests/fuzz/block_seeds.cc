// Writes seed inputs for block_fuzzer into a folder: block_seeds FOLDER
#include <zstd.h>

#include <fstream>
#include <iostream>
#include <random>
#include <string>

#include "archive/block_contents.h"
#include "archive/block_encoder.h"
#include "archive/little_endian.h"
#include "tests/fuzz/block_relations.h"

namespace trunkline {
namespace {

// Adds random changes of the relations to a block.
class BlockMaker {
 public:
  explicit BlockMaker(uint32_t seed) : dice_(seed), relations_(BlockRelations()) {}

  std::string Make() {
    const uint32_t transactions = 1 + dice_() % 20;
    for (uint32_t i = 0; i < transactions; ++i) AddTransaction();
    StreamWriter stream(3);
    std::string bytes;
    EncodeBlock(builder_.contents(), &stream, &bytes);
    return bytes;
  }

 private:
  void AddTransaction() {
    time_ += dice_() % 1'000'000;
    lsn_ += 100 + dice_() % 300;
    TransactionInfo info;
    info.xid.value = ++xid_;
    info.commit_lsn.value = lsn_;
    info.commit_time.micros = time_;
    if (dice_() % 8 == 0) info.origin = "origin";
    builder_.OpenSlice(info, false);
    const uint32_t changes = dice_() % 30;
    for (uint32_t i = 0; i < changes; ++i) AddChange();
    builder_.CloseSlice(Lsn{lsn_ + 48});
  }

  void AddChange() {
    const uint32_t die = dice_() % 20;
    if (die == 0) return builder_.AddTruncate({0, 2}, 1);
    Change change;
    change.prefix = "prefix";
    change.content = "content";
    change.operation = Operation::kMessage;
    if (die == 1) return builder_.AddMessage(change);
    const auto index = static_cast<uint32_t>(dice_() % relations_.size());
    const std::vector<Value> old_tuple = NextTuple(index);
    const std::vector<Value> new_tuple = NextTuple(index);
    change = {};
    change.relation = &relations_[index];
    change.operation = die < 10   ? Operation::kInsert
                       : die < 16 ? Operation::kUpdate
                                  : Operation::kDelete;
    if (change.operation == Operation::kDelete || die == 15) change.old_kind = OldTupleKind::kKey;
    if (change.relation->identity == ReplicaIdentity::kFull && die >= 14) {
      change.old_kind = OldTupleKind::kFull;
    }
    if (change.old_kind != OldTupleKind::kNone) change.old_tuple = old_tuple;
    if (change.operation != Operation::kDelete) change.new_tuple = new_tuple;
    builder_.AddRows(change, change.relation, index);
  }

  std::vector<Value> NextTuple(uint32_t index) {
    const size_t columns = relations_[index].columns.size();
    std::vector<Value> tuple;
    for (size_t i = 0; i < columns; ++i) {
      texts_.push_back(std::make_unique<std::string>(NextText(index * 3 + i)));
      const uint32_t die = dice_() % 16;
      if (die == 0) tuple.push_back({ValueState::kNull, {}});
      if (die == 1) tuple.push_back({ValueState::kUnchangedToast, {}});
      if (die == 2) tuple.push_back({ValueState::kBinary, *texts_.back()});
      if (die > 2) tuple.push_back({ValueState::kText, *texts_.back()});
    }
    return tuple;
  }

  std::string NextText(size_t column) {
    if (column == 0) return std::to_string(dice_() % 40);
    if (column == 1) return Timestamp{time_ - static_cast<int64_t>(dice_() % 900)}.ToString();
    if (column == 3) return std::to_string(dice_() % 100) + ".50";
    if (column == 4)
      return "a0eebc99-9c0b-4ef8-bb6d-6bb9bd38" + std::to_string(1000 + dice_() % 9000);
    return std::string(dice_() % 20, static_cast<char>('a' + dice_() % 4));
  }

  std::mt19937 dice_;
  std::vector<Relation> relations_;
  std::vector<std::unique_ptr<std::string>> texts_;
  BlockBuilder builder_;
  int64_t time_ = 533'000'000'000'000;
  uint64_t lsn_ = 0x1500000;
  uint32_t xid_ = 700;
};

// The same block with meta as it is, so that the fuzzer can change it.
std::string WithPlainMeta(const std::string& block) {
  const auto meta_size = GetLittleEndian<uint32_t>(block.data());
  const auto stored_size = GetLittleEndian<uint32_t>(block.data() + 4);
  std::string meta(meta_size, '\0');
  if (stored_size == meta_size) return block;
  ZSTD_decompress(meta.data(), meta.size(), block.data() + 8, stored_size);
  std::string plain;
  PutLittleEndian(meta_size, &plain);
  PutLittleEndian(meta_size, &plain);
  return plain + meta + block.substr(8 + stored_size);
}

}  // namespace
}  // namespace trunkline

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  for (uint32_t seed = 0; seed < 40; ++seed) {
    const std::string block = trunkline::BlockMaker(seed).Make();
    std::ofstream file(std::string(argv[1]) + "/block" + std::to_string(seed), std::ios::binary);
    file << (seed % 4 == 0 ? block : trunkline::WithPlainMeta(block));
    if (!file.flush()) {
      std::cerr << "block_seeds: cannot write into " << argv[1] << "\n";
      return 1;
    }
  }
  return 0;
}
