#include "replay/csv_tables.h"

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/percent.h"
#include "replay/csv_file.h"
#include "replay/csv_format.h"
#include "replay/parallel.h"
#include "replay/turns.h"

namespace trunkline {
namespace {

// Small enough that the threads end together, large enough that taking turns costs nothing.
constexpr uint64_t kPieceRows = 16 << 10;
// A piece of large rows is written in parts of this size.
constexpr size_t kBufferBytes = 2 << 20;
// Writing to one file is the work of one thread at a time: more only wait for it.
constexpr size_t kMaxThreads = 4;

// Some rows of a table. An empty table has one piece, without rows.
struct Piece {
  const TableState* table = nullptr;
  uint64_t first = 0;
  uint64_t count = 0;

  bool opens_file() const { return first == 0; }
  bool ends_file() const { return first + count == table->row_count(); }
};

std::vector<Piece> Cut(const DatabaseState& state) {
  std::vector<Piece> pieces;
  for (const auto& table : state.tables) {
    uint64_t first = 0;
    do {
      const uint64_t count = std::min(kPieceRows, table->row_count() - first);
      pieces.push_back({table.get(), first, count});
      first += count;
    } while (first < table->row_count());
  }
  return pieces;
}

class Writer {
 public:
  Writer(const DatabaseState& state, const std::string& folder,
         const std::function<void(uint64_t rows)>& wrote)
      : pieces_(Cut(state)), folder_(folder), wrote_(wrote) {}

  Result<void> Run() {
    const size_t threads = std::clamp<size_t>(std::thread::hardware_concurrency(), 1, kMaxThreads);
    std::vector<CsvText> buffers(threads);
    return InParallel(threads, pieces_.size(), [&](size_t worker, size_t number) {
      Result<void> written = WritePiece(number, &buffers[worker]);
      if (!written) turns_.Fail(written.error());
      return written;
    });
  }

 private:
  Result<void> WritePiece(size_t number, CsvText* buffer) {
    const Piece& piece = pieces_[number];
    buffer->Clear();
    if (piece.opens_file()) buffer->AppendHeader(piece.table->relation());
    const auto append = [&](std::span<const Cell> row) -> Result<void> {
      buffer->AppendRow(row);
      return buffer->text().size() < kBufferBytes ? Result<void>{} : Flush(number, buffer);
    };
    TRY(piece.table->ForEachCells(piece.first, piece.count, append));
    TRY(Flush(number, buffer));
    wrote_(piece.count);
    std::optional<CsvFile> whole;
    if (piece.ends_file()) whole.emplace(*std::exchange(file_, std::nullopt));
    turns_.End(number);
    return whole ? whole->Finish() : Result<void>{};
  }

  // From the first flush of a piece to its end, the turn and with it file_ are its thread's.
  Result<void> Flush(size_t number, CsvText* buffer) {
    TRY(turns_.Await(number));
    if (pieces_[number].opens_file() && !file_) TRY(Open(pieces_[number].table->relation()));
    TRY(file_->Write(buffer->text()));
    buffer->Clear();
    return {};
  }

  Result<void> Open(const Relation& relation) {
    ASSIGN_OR_RETURN(CsvFile file, CsvFile::Create(folder_ + "/" + PercentEncode(relation.schema) +
                                                   "." + PercentEncode(relation.name) + ".csv"));
    file_.emplace(std::move(file));
    return {};
  }

  const std::vector<Piece> pieces_;
  const std::string& folder_;
  const std::function<void(uint64_t rows)>& wrote_;
  Turns turns_;
  std::optional<CsvFile> file_;  // of the piece whose turn it is
};

}  // namespace

Result<void> WriteCsvTables(const DatabaseState& state, const std::string& folder,
                            const std::function<void(uint64_t rows)>& wrote) {
  return Writer(state, folder, wrote).Run();
}

}  // namespace trunkline
