#include "archive/tiling.h"

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <tuple>
#include <utility>

namespace trunkline {
namespace {

using Entries = std::vector<SegmentEntry>;

bool StandsForOthers(const SegmentEntry& entry) { return entry.merged || entry.retained; }

bool Contains(const SegmentEntry& outer, const SegmentEntry& inner) {
  return outer.begin <= inner.begin && inner.end <= outer.end;
}

// The fewest entries that lead from `begin` to `end`, each beginning where the one before ends.
std::optional<std::vector<const SegmentEntry*>> Path(std::span<const SegmentEntry> sorted,
                                                     Lsn begin, Lsn end) {
  struct Step {
    size_t count = 0;
    const SegmentEntry* last = nullptr;
  };
  std::map<Lsn, Step> reached{{begin, {}}};
  for (const SegmentEntry& entry : sorted) {
    const auto from = reached.find(entry.begin);
    if (from == reached.end() || entry.retained) continue;
    const size_t count = from->second.count + 1;
    const auto [to, first] = reached.try_emplace(entry.end, Step{count, &entry});
    const bool better =
        count < to->second.count || (count == to->second.count && entry.merged && !first);
    if (better) to->second = {count, &entry};
  }
  if (!reached.contains(end)) return std::nullopt;
  std::vector<const SegmentEntry*> path;
  for (Lsn at = end; at != begin; at = path.back()->begin) path.push_back(reached[at].last);
  std::reverse(path.begin(), path.end());
  return path;
}

// What was removed stays removed: the widest retained segment that the rest leads on from.
std::optional<std::vector<const SegmentEntry*>> PathThrough(std::span<const SegmentEntry> cluster,
                                                            Lsn end) {
  std::vector<const SegmentEntry*> retained;
  for (const SegmentEntry& entry : cluster) {
    if (entry.retained) retained.push_back(&entry);
  }
  std::sort(retained.begin(), retained.end(), [](const SegmentEntry* a, const SegmentEntry* b) {
    return std::tie(b->end, a->begin) < std::tie(a->end, b->begin);
  });
  for (const SegmentEntry* front : retained) {
    auto path = Path(cluster, front->end, end);
    if (!path) continue;
    path->insert(path->begin(), front);
    return path;
  }
  return Path(cluster, cluster.front().begin, end);
}

// Whether each entry beside the path is one that stands for others, or is stood for by one of the
// path. Else two have written the same range.
bool Explains(const std::vector<const SegmentEntry*>& path, std::span<const SegmentEntry> cluster) {
  return std::all_of(cluster.begin(), cluster.end(), [&](const SegmentEntry& entry) {
    return StandsForOthers(entry) ||
           std::any_of(path.begin(), path.end(), [&](const SegmentEntry* chosen) {
             return chosen == &entry || (StandsForOthers(*chosen) && Contains(*chosen, entry));
           });
  });
}

// `cluster`: entries each of which overlaps others of them, and none beside.
void Choose(std::span<const SegmentEntry> cluster, Lsn end, Tiling* tiling) {
  const auto path = cluster.size() > 1 ? PathThrough(cluster, end) : std::nullopt;
  if (!path || !Explains(*path, cluster)) {
    tiling->chosen.insert(tiling->chosen.end(), cluster.begin(), cluster.end());
    return;
  }
  for (const SegmentEntry& entry : cluster) {
    const bool chosen = std::find(path->begin(), path->end(), &entry) != path->end();
    (chosen ? tiling->chosen : tiling->superseded).push_back(entry);
  }
}

}  // namespace

Tiling ChooseTiling(Entries entries) {
  std::sort(entries.begin(), entries.end(), [](const SegmentEntry& a, const SegmentEntry& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  Tiling tiling;
  for (size_t first = 0; first < entries.size();) {
    Lsn end = entries[first].end;
    size_t next = first + 1;
    for (; next < entries.size() && entries[next].begin < end; ++next) {
      end = std::max(end, entries[next].end);
    }
    Choose(std::span(entries).subspan(first, next - first), end, &tiling);
    first = next;
  }
  return tiling;
}

Removable RemovableFor(const SegmentEntry& covering, const Entries& entries) {
  Removable removable;
  bool stands_under_another = false;
  for (const SegmentEntry& entry : entries) {
    const bool apart = entry.end <= covering.begin || entry.begin >= covering.end;
    if (apart || entry.name == covering.name) continue;
    const bool outranks = covering.retained || !entry.retained;
    if (Contains(covering, entry) && outranks) {
      removable.entries.push_back(entry);
    } else if (Contains(entry, covering)) {
      stands_under_another = true;
    } else {
      removable.across = &entry;
    }
  }
  if (stands_under_another || removable.across != nullptr) removable.entries.clear();
  return removable;
}

}  // namespace trunkline
