#include "replay/index_reader.h"

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

#include "replay/index_builder.h"
#include "replay/index_events.h"

namespace trunkline {
namespace {

using Cursor = HistoryIndex::Cursor;

// Behind the last moment that is read.
Moment LimitOf(Lsn until) { return {.lsn = until, .order = 1}; }

// Entries behind one prefix, from some moment on.
struct Strand {
  std::unique_ptr<Cursor> cursor;
  size_t prefix_size = 0;

  bool valid() const { return cursor->valid(); }
  Moment at() const { return MomentOf(cursor->key(), prefix_size); }
};

void SeekMoment(const std::string& prefix, const Moment& at, Cursor* cursor) {
  cursor->Seek(index_key::AtMoment(prefix, at));
}

// Merges what happened to the table with what happened to its rows, in order.
class Player {
 public:
  Player(const HistoryIndex& index, uint32_t oid, const std::set<std::string>& keys, RowSink* sink)
      : index_(index), oid_(oid), keys_(keys), sink_(sink) {}

  Result<void> Run(Moment from, const Moment& limit) {
    const std::string prefix = index_key::TablePrefix(oid_);
    table_ = {index_.Entries(prefix), prefix.size()};
    SeekMoment(prefix, from, table_.cursor.get());
    for (;;) {
      Follow(from);
      Strand* next = Next();
      if (next == nullptr || !next->at().IsBefore(limit)) return Status();
      from = next->at();
      // A change has a moment of its own, the rows of a snapshot share one.
      const bool again = next != &table_ && from.order > 0 && last_ && !last_->IsBefore(from);
      if (!again) TRY(Take(next, from));
      if (next != &table_) last_ = from;
      next->cursor->Next();
    }
  }

 private:
  // Opens the strands of keys that joined.
  void Follow(const Moment& from) {
    if (followed_.size() == keys_.size()) return;
    for (const std::string& key : keys_) {
      if (!followed_.insert(key).second) continue;
      const std::string prefix = index_key::RowPrefix(oid_, key);
      rows_.push_back({index_.Entries(prefix), prefix.size()});
      SeekMoment(prefix, from, rows_.back().cursor.get());
    }
  }

  // What happens to the table comes before what happens to its rows at the same moment.
  Strand* Next() {
    Strand* next = table_.valid() ? &table_ : nullptr;
    for (Strand& strand : rows_) {
      if (strand.valid() && (next == nullptr || strand.at().IsBefore(next->at()))) next = &strand;
    }
    return next;
  }

  Result<void> Take(Strand* strand, const Moment& at) {
    decoded_.event.at = at;
    TRY(DecodeEvent(shape_.get(), strand->cursor->value(), &decoded_));
    if (decoded_.event.kind == RowEventKind::kShape) shape_ = decoded_.event.shape;
    return sink_->Take(oid_, decoded_.event);
  }

  Result<void> Status() const {
    TRY(table_.cursor->status());
    for (const Strand& strand : rows_) TRY(strand.cursor->status());
    return {};
  }

  const HistoryIndex& index_;
  const uint32_t oid_;
  const std::set<std::string>& keys_;
  RowSink* sink_;
  Strand table_;
  std::vector<Strand> rows_;
  std::set<std::string> followed_;
  std::optional<Moment> last_;  // of a row: one that changes its key is there under both
  std::shared_ptr<const TableShape> shape_;
  DecodedEvent decoded_;
};

}  // namespace

Result<std::unique_ptr<IndexReader>> IndexReader::Open(const Store& store, const Catalog& catalog,
                                                       const std::string& folder) {
  ASSIGN_OR_RETURN(std::unique_ptr<HistoryIndex> index, HistoryIndex::OpenToRead(folder));
  ASSIGN_OR_RETURN(const std::optional<std::string> bytes, index->Get(index_key::kMark));
  const std::string hint = "trunkline index brings it up to date";
  if (!bytes) return Fail(ErrorKind::kConflict, "the index in " + folder + " is empty", hint);
  Result<IndexMark> mark = DecodeMark(*bytes);
  if (!mark) return Fail(ErrorKind::kConflict, mark.error().message, hint);
  if (!mark->end.valid()) {
    return Fail(ErrorKind::kConflict, "the index in " + folder + " is not made yet", hint);
  }
  ASSIGN_OR_RETURN(const auto mismatch, FindMismatch(store, catalog, *index, *mark));
  if (mismatch) {
    return Fail(ErrorKind::kConflict,
                "the index in " + folder + " is not of this archive as it is: " + *mismatch, hint);
  }
  return std::unique_ptr<IndexReader>(new IndexReader(std::move(index), std::move(*mark)));
}

Result<std::string> IndexReader::State() const {
  ASSIGN_OR_RETURN(std::optional<std::string> state, index_->Get(index_key::State(mark_.end)));
  if (state) return std::move(*state);
  return Fail(ErrorKind::kCorrupt, "the index lacks a record");
}

std::optional<Lsn> IndexReader::BeginningBefore(Lsn lsn) const {
  std::optional<Lsn> beginning;
  for (const Lsn era : mark_.eras) {
    if (era <= lsn) beginning = era;
  }
  return beginning;
}

Result<void> IndexReader::FindNames(Lsn beginning, Lsn begin, Lsn until,
                                    TableFinder* finder) const {
  const std::string prefix = index_key::NamePrefix();
  const auto names = index_->Entries(prefix);
  bool begun = false;
  for (SeekMoment(prefix, {.lsn = beginning}, names.get()); names->valid(); names->Next()) {
    const Moment at = MomentOf(names->key(), prefix.size());
    if (!at.IsBefore(LimitOf(until))) break;
    if (!begun && !at.IsBefore(LimitOf(begin))) {
      finder->BeginRange();
      begun = true;
    }
    ASSIGN_OR_RETURN(NameRecord record, DecodeName(names->value()));
    if (record.gone) {
      finder->NoteGone(record.oid);
    } else {
      finder->NoteName(record.oid, {std::move(record.schema), std::move(record.name)});
    }
  }
  if (!begun) finder->BeginRange();
  return names->status();
}

Result<std::shared_ptr<const TableShape>> IndexReader::ShapeOf(uint32_t oid, Lsn beginning,
                                                               Lsn until) const {
  class ShapeSink final : public RowSink {
   public:
    Result<void> Take(uint32_t, const RowEvent& event) override {
      if (event.shape != nullptr) shape = event.shape;
      return {};
    }
    bool WantsRows(const TableShape&, const BlockRelationStats&) const override { return false; }
    std::shared_ptr<const TableShape> shape;
  };
  ShapeSink sink;
  TRY(Play(oid, beginning, until, {}, &sink));
  if (sink.shape != nullptr) return sink.shape;
  return Fail(ErrorKind::kNotFound, "the index does not know the table");
}

Result<void> IndexReader::Play(uint32_t oid, Lsn beginning, Lsn until,
                               const std::set<std::string>& keys, RowSink* sink) const {
  return Player(*index_, oid, keys, sink).Run({.lsn = beginning}, LimitOf(until));
}

Result<std::string> DefaultIndexFolder(const Identity& identity) {
  std::string name;
  for (const char c : identity.Digest()) {
    name += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    name += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
  }
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && cache[0] == '/') return std::string(cache) + "/trunkline/" + name;
  const char* home = std::getenv("HOME");
  if (home != nullptr && home[0] == '/') return std::string(home) + "/.cache/trunkline/" + name;
  return Fail(ErrorKind::kInvalidArgument, "there is no folder for the index: HOME is not set",
              "name one with --index");
}

}  // namespace trunkline
