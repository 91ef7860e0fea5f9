#include "replay/history.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "archive/row_lineage.h"
#include "archive/stream_definition.h"
#include "replay/packed_row.h"

namespace trunkline {
namespace {

Result<void> CheckText(const Relation& relation, Tuple row) {
  for (size_t i = 0; i < row.size(); ++i) {
    if (row[i].state != ValueState::kBinary) continue;
    return Fail(ErrorKind::kUnsupported, "column \"" + relation.columns[i].name +
                                             "\" of the table " + NameOf(relation) +
                                             " has values in binary format");
  }
  return {};
}

// The row, with what was not sent of it taken from the one before; nothing where that is not known.
std::optional<std::vector<Value>> Complete(Tuple row, const std::vector<Value>& before) {
  std::vector<Value> complete(row.begin(), row.end());
  for (size_t i = 0; i < complete.size(); ++i) {
    if (complete[i].state != ValueState::kUnchangedToast) continue;
    if (before.empty()) return std::nullopt;
    complete[i] = before[i];
  }
  return complete;
}

std::optional<int64_t> FirstInteger(const std::string& key) {
  const char* packed = key.data();
  const std::string_view text = UnpackValue(&packed).bytes;
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool EndsLife(const RowVersion& version) { return !version.alive(); }

}  // namespace

std::string_view ToString(VersionKind kind) {
  switch (kind) {
    case VersionKind::kSnapshot:
      return "snapshot";
    case VersionKind::kInsert:
      return "insert";
    case VersionKind::kUpdate:
      return "update";
    case VersionKind::kDelete:
      return "delete";
    case VersionKind::kTruncate:
      return "truncate";
    case VersionKind::kDefinition:
      return "definition";
    case VersionKind::kDropped:
      return "dropped";
    case VersionKind::kDoubt:
      break;
  }
  return "doubt";
}

bool RowVersion::alive() const {
  return has_row || kind == VersionKind::kUpdate || kind == VersionKind::kDoubt;
}

std::vector<Value> RowVersion::row() const {
  return UnpackedRow(packed, shape->relation.columns.size());
}

RowLife* RowHistory::Find(const std::string& key) const {
  const auto found = current_.find(key);
  return found == current_.end() ? nullptr : found->second;
}

RowLife* RowHistory::NewLife(const std::string& key) {
  lives_.push_back(std::make_unique<RowLife>());
  current_[key] = lives_.back().get();
  return lives_.back().get();
}

RowVersion* RowHistory::Add(VersionKind kind, const Moment& at, const std::string& key,
                            RowLife* life) {
  RowVersion& version = life->emplace_back();
  version.kind = kind;
  version.at = at;
  version.shape = shape_;
  version.key = key;
  return &version;
}

Error RowHistory::Corrupt(std::string_view what, const Moment& at) const {
  return Error{ErrorKind::kCorrupt,
               "table " + NameOf(shape_->relation) + " at LSN " + at.lsn.ToString() + ": " +
                   std::string(what),
               "trunkline verify finds all damage"};
}

// By the range of the block's keys, where the key begins with the column that it is of.
bool RowHistory::WantsRows(const TableShape& shape, const BlockRelationStats& stats) const {
  const std::vector<uint32_t> ranged = KeyColumns(shape.relation);
  if (!stats.has_key_range || shape.key.empty() || ranged.front() != shape.key.front()) return true;
  return std::any_of(keys_->begin(), keys_->end(), [&](const std::string& key) {
    const std::optional<int64_t> number = FirstInteger(key);
    return number && stats.key_min <= *number && *number <= stats.key_max;
  });
}

Result<void> RowHistory::Take(uint32_t, const RowEvent& event) {
  if (loading_ && event.kind != RowEventKind::kRow) EndLoad();
  switch (event.kind) {
    case RowEventKind::kShape:
      TakeShape(event);
      return {};
    case RowEventKind::kRelabel:
      Relabel(event);
      return {};
    case RowEventKind::kTruncate:
      EndDoubt(event.at.lsn);
      EndAll(VersionKind::kTruncate, event.at);
      return {};
    case RowEventKind::kGone:
      EndDoubt(event.at.lsn);
      EndAll(VersionKind::kDropped, event.at);
      return {};
    case RowEventKind::kDoubt:
      TakeDoubt(event);
      return {};
    case RowEventKind::kLoad:
      EndDoubt(event.at.lsn);
      loading_ = event.at;
      return {};
    default:
      break;
  }
  if (shape_ == nullptr || shape_->key.empty()) return {};
  switch (event.kind) {
    case RowEventKind::kRow:
      TakeRow(event);
      return {};
    case RowEventKind::kInsert:
      return TakeInsert(event);
    case RowEventKind::kUpdate:
      return TakeUpdate(event);
    default:
      return TakeDelete(event);
  }
}

// Rows that the snapshot does not have are not there.
void RowHistory::EndLoad() {
  std::erase_if(current_, [this](const auto& entry) {
    if (loaded_.contains(entry.second)) return false;
    Add(VersionKind::kSnapshot, *loading_, entry.first, entry.second);
    return true;
  });
  loaded_.clear();
  loading_.reset();
}

void RowHistory::TakeRow(const RowEvent& event) {
  const std::string key = EncodeKey(*shape_, event.row);
  if (!keys_->contains(key)) return;
  std::string packed = PackedRow(event.row);
  RowLife* life = Find(key);
  if (life == nullptr) life = NewLife(key);
  loaded_.insert(life);
  if (!life->empty() && life->back().packed == packed &&
      SameColumns(life->back().shape->relation, shape_->relation)) {
    return;
  }
  RowVersion* version = Add(VersionKind::kSnapshot, event.at, key, life);
  version->has_row = true;
  version->packed = std::move(packed);
}

Result<void> RowHistory::TakeInsert(const RowEvent& event) {
  const std::string key = EncodeKey(*shape_, event.row);
  if (!keys_->contains(key)) return {};
  TRY(CheckText(shape_->relation, event.row));
  const std::optional<std::vector<Value>> row = Complete(event.row, {});
  if (!row) return Fail(Corrupt("a value of a new row is said to be unchanged", event.at));
  RowLife* life = Find(key);
  if (life != nullptr && life->back().has_row) {
    return Fail(Corrupt("a row with the same key is there already", event.at));
  }
  if (life == nullptr) life = NewLife(key);
  RowVersion* version = Add(VersionKind::kInsert, event.at, key, life);
  version->has_row = true;
  version->packed = PackedRow(*row);
  return {};
}

Result<void> RowHistory::TakeUpdate(const RowEvent& event) {
  const std::string key = EncodeKey(*shape_, event.row);
  const std::string old_key = event.old_row.empty() ? key : EncodeKey(*shape_, event.old_row);
  const bool followed = keys_->contains(old_key);
  if (!followed && !keys_->contains(key)) return {};
  TRY(CheckText(shape_->relation, event.row));
  RowLife* life = Find(old_key);
  if (!followed) {
    incomplete_ |= keys_->insert(old_key).second;
  } else if (life == nullptr && (doubts_.empty() || doubts_.back().until)) {
    return Fail(Corrupt("an update of a row that is not there", event.at));
  }
  const RowLife* taken = key == old_key ? nullptr : Find(key);
  if (taken != nullptr && taken->back().has_row) {
    return Fail(Corrupt("a row with the same key is there already", event.at));
  }
  if (life == nullptr) {
    life = NewLife(key);
  } else if (key != old_key) {
    MoveKey(old_key, key);
  }
  std::string packed;
  std::vector<Value> before;
  if (!life->empty() && life->back().has_row) {
    packed = life->back().packed;
    before = UnpackedRow(packed, shape_->relation.columns.size());
  }
  const std::optional<std::vector<Value>> row = Complete(event.row, before);
  RowVersion* version = Add(VersionKind::kUpdate, event.at, key, life);
  version->has_row = row.has_value();
  if (row) version->packed = PackedRow(*row);
  return {};
}

void RowHistory::MoveKey(const std::string& from, const std::string& to) {
  RowLife* life = current_.at(from);
  current_.erase(from);
  current_[to] = life;
  keys_->insert(to);
}

Result<void> RowHistory::TakeDelete(const RowEvent& event) {
  const std::string key = EncodeKey(*shape_, event.old_row);
  if (!keys_->contains(key)) return {};
  RowLife* life = Find(key);
  if (life == nullptr) {
    if (doubts_.empty() || doubts_.back().until) {
      return Fail(Corrupt("a delete of a row that is not there", event.at));
    }
    life = NewLife(key);
  }
  Add(VersionKind::kDelete, event.at, key, life);
  current_.erase(key);
  return {};
}

std::vector<TableDoubt> RowHistory::DoubtsFrom(Lsn from) const {
  std::vector<TableDoubt> doubts;
  std::copy_if(doubts_.begin(), doubts_.end(), std::back_inserter(doubts),
               [from](const TableDoubt& doubt) { return !doubt.until || *doubt.until > from; });
  return doubts;
}

std::vector<RowLife> RowHistory::TakeLives(const std::string& key, Lsn from,
                                           const Moment& snapshot) {
  if (loading_) EndLoad();
  std::vector<RowLife> lives;
  for (const std::unique_ptr<RowLife>& life : lives_) {
    auto first = std::find_if(life->begin(), life->end(),
                              [from](const RowVersion& version) { return version.at.lsn >= from; });
    if (first != life->begin() && !EndsLife(*std::prev(first))) {
      --first;
      if (first->at.lsn < snapshot.lsn && first->has_row) {
        first->kind = VersionKind::kSnapshot;
        first->at = snapshot;
      }
    }
    const bool has_key = std::any_of(first, life->end(),
                                     [&](const RowVersion& version) { return version.key == key; });
    if (!has_key) continue;
    lives.emplace_back(std::make_move_iterator(first), std::make_move_iterator(life->end()));
  }
  return lives;
}

}  // namespace trunkline
