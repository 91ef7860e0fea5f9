// RowIndex: finds rows by a hash. Open addressing with linear probing, eight bytes a slot.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "replay/huge_pages.h"
#include "replay/row_arena.h"

namespace trunkline {

class RowIndex {
 public:
  using RowId = RowArena::RowId;
  static constexpr size_t kNoSlot = SIZE_MAX;
  // Of Reserve, but for a few rows.
  static constexpr size_t kMostBytesPerRow = 24;

  // The slot of the row with this hash for which `equal(row)` holds, or kNoSlot.
  template <typename Equal>
  size_t Find(uint64_t hash, const Equal& equal) const {
    if (slots_.empty()) return kNoSlot;
    const auto tag = static_cast<uint32_t>(hash);
    for (size_t slot = tag & mask_; slots_[slot].row != RowArena::kNoRow;
         slot = (slot + 1) & mask_) {
      if (slots_[slot].tag == tag && equal(slots_[slot].row)) return slot;
    }
    return kNoSlot;
  }

  // As Find; but a row that has no equal is put there, and kNoSlot returned.
  template <typename Equal>
  size_t FindOrInsert(uint64_t hash, RowId row, const Equal& equal) {
    const size_t twice = slots_.empty() ? 16 : slots_.size() * 2;
    if ((used_ + 1) * 4 > slots_.size() * 3) {
      MoveTo(larger_.begun() ? larger_.Take() : Slots(twice));
    }
    const auto tag = static_cast<uint32_t>(hash);
    size_t slot = tag & mask_;
    for (; slots_[slot].row != RowArena::kNoRow; slot = (slot + 1) & mask_) {
      if (slots_[slot].tag == tag && equal(slots_[slot].row)) return slot;
    }
    slots_[slot] = {.tag = tag, .row = row};
    if (++used_ == nearly_full_) larger_.Begin([twice] { return Slots(twice); });
    return kNoSlot;
  }

  // Whether or not an equal row is there.
  void Insert(uint64_t hash, RowId row) {
    FindOrInsert(hash, row, [](RowId) { return false; });
  }

  RowId row(size_t slot) const { return slots_[slot].row; }
  void set_row(size_t slot, RowId row) { slots_[slot].row = row; }

  // Closes the hole by moving later slots of the run back, so that no tombstones pile up.
  void Erase(size_t slot) {
    size_t hole = slot;
    for (size_t next = (hole + 1) & mask_; slots_[next].row != RowArena::kNoRow;
         next = (next + 1) & mask_) {
      const size_t home = slots_[next].tag & mask_;
      if (((next - home) & mask_) < ((next - hole) & mask_)) continue;
      slots_[hole] = slots_[next];
      hole = next;
    }
    slots_[hole] = Slot{};
    --used_;
  }

  void Clear() { *this = RowIndex(); }
  // The larger one that is being made included.
  uint64_t memory_bytes() const {
    return (slots_.size() + (larger_.begun() ? 2 * slots_.size() : 0)) * sizeof(Slot);
  }

  // Room for so many rows in all.
  void Reserve(uint64_t rows) {
    const size_t needed = std::bit_ceil(static_cast<size_t>(rows + rows / 3 + 16));
    if (needed > slots_.size()) {
      const bool made = larger_.begun() && needed == 2 * slots_.size();
      MoveTo(made ? larger_.Take() : Slots(needed));
      larger_ = {};
    }
    // No larger one is made until there are more than that.
    if (nearly_full_ > 0) nearly_full_ = std::max<size_t>(nearly_full_, rows + 1);
  }

  void Prefetch(uint64_t hash) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[static_cast<uint32_t>(hash) & mask_]);
  }
  // The first row that Find would compare, without comparing it; kNoRow when there is none.
  RowId Guess(uint64_t hash) const {
    const size_t slot = Find(hash, [](RowId) { return true; });
    return slot == kNoSlot ? RowArena::kNoRow : slots_[slot].row;
  }

 private:
  struct Slot {
    uint32_t tag = 0;
    RowId row = RowArena::kNoRow;
  };

  void Place(Slot entry) {
    size_t slot = entry.tag & mask_;
    while (slots_[slot].row != RowArena::kNoRow) slot = (slot + 1) & mask_;
    slots_[slot] = entry;
  }

  using Slots = std::vector<Slot, HugePageAllocator<Slot>>;

  static constexpr size_t kWorthAThread = 64 << 10;  // slots

  void MoveTo(Slots slots) {
    slots.swap(slots_);
    mask_ = slots_.size() - 1;
    for (const Slot& slot : slots) {
      if (slot.row != RowArena::kNoRow) Place(slot);
    }
    nearly_full_ = slots_.size() < kWorthAThread ? 0 : slots_.size() / 32 * 21;
  }

  Slots slots_;              // a power of two of them, at most three quarters in use
  MadeAhead<Slots> larger_;  // twice as many
  size_t mask_ = 0;
  size_t nearly_full_ = 0;  // when to make larger_; 0: never
  size_t used_ = 0;
};

}  // namespace trunkline
