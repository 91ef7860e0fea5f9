#include "replay/row_loader.h"

#include <algorithm>
#include <numeric>

#include "postgres/copy_writer.h"
#include "replay/copy_binary.h"
#include "replay/copy_row.h"
#include "replay/ddl_text.h"
#include "replay/parallel.h"

namespace trunkline {
namespace {

// With so many, one loads while the process itself makes the rows; frozen rows in their order,
// whose indexes are sooner built, then count for more than another connection.
constexpr size_t kConnectionsForWhole = 2;
// Enough pieces to keep every connection busy to the end, each large against COPY's own cost.
constexpr uint64_t kLoadedPieceRows = 200'000;
constexpr uint64_t kProgressRows = 10'000;

}  // namespace

RowLoader::RowLoader(const DatabaseState& state, std::span<const LoadedTable> tables, Mode mode,
                     Progress progress)
    : state_(state), tables_(tables), mode_(mode), progress_(std::move(progress)) {
  for (const auto& table : state.tables) total_ += table->row_count();
}

std::vector<RowLoader::Piece> RowLoader::Cut(size_t connections) const {
  std::vector<size_t> order(tables_.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return state_.tables[a]->row_count() > state_.tables[b]->row_count();
  });
  std::vector<Piece> pieces;
  for (const size_t table : order) {
    if (!loaded_.empty() && loaded_[table]) continue;
    const uint64_t rows = state_.tables[table]->row_count();
    const bool spread = connections > kConnectionsForWhole && rows > total_ / 2;
    const uint64_t most = spread ? kLoadedPieceRows : rows;
    for (uint64_t first = 0; first < rows; first += most) {
      pieces.push_back({table, first, std::min(most, rows - first), most >= rows});
    }
  }
  return pieces;
}

Result<void> RowLoader::Load(std::span<postgres::Connection> connections) {
  const std::vector<Piece> pieces = Cut(connections.size());
  return InParallel(connections.size(), pieces.size(), [&](size_t worker, size_t item) {
    const Piece& piece = pieces[item];
    auto loaded = LoadPiece(&connections[worker], piece);
    if (loaded) return loaded;
    return Result<void>(
        Fail(std::move(loaded).error().WithContext("table " + Display(tables_[piece.table].name))));
  });
}

Result<void> RowLoader::LoadPiece(postgres::Connection* connection, const Piece& piece) {
  const LoadedTable& table = tables_[piece.table];
  const bool frozen = piece.whole && !table.partitioned;
  if (!frozen || mode_ == Mode::kOneTransaction) return Copy(connection, piece, frozen);
  TRY(connection->Exec("BEGIN; TRUNCATE ONLY " + Qualified(table.name)));
  TRY(Copy(connection, piece, frozen));
  TRY(connection->Exec("COMMIT"));
  return {};
}

Result<void> RowLoader::Copy(postgres::Connection* connection, const Piece& piece, bool frozen) {
  const LoadedTable& table = tables_[piece.table];
  const TableState& state = *state_.tables[piece.table];
  auto binary = BinaryCopy::For(state.relation(), table.columns, state_.definition);
  postgres::CopyWriter copy(connection);
  std::string options = binary ? "FORMAT binary" : "FORMAT text";
  if (frozen) options += ", FREEZE";
  TRY(copy.Start(table.copy + " WITH (" + options + ")"));
  if (binary) BinaryCopy::AppendHead(&copy.buffer());
  uint64_t counted = 0;
  uint64_t rows = 0;
  const auto note = [&](Result<void> appended) -> Result<void> {
    if (++rows - counted == kProgressRows) {
      Count(static_cast<int64_t>(rows - counted));
      counted = rows;
    }
    return appended ? copy.FlushIfLarge() : appended;
  };
  if (binary) {
    TRY(state.ForEachCells(piece.first, piece.count, [&](std::span<const Cell> row) {
      return note(binary->AppendRow(row, &copy.buffer()));
    }));
  } else {
    TRY(state.ForEachRow(piece.first, piece.count, [&](Tuple row) {
      AppendCopyRow(row, table.columns, &copy.buffer());
      return note({});
    }));
  }
  if (binary) BinaryCopy::AppendTail(&copy.buffer());
  TRY(copy.Finish());
  Count(static_cast<int64_t>(rows - counted));
  return {};
}

void RowLoader::Count(int64_t rows) {
  const std::lock_guard lock(mutex_);
  done_ += static_cast<uint64_t>(rows);
  if (progress_) progress_(done_, total_);
}

}  // namespace trunkline
