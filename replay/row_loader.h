// RowLoader: sends the rows of a state's tables to a database, large tables over several
// connections at once.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <vector>

#include "base/error.h"
#include "postgres/connection.h"
#include "replay/ddl.h"
#include "replay/state.h"

namespace trunkline {

class RowLoader {
 public:
  using Progress = std::function<void(uint64_t done, uint64_t total)>;

  enum class Mode {
    kOneTransaction,  // the tables were made in the transaction that is open on the one connection
    kParallel,        // the tables are there for whoever connects
  };

  // `tables` belong to the tables of `state`, in its order. Nothing is owned.
  RowLoader(const DatabaseState& state, std::span<const LoadedTable> tables, Mode mode,
            Progress progress);

  // A table goes through one connection, in the order of its rows, and is written frozen: visible
  // to all from the first, with nothing left for a vacuum. Only one that is larger than all others
  // together is spread, unfrozen, where there are connections for more than that.
  Result<void> Load(std::span<postgres::Connection> connections);

  // By the state's tables: those whose rows are there by other means. Before Load.
  void LeaveOut(std::vector<bool> loaded) { loaded_ = std::move(loaded); }
  // Reports rows, or takes them back. Any thread.
  void Count(int64_t rows);

 private:
  struct Piece {
    size_t table = 0;
    uint64_t first = 0;
    uint64_t count = 0;
    bool whole = true;  // all rows of the table
  };

  // The largest tables first.
  std::vector<Piece> Cut(size_t connections) const;
  Result<void> LoadPiece(postgres::Connection* connection, const Piece& piece);
  Result<void> Copy(postgres::Connection* connection, const Piece& piece, bool frozen);

  const DatabaseState& state_;
  std::span<const LoadedTable> tables_;
  const Mode mode_;
  Progress progress_;
  uint64_t total_ = 0;
  std::vector<bool> loaded_;  // empty: none
  std::mutex mutex_;
  uint64_t done_ = 0;
};

}  // namespace trunkline
