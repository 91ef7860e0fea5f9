// Size and speed of the segment format alone, one core, no I/O:
//
//   codec_bench [transactions] [zstd level]
//
// The load is the demo's: each transaction places an order and ships a recent one. The yardstick
// is the same changes as a binary pgoutput stream under zstd -19.
#include <zstd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "archive/segment_reader.h"
#include "archive/segment_writer.h"

namespace trunkline {
namespace {

constexpr size_t kColumns = 5;

struct Order {
  uint32_t id = 0;
  int customer = 0;
  int units = 0;
  Timestamp created_at;
};

struct GeneratedTransaction {
  TransactionInfo info;
  std::string texts[2 * kColumns];  // of the insert, of the update
  Value values[2 * kColumns];
};

Relation Orders() {
  return {16385,
          "public",
          "orders",
          ReplicaIdentity::kDefault,
          {{"id", 20, -1, true, "", ""},
           {"customer_id", 23, -1, false, "", ""},
           {"units", 23, -1, false, "", ""},
           {"created_at", 1184, -1, false, "", ""},
           {"shipped_at", 1184, -1, false, "", ""}}};
}

// The binary stream of the same changes.
class BinaryStream {
 public:
  void Transaction(const TransactionInfo& info, const Order& placed, const Order& shipped,
                   Timestamp shipped_at) {
    bytes_ += 'B';
    Put(info.commit_lsn.value, 8), Put(static_cast<uint64_t>(info.commit_time.micros), 8);
    Put(info.xid.value, 4);
    bytes_ += 'I';
    Put(16385, 4);
    PutOrder(placed);
    bytes_ += 'n';
    bytes_ += 'U';
    Put(16385, 4);
    PutOrder(shipped);
    bytes_ += 'b';
    Put(8, 4), Put(static_cast<uint64_t>(shipped_at.micros), 8);
    bytes_ += 'C';
    Put(0, 1), Put(info.commit_lsn.value, 8), Put(info.end_lsn.value, 8);
    Put(static_cast<uint64_t>(info.commit_time.micros), 8);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void Put(uint64_t value, int size) {
    while (size-- > 0) bytes_ += static_cast<char>(value >> (8 * size));
  }
  void PutValue(uint64_t value, int size) {
    bytes_ += 'b';
    Put(static_cast<uint64_t>(size), 4), Put(value, size);
  }
  void PutOrder(const Order& order) {
    bytes_ += 'N';
    Put(kColumns, 2);
    PutValue(order.id, 8);
    PutValue(static_cast<uint64_t>(order.customer), 4);
    PutValue(static_cast<uint64_t>(order.units), 4);
    PutValue(static_cast<uint64_t>(order.created_at.micros), 8);
  }

  std::string bytes_;
};

void SetTexts(const Order& order, std::string shipped_at, std::string* texts, Value* values) {
  texts[0] = std::to_string(order.id);
  texts[1] = std::to_string(order.customer);
  texts[2] = std::to_string(order.units);
  texts[3] = order.created_at.ToString();
  texts[4] = std::move(shipped_at);
  for (size_t i = 0; i < kColumns; ++i) {
    values[i] = {texts[i].empty() ? ValueState::kNull : ValueState::kText, texts[i]};
  }
}

class Generator {
 public:
  explicit Generator(BinaryStream* binary) : binary_(binary) {}

  void Next(GeneratedTransaction* out) {
    now_ += 900 + Random(600);
    const Timestamp begin{now_ - 100 - Random(800)};
    const Order placed{++last_id_, 1 + static_cast<int>(Random(12)),
                       1 + static_cast<int>(Random(20)), begin};
    recent_.push_back(placed);
    if (recent_.size() > 1000) recent_.pop_front();
    const Order& shipped =
        recent_[static_cast<size_t>(Random(static_cast<int64_t>(recent_.size())))];
    const Timestamp shipped_at{begin.micros + Random(40)};
    lsn_ += Random(4) > 0 ? 368 : 304 + 8 * static_cast<uint64_t>(Random(26));
    out->info.xid = Xid{++xid_};
    out->info.commit_lsn = Lsn{lsn_};
    out->info.end_lsn = Lsn{lsn_ += 48};
    out->info.commit_time = Timestamp{now_};
    SetTexts(placed, "", out->texts, out->values);
    SetTexts(shipped, shipped_at.ToString(), out->texts + kColumns, out->values + kColumns);
    binary_->Transaction(out->info, placed, shipped, shipped_at);
  }

 private:
  int64_t Random(int64_t below) {
    return static_cast<int64_t>(random_() % static_cast<uint64_t>(below));
  }

  BinaryStream* binary_;
  std::mt19937_64 random_{42};
  std::deque<Order> recent_;
  uint32_t last_id_ = 1'000'000;
  uint32_t xid_ = 731;
  uint64_t lsn_ = 0x15000000;
  int64_t now_ = 533'000'000'000'000;
};

// Of the processor, not of the wall: others may be using the machine.
double Seconds(const auto& work) {
  const std::clock_t start = std::clock();
  work();
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

void Require(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "codec_bench: %s\n", what);
  std::exit(1);
}

std::string Encode(const std::vector<GeneratedTransaction>& transactions, int level) {
  const Relation relation = Orders();
  SegmentWriter writer({.zstd_level = level});
  for (const GeneratedTransaction& transaction : transactions) {
    TransactionInfo begin = transaction.info;
    begin.end_lsn = {};
    Require(writer.Begin(begin).has_value(), "begin");
    Change change;
    change.relation = &relation;
    change.operation = Operation::kInsert;
    change.new_tuple = Tuple(transaction.values, kColumns);
    Require(writer.OnChange(change).has_value(), "insert");
    change.operation = Operation::kUpdate;
    change.new_tuple = Tuple(transaction.values + kColumns, kColumns);
    Require(writer.OnChange(change).has_value(), "update");
    Require(writer.Commit(transaction.info).has_value(), "commit");
  }
  SegmentHeader header;
  header.end = writer.last_end_lsn();
  auto finished = writer.Finish(header);
  Require(finished.has_value(), "finish");
  return ReadAll(**finished, UINT64_MAX).value();
}

// Decodes every block; returns the changes seen.
uint64_t Decode(const std::string& segment) {
  const auto reader = SegmentReader::Open(NewMemorySource(segment), "bench");
  Require(reader.has_value(), "open");
  DecodedBlock block;
  uint64_t changes = 0;
  for (size_t i = 0; i < (*reader)->blocks().size(); ++i) {
    Require((*reader)->ReadBlock(i, &block).has_value(), "read");
    changes += block.changes().size();
  }
  return changes;
}

int Main(int argc, char** argv) {
  const size_t count = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 500'000;
  const int level = argc > 2 ? std::atoi(argv[2]) : SegmentOptions{}.zstd_level;
  BinaryStream binary;
  Generator generator(&binary);
  std::vector<GeneratedTransaction> transactions(count);
  for (GeneratedTransaction& transaction : transactions) generator.Next(&transaction);

  std::string segment;
  const double encode = Seconds([&] { segment = Encode(transactions, level); });
  uint64_t changes = 0;
  const double decode = Seconds([&] { changes = Decode(segment); });
  const auto total = static_cast<double>(changes);
  std::printf("segment         %8.3f bytes/change  encode %6.2f M/s  decode %6.2f M/s\n",
              static_cast<double>(segment.size()) / total, total / encode / 1e6,
              total / decode / 1e6);
  std::string compressed(ZSTD_compressBound(binary.bytes().size()), '\0');
  const double zstd = Seconds([&] {
    compressed.resize(ZSTD_compress(compressed.data(), compressed.size(), binary.bytes().data(),
                                    binary.bytes().size(), 19));
  });
  std::printf("binary zstd -19 %8.3f bytes/change  (raw %.1f)  encode %6.2f M/s\n",
              static_cast<double>(compressed.size()) / total,
              static_cast<double>(binary.bytes().size()) / total, total / zstd / 1e6);
  return 0;
}

}  // namespace
}  // namespace trunkline

int main(int argc, char** argv) { return trunkline::Main(argc, argv); }
