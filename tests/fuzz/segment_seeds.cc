// Writes seed inputs for segment_fuzzer into a folder: segment_seeds FOLDER
#include <fstream>
#include <iostream>
#include <string>

#include "archive/segment_writer.h"

namespace trunkline {
namespace {

const Relation kRelation{
    1, "public", "t", ReplicaIdentity::kDefault, {{"id", 20, -1, true, "", ""}}};

Result<std::string> Segment(SegmentKind kind, uint32_t transactions) {
  SegmentWriter writer({.block_changes = 3});
  for (uint32_t i = 1; i <= transactions; ++i) {
    TransactionInfo info{Xid{i}, Lsn{i * 100}, {}, Timestamp{i * 1000}, "", {}, ""};
    TRY(writer.Begin(info));
    for (uint32_t j = 0; j < i; ++j) {
      const std::string text = std::to_string(i * j);
      const Value value{ValueState::kText, text};
      Change change;
      change.relation = &kRelation;
      change.new_tuple = {&value, 1};
      TRY(writer.OnChange(change));
    }
    info.end_lsn = Lsn{i * 100 + 50};
    TRY(writer.Commit(info));
  }
  SegmentHeader header;
  header.kind = kind;
  header.end = Lsn{100'000};
  header.identity_digest = std::string(kDigestBytes, 'i');
  header.gap_reason = kind == SegmentKind::kGap ? "slot lost" : "";
  if (kind == SegmentKind::kManifest) header.parts = {{"part", "digest", 7, kRelation}};
  ASSIGN_OR_RETURN(const auto finished, writer.Finish(header));
  return ReadAll(*finished, 1 << 20);
}

}  // namespace
}  // namespace trunkline

int main(int argc, char** argv) {
  using namespace trunkline;
  if (argc != 2) return 2;
  int number = 0;
  for (const SegmentKind kind :
       {SegmentKind::kChanges, SegmentKind::kManifest, SegmentKind::kGap}) {
    for (const uint32_t transactions : {0u, 1u, 5u}) {
      const Result<std::string> segment = Segment(kind, transactions);
      std::ofstream file(std::string(argv[1]) + "/segment" + std::to_string(number++),
                         std::ios::binary);
      if (segment) file << *segment;
      if (!segment || !file.flush()) {
        std::cerr << "segment_seeds: cannot write into " << argv[1] << "\n";
        return 1;
      }
    }
  }
  return 0;
}
