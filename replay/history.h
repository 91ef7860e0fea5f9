// RowHistory: every version of the row that has one key, gathered from the events of its table.
//
// A row is followed when its key changes, in both directions: as far back as the range goes it is
// then found under other keys, which have to be looked at as well.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "replay/row_event.h"

namespace trunkline {

enum class VersionKind {
  kSnapshot,
  kInsert,
  kUpdate,
  kDelete,
  kTruncate,
  kDefinition,  // the table's definition changed, and the row with it
  kDropped,     // the table was dropped, or left the publication
  kDoubt,       // from here on the archive cannot tell the row
};

// "snapshot", "insert", ...
std::string_view ToString(VersionKind kind);

struct RowVersion {
  VersionKind kind = VersionKind::kSnapshot;
  Moment at;
  std::shared_ptr<const TableShape> shape;
  std::string key;  // as EncodeKey makes it
  bool has_row = false;
  std::string packed;  // its values, as replay/text_row.h has them
  std::string reason;  // kDoubt

  // Whether the row is there, with values that are known or not.
  bool alive() const;
  // Borrows from `packed`; only where has_row.
  std::vector<Value> row() const;
};

// The versions of one row, oldest first, from where it begins or is known first.
using RowLife = std::vector<RowVersion>;

// Where the archive cannot tell a table's rows.
struct TableDoubt {
  Lsn from;
  std::optional<Lsn> until;  // none: it lasts
  std::string reason;
};

// Memory grows with the versions of the rows that are followed.
class RowHistory final : public RowSink {
 public:
  // `keys`, as EncodeKey makes them, are those to look at, the one asked for among them. They are
  // the caller's, and grow by the keys that a row is found to have had.
  explicit RowHistory(std::set<std::string>* keys) : keys_(keys) {}

  // kCorrupt when the archive cannot be right.
  Result<void> Take(uint32_t oid, const RowEvent& event) override;
  bool WantsRows(const TableShape& shape, const BlockRelationStats& stats) const override;

  // A row came to one of the keys from one that was not looked at, and is now among them: walk once
  // more, into a new history.
  bool incomplete() const { return incomplete_; }
  // Where the table's key came to be other columns, across which no row is followed.
  const std::optional<Lsn>& key_changed() const { return key_changed_; }
  // Oldest first, those that were over at `from` left out.
  std::vector<TableDoubt> DoubtsFrom(Lsn from) const;

  // The rows that have `key` at `from` or later, by their beginnings; of what is older than `from`
  // just the version in force there. One that is older than `snapshot`, which is not after `from`,
  // counts as the snapshot's. Ends the history.
  std::vector<RowLife> TakeLives(const std::string& key, Lsn from, const Moment& snapshot);

 private:
  RowLife* Find(const std::string& key) const;
  void TakeShape(const RowEvent& event);
  void Relabel(const RowEvent& event);
  void TakeDoubt(const RowEvent& event);
  void EndDoubt(Lsn lsn);
  void EndAll(VersionKind kind, const Moment& at);
  void EndLoad();
  void TakeRow(const RowEvent& event);
  Result<void> TakeInsert(const RowEvent& event);
  Result<void> TakeUpdate(const RowEvent& event);
  Result<void> TakeDelete(const RowEvent& event);
  void MoveKey(const std::string& from, const std::string& to);
  RowVersion* Add(VersionKind kind, const Moment& at, const std::string& key, RowLife* life);
  RowLife* NewLife(const std::string& key);
  Error Corrupt(std::string_view what, const Moment& at) const;

  std::set<std::string>* keys_;
  std::shared_ptr<const TableShape> shape_;
  std::vector<std::unique_ptr<RowLife>> lives_;  // by their beginnings
  std::map<std::string, RowLife*> current_;      // rows that are there, by key
  std::vector<TableDoubt> doubts_;
  bool incomplete_ = false;
  std::optional<Lsn> key_changed_;
  std::optional<Moment> loading_;    // a snapshot's rows are being taken
  std::set<const RowLife*> loaded_;  // those that it has
};

}  // namespace trunkline
