#include "archive/definition_overlap.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "archive/stream_definition.h"

namespace trunkline {
namespace {

// Transaction ids as the stream has them: the low 32 bits, in circular order.
bool Precedes(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) < 0; }

// pg_snapshot's text, "xmin:xmax:xip,...": in progress are those of xip and all from xmax on.
class Snapshot {
 public:
  explicit Snapshot(std::string_view text) {
    while (!text.empty()) {
      uint64_t number = 0;
      const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
      numbers_.push_back(static_cast<uint32_t>(number));
      text.remove_prefix(std::min(static_cast<size_t>(parsed.ptr - text.data()) + 1, text.size()));
    }
  }

  bool Sees(uint32_t xid) const {
    if (numbers_.size() < 2) return true;
    if (!Precedes(xid, numbers_[1])) return false;
    return std::find(numbers_.begin() + 2, numbers_.end(), xid) == numbers_.end();
  }

 private:
  std::vector<uint32_t> numbers_;
};

template <typename Item>
const Item* Find(const std::vector<Item>& items, uint32_t oid) {
  const auto found =
      std::find_if(items.begin(), items.end(), [oid](const Item& item) { return item.oid == oid; });
  return found == items.end() ? nullptr : &*found;
}

// Moves out of `emitted` what it is wrong about, notes what `xid` changed, and yields the items of
// `before` that stand instead.
template <typename Item>
std::vector<Item> TakeUnseen(const std::vector<Item>& before, const Snapshot& snapshot,
                             uint32_t xid, std::unordered_map<uint32_t, uint32_t>* changes,
                             std::vector<Item>* emitted) {
  const auto unseen = [&](uint32_t oid) {
    const auto change = changes->find(oid);
    return change != changes->end() && change->second != xid && !snapshot.Sees(change->second);
  };
  std::erase_if(*emitted, [&](const Item& item) { return unseen(item.oid); });
  std::vector<Item> kept;
  for (const Item& item : before) {
    if (unseen(item.oid)) {
      kept.push_back(item);
    } else if (Find(*emitted, item.oid) == nullptr) {
      (*changes)[item.oid] = xid;
    }
  }
  for (const Item& item : *emitted) {
    const Item* old = Find(before, item.oid);
    if (old == nullptr || !(*old == item)) (*changes)[item.oid] = xid;
  }
  return kept;
}

}  // namespace

Definition DefinitionOverlap::Merge(const Definition& before, Definition emitted, uint32_t xid) {
  if (emitted.snapshot.empty()) return emitted;
  const Snapshot snapshot(emitted.snapshot);
  for (TypeDefinition& type :
       TakeUnseen(before.types, snapshot, xid, &type_changes_, &emitted.types)) {
    emitted.types.push_back(std::move(type));
  }
  for (const TableDefinition& table :
       TakeUnseen(before.tables, snapshot, xid, &table_changes_, &emitted.tables)) {
    AddDefinition(table, before, &emitted);
  }
  return emitted;
}

}  // namespace trunkline
