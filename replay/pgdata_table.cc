#include "replay/pgdata_table.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <vector>

#include "replay/parallel.h"
#include "replay/pgdata_page.h"
#include "replay/turns.h"

namespace trunkline {
namespace {

constexpr uint64_t kRowsInPiece = 16 * 1024;
constexpr size_t kPlaceAt = 12;  // of a row's own place in its header

class HeapWrite {
 public:
  HeapWrite(const TableState& rows, const HeapFormat& format, uint32_t xid, RelationFile* file,
            std::span<HeapIndex> indexes, const std::function<void(int64_t rows)>& count)
      : rows_(rows),
        format_(format),
        xid_(xid),
        file_(file),
        indexes_(indexes),
        nulls_(indexes.size()),
        count_(count) {}

  Result<bool> Run(size_t workers) {
    for (HeapIndex& index : indexes_) index.entries->resize(rows_.row_count());
    const uint64_t pieces = (rows_.row_count() + kRowsInPiece - 1) / kRowsInPiece;
    std::vector<std::string> pages(workers);
    auto done = InParallel(
        workers, pieces, [&](size_t worker, size_t piece) { return Write(piece, &pages[worker]); });
    if (declined_) {
      count_(-counted_);
      TRY(file_->Clear());
      return false;
    }
    TRY(done);
    for (size_t i = 0; i < indexes_.size(); ++i) indexes_[i].has_null = nulls_[i];
    TRY(WriteVisibility());
    return true;
  }

 private:
  // `pages` are scratch: memory that is used again is not to be cleared by the kernel again.
  Result<void> Write(size_t piece, std::string* pages) {
    auto done = WritePiece(piece, pages);
    if (!done) turns_.Fail(done.error());
    return done;
  }

  // Pages first, numbered from 0, and at their place once it is known.
  Result<void> WritePiece(size_t piece, std::string* pages) {
    const uint64_t first = piece * kRowsInPiece;
    const uint64_t count = std::min(kRowsInPiece, rows_.row_count() - first);
    pages->clear();
    TRY(MakePages(first, count, pages));
    TRY(turns_.Await(piece));
    const uint32_t block = blocks_;
    blocks_ += static_cast<uint32_t>(pages->size() / kPageBytes);
    count_(static_cast<int64_t>(count));
    counted_ += static_cast<int64_t>(count);
    turns_.End(piece);
    for (HeapIndex& index : indexes_) {
      for (uint64_t row = first; row < first + count; ++row) {
        (*index.entries)[row].place.block += block;
      }
    }
    SetPlaces(block, pages);
    return file_->Write(block, *pages);
  }

  Result<void> MakePages(uint64_t first, uint64_t count, std::string* pages) {
    HeapFormat format = format_;
    PageWriter page;
    std::string tuple;
    uint64_t number = first;
    TRY(rows_.ForEachCells(first, count, [&](std::span<const Cell> row) -> Result<void> {
      if (!format.Form(row, xid_, &tuple)) return Decline();
      if (pages->empty() || !page.Fits(tuple.size())) {
        pages->resize(pages->size() + kPageBytes);
        page = PageWriter(pages->data() + pages->size() - kPageBytes, 0, PageWriter::kAllVisible);
      }
      tuple.copy(page.Add(tuple.size()), tuple.size());
      const auto block = static_cast<uint32_t>(pages->size() / kPageBytes - 1);
      for (size_t i = 0; i < indexes_.size(); ++i) {
        const auto key = format.Key(indexes_[i].attribute);
        if (!key) nulls_[i] = true;
        (*indexes_[i].entries)[number] = {key.value_or(0), {block, page.items()}};
      }
      ++number;
      return {};
    }));
    return number == first + count ? Result<void>() : Decline();
  }

  // The error is not seen: the server takes the table.
  Result<void> Decline() {
    declined_ = true;
    return Fail(ErrorKind::kUnsupported, "the table is left to the server");
  }

  static void SetPlaces(uint32_t block, std::string* pages) {
    for (size_t at = 0; at < pages->size(); at += kPageBytes, ++block) {
      const PageReader page(pages->data() + at);
      for (uint16_t item = 1; item <= page.items(); ++item) {
        PutPlace(page.item(item) + kPlaceAt, {block, item});
      }
    }
  }

  // Two bits a page, of which these say that all see its rows, for ever.
  Result<void> WriteVisibility() {
    constexpr size_t kPagesInByte = 4;
    constexpr uint32_t kPagesInMap = (kPageBytes - kPageHeaderBytes) * kPagesInByte;
    std::string map;
    for (uint32_t block = 0; block < blocks_; block += kPagesInMap) {
      map.resize(map.size() + kPageBytes);
      char* page = map.data() + map.size() - kPageBytes;
      PageWriter(page, 0, PageWriter::kNone);
      const uint32_t visible = std::min(blocks_ - block, kPagesInMap);
      for (uint32_t i = 0; i < visible; ++i) {
        page[kPageHeaderBytes + i / kPagesInByte] |= static_cast<char>(3 << i % kPagesInByte * 2);
      }
    }
    return map.empty() ? Result<void>() : file_->WriteBeside("_vm", map);
  }

  const TableState& rows_;
  const HeapFormat& format_;
  const uint32_t xid_;
  RelationFile* file_;
  std::span<HeapIndex> indexes_;
  std::vector<std::atomic<bool>> nulls_;
  const std::function<void(int64_t rows)>& count_;
  std::atomic<bool> declined_{false};
  Turns turns_;
  // Of whose turn it is.
  uint32_t blocks_ = 0;
  int64_t counted_ = 0;
};

}  // namespace

Result<bool> WriteHeap(const TableState& rows, const HeapFormat& format, uint32_t xid,
                       size_t workers, RelationFile* file, std::span<HeapIndex> indexes,
                       const std::function<void(int64_t rows)>& count) {
  return HeapWrite(rows, format, xid, file, indexes, count).Run(workers);
}

}  // namespace trunkline
