#include "replay/pgdata_btree.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace trunkline {
namespace {

// What the server sees in an index tuple's header and in the end of a page (access/nbtree.h).
constexpr size_t kTupleHeadBytes = 8;
constexpr size_t kKeyTupleBytes = 16;   // with a key of up to 8 bytes
constexpr size_t kPivotWithPlace = 24;  // and the place of a row after it
constexpr size_t kPlaceBytes = 6;
constexpr uint16_t kAlternativeTid = 0x2000;  // t_info: the place in the head says something else
constexpr uint16_t kIsPosting = 0x2000;       // with that, as a place's item
constexpr uint16_t kPivotHasPlace = 0x1000;
constexpr size_t kSpecialBytes = 16;
enum PageFlags : uint16_t { kInner = 0, kLeaf = 1, kRoot = 2 };

// The metapage's fields, from the page's begin.
constexpr size_t kMagicAt = 24;
constexpr size_t kVersionAt = 28;
constexpr size_t kRootAt = 32;
constexpr size_t kLevelAt = 36;
constexpr size_t kFastRootAt = 40;
constexpr size_t kFastLevelAt = 44;
constexpr size_t kAllEqualImageAt = 64;
constexpr uint32_t kMagic = 0x053162;
constexpr uint32_t kVersion = 4;

// What CREATE INDEX leaves free for later rows, 10% of a leaf and 30% of a page above, and room for
// the largest item and the high key.
constexpr size_t kLargestHighKey = kPivotWithPlace + kItemPointerBytes;
constexpr size_t kLeafReserve = kPageBytes / 10 + kLargestHighKey;
constexpr size_t kInnerReserve = kPageBytes * 3 / 10 + kLargestHighKey;
// As many as a posting list takes (_bt_dedup_save_htid).
constexpr size_t kLargestPosting = kPageBytes / 10 / 8 * 8 - kItemPointerBytes;
constexpr size_t kPlacesInPosting = (kLargestPosting / 8 * 8 - kKeyTupleBytes) / kPlaceBytes;
static_assert(kLeafReserve - kLargestHighKey >= kLargestPosting + kItemPointerBytes);

// The lower bound of a page, which parts it from the one before: a key, and where both hold it the
// greatest place on the left.
struct Bound {
  int64_t key = 0;
  RowPlace place = {};
  bool has_place = false;
  bool lowest = false;  // of the first page: no key at all
};

struct Child {
  Bound bound;
  uint32_t block = 0;
};

void PutKey(char* tuple, int64_t key, size_t key_bytes) {
  std::memcpy(tuple + kTupleHeadBytes, &key, key_bytes);
}

class Btree {
 public:
  Btree(const BtreeOptions& options, bool lists, RelationFile* file)
      : options_(options), lists_(lists), file_(file) {}

  Result<void> Write(const IndexEntries& entries) {
    TRY(WriteLeaves(entries));
    while (children_.size() > 1) TRY(WriteLevel());
    return Flush();
  }
  uint32_t root() const { return children_.front().block; }
  uint32_t level() const { return level_; }

 private:
  Result<void> WriteLeaves(const IndexEntries& entries) {
    Begin({.lowest = true});
    for (size_t first = 0; first < entries.size();) {
      size_t end = first + 1;
      while (lists_ && end < entries.size() && end - first < kPlacesInPosting &&
             entries[end].key == entries[first].key) {
        ++end;
      }
      if (page_.room() < kLeafReserve) {
        const IndexEntry& left = entries[first - 1];
        const int64_t key = entries[first].key;
        TRY(EndLeaf({key, left.place, left.key == key}));
      }
      AddLeafItem(&entries[first], end - first);
      first = end;
    }
    return EndLast(kLeaf);
  }

  void AddLeafItem(const IndexEntry* entries, size_t count) {
    const size_t size =
        count == 1 ? kKeyTupleBytes : MaxAlign(kKeyTupleBytes + count * kPlaceBytes);
    char* tuple = page_.Add(size);
    PutKey(tuple, entries->key, options_.key_bytes);
    if (count == 1) {
      PutPlace(tuple, entries->place);
      PutAt(tuple + kPlaceBytes, static_cast<uint16_t>(size));
      return;
    }
    PutBlock(tuple, kKeyTupleBytes);
    PutAt(tuple + 4, static_cast<uint16_t>(count | kIsPosting));
    PutAt(tuple + kPlaceBytes, static_cast<uint16_t>(size | kAlternativeTid));
    for (size_t i = 0; i < count; ++i) {
      PutPlace(tuple + kKeyTupleBytes + i * kPlaceBytes, entries[i].place);
    }
  }

  // The level above `children_`, whose bounds part its pages too.
  Result<void> WriteLevel() {
    const std::vector<Child> below = std::exchange(children_, {});
    ++level_;
    Begin(below.front().bound);
    for (const Child& child : below) {
      const bool first = page_.items() == 1;
      if (!first && page_.room() < kInnerReserve) {
        PutPivot(child.bound, child.block, &PageWriter::SetReserved);
        TRY(End(kInner, next_block_ + 1));
        Begin(child.bound);
      }
      Bound bound = child.bound;
      bound.lowest = page_.items() == 1;
      PutPivot(bound, child.block, &PageWriter::Add);
    }
    return EndLast(kInner);
  }

  void PutPivot(const Bound& bound, uint32_t block, char* (PageWriter::*add)(size_t)) {
    const size_t size = bound.lowest      ? kTupleHeadBytes
                        : bound.has_place ? kPivotWithPlace
                                          : kKeyTupleBytes;
    char* tuple = (page_.*add)(size);
    PutBlock(tuple, block);
    const uint16_t attributes = bound.lowest ? 0 : 1;
    PutAt(tuple + 4,
          static_cast<uint16_t>(attributes | (size == kPivotWithPlace ? kPivotHasPlace : 0)));
    PutAt(tuple + kPlaceBytes, static_cast<uint16_t>(size | kAlternativeTid));
    if (bound.lowest) return;
    PutKey(tuple, bound.key, options_.key_bytes);
    if (bound.has_place) PutPlace(tuple + size - kPlaceBytes, bound.place);
  }

  // A page with room for the high key kept.
  void Begin(const Bound& bound) {
    buffer_.resize(buffer_.size() + kPageBytes);
    page_ =
        PageWriter(buffer_.data() + buffer_.size() - kPageBytes, kSpecialBytes, PageWriter::kNone);
    page_.Reserve();
    children_.push_back({bound, next_block_});
  }

  Result<void> EndLeaf(const Bound& next) {
    PutPivot(next, 0, &PageWriter::SetReserved);
    TRY(End(kLeaf, next_block_ + 1));
    Begin(next);
    return {};
  }

  Result<void> EndLast(PageFlags flags) {
    page_.DropReserved();
    const bool root = children_.size() == 1;
    return End(static_cast<PageFlags>(flags | (root ? kRoot : 0)), 0);
  }

  Result<void> End(PageFlags flags, uint32_t next) {
    const bool first = children_.size() == 1;
    char* special = page_.special();
    PutAt(special, first ? 0 : next_block_ - 1);
    PutAt(special + 4, next);
    PutAt(special + 8, level_);
    PutAt(special + 12, static_cast<uint16_t>(flags));
    ++next_block_;
    constexpr size_t kWriteBytes = 128 * kPageBytes;
    return buffer_.size() < kWriteBytes ? Result<void>() : Flush();
  }

  Result<void> Flush() {
    const auto pages = static_cast<uint32_t>(buffer_.size() / kPageBytes);
    TRY(file_->Write(next_block_ - pages, buffer_));
    buffer_.clear();
    return {};
  }

  const BtreeOptions& options_;
  const bool lists_;
  RelationFile* file_;
  std::string buffer_;  // whole pages, the last of them page_
  PageWriter page_;
  uint32_t next_block_ = 1;  // of page_; the metapage is before
  uint32_t level_ = 0;
  std::vector<Child> children_;  // the pages of this level
};

bool IsEmptyIndex(const std::string& page) {
  return page.size() == kPageBytes && GetAt<uint32_t>(page.data() + kMagicAt) == kMagic &&
         GetAt<uint32_t>(page.data() + kVersionAt) == kVersion &&
         GetAt<uint32_t>(page.data() + kRootAt) == 0;
}

bool HasEqualNeighbours(const IndexEntries& entries) {
  return std::adjacent_find(entries.begin(), entries.end(),
                            [](const IndexEntry& a, const IndexEntry& b) {
                              return a.key == b.key;
                            }) != entries.end();
}

}  // namespace

void SortEntries(IndexEntries* entries) {
  const auto by_key = [](const IndexEntry& a, const IndexEntry& b) { return a.key < b.key; };
  if (std::is_sorted(entries->begin(), entries->end(), by_key)) return;
  constexpr size_t kDigits = 8;
  constexpr uint64_t kSign = uint64_t{1} << 63;
  const auto digit = [](const IndexEntry& entry, size_t number) {
    return (static_cast<uint64_t>(entry.key) ^ kSign) >> (8 * number) & 0xff;
  };
  std::array<std::array<size_t, 256>, kDigits> counts{};
  for (const IndexEntry& entry : *entries) {
    for (size_t number = 0; number < kDigits; ++number) ++counts[number][digit(entry, number)];
  }
  IndexEntries sorted(entries->size());
  for (size_t number = 0; number < kDigits; ++number) {
    auto& places = counts[number];
    if (places[digit(entries->front(), number)] == entries->size()) continue;  // all have it
    size_t before = 0;
    for (size_t& place : places) before += std::exchange(place, before);
    for (const IndexEntry& entry : *entries) sorted[places[digit(entry, number)]++] = entry;
    entries->swap(sorted);
  }
}

Result<bool> WriteBtree(const IndexEntries& entries, const BtreeOptions& options,
                        RelationFile* file) {
  ASSIGN_OR_RETURN(const uint64_t size, file->size());
  ASSIGN_OR_RETURN(std::string meta, file->Read(0));
  if (size != kPageBytes || !IsEmptyIndex(meta)) return false;
  if (options.unique && HasEqualNeighbours(entries)) return false;
  if (entries.empty()) return true;
  const bool lists = !options.unique && meta[kAllEqualImageAt] != 0;
  Btree tree(options, lists, file);
  TRY(tree.Write(entries));
  PutAt(meta.data() + kRootAt, tree.root());
  PutAt(meta.data() + kLevelAt, tree.level());
  PutAt(meta.data() + kFastRootAt, tree.root());
  PutAt(meta.data() + kFastLevelAt, tree.level());
  TRY(file->Write(0, meta));
  return true;
}

}  // namespace trunkline
