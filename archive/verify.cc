#include "archive/verify.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "archive/catalog.h"
#include "archive/identity.h"
#include "archive/listed_segment.h"
#include "archive/segment_check.h"
#include "archive/segment_merge.h"

namespace trunkline {
namespace {

constexpr uint64_t kMaxIdentityBytes = 64 << 10;

using ProgressFunction = std::function<void(uint64_t bytes_done, uint64_t bytes_total)>;

// The store does not answer, or others change what is there: nothing follows for the archive. Any
// other error tells of an object.
bool IsStoreFailure(const Error& error) {
  if (error.kind == ErrorKind::kConflict) return true;
  return error.kind == ErrorKind::kUnavailable || error.kind == ErrorKind::kDenied ||
         error.kind == ErrorKind::kCancelled;
}

std::string RangeOf(Lsn begin, Lsn end) { return begin.ToString() + " to " + end.ToString(); }

class Verifier {
 public:
  Verifier(const Store& store, const ProgressFunction& progress, bool originals)
      : store_(store), progress_(progress), originals_(originals) {}

  Result<VerifyReport> Run() {
    ASSIGN_OR_RETURN(std::vector<ObjectInfo> objects, store_.List(""));
    for (const ObjectInfo& object : objects) {
      bytes_total_ += object.size;
      listed_at_first_.insert(object.name);
    }
    catalog_ = CatalogOf(std::move(objects));
    TRY(CheckIdentity());
    TRY(CheckSegments());
    TRY(CheckSnapshots());
    CheckIdentityDigests();
    for (const std::string& name : catalog_.foreign) Note(name, "is no part of an archive");
    NoteSuperseded();
    TRY(NoteDisturbance());
    report_.bytes = bytes_done_;
    return std::move(report_);
  }

 private:
  // A listing made while others merge and remove may show neither what goes nor what stands for it:
  // then what was found may be no damage.
  Result<void> NoteDisturbance() {
    if (report_.findings.empty()) return {};
    ASSIGN_OR_RETURN(const std::vector<ObjectInfo> objects, store_.List(""));
    std::set<std::string> now;
    for (const ObjectInfo& object : objects) now.insert(object.name);
    const bool gone = std::any_of(listed_at_first_.begin(), listed_at_first_.end(),
                                  [&](const std::string& name) { return !now.contains(name); });
    const bool came = std::any_of(now.begin(), now.end(), [this](const std::string& name) {
      const Catalog one = CatalogOf({{name, 0}});
      const bool covers = one.retained || (!one.segments.empty() && one.segments.front().merged);
      return covers && !listed_at_first_.contains(name);
    });
    report_.disturbed = gone || came;
    return {};
  }

  void Find(std::string object, std::string problem) {
    report_.findings.push_back({std::move(object), std::move(problem)});
  }
  void Note(std::string object, std::string problem) {
    report_.notes.push_back({std::move(object), std::move(problem)});
  }
  // Whether `result` is well; a finding about `object`, or the store's failure, otherwise.
  Result<bool> Sound(const std::string& object, const Result<void>& result) {
    if (result) return true;
    if (IsStoreFailure(result.error())) return Fail(result.error());
    if (result.error().kind == ErrorKind::kNotFound) {
      const auto listed = OpenListed(store_, object);
      if (!listed && listed.error().kind == ErrorKind::kConflict) return Fail(listed.error());
    }
    std::string problem = result.error().message;
    if (problem.starts_with(object + ": ")) problem.erase(0, object.size() + 2);
    Find(object, std::move(problem));
    return false;
  }

  void Advance(uint64_t bytes) {
    bytes_done_ += bytes;
    if (progress_) progress_(bytes_done_, bytes_total_);
  }
  BytesDone ProgressWithin() {
    return [this](uint64_t bytes) {
      if (progress_) progress_(bytes_done_ + bytes, bytes_total_);
    };
  }

  static BytesDone NoProgress() {
    return [](uint64_t) {};
  }

  Result<void> CheckIdentity() {
    Result<std::string> bytes = GetObject(store_, kIdentityObject, kMaxIdentityBytes);
    const std::string name(kIdentityObject);
    if (!bytes && bytes.error().kind == ErrorKind::kNotFound) {
      // Without any object this is not an archive, and the error says so.
      if (catalog_.segments.empty() && catalog_.snapshots.empty()) return Fail(ReadError());
      Find(name, "is missing");
      return {};
    }
    if (!bytes) {
      TRY(Sound(name, Fail(bytes.error())));
      return {};
    }
    Advance(bytes->size());
    Result<Identity> identity = Identity::Parse(*bytes);
    if (!identity) {
      Find(name, identity.error().message);
      return {};
    }
    identity_digest_ = identity->Digest();
    if (identity->Serialize() != *bytes) Find(name, "is not as it was written");
    return {};
  }

  Error ReadError() const { return ReadIdentity(store_).error(); }

  // Null after a finding.
  Result<std::unique_ptr<SegmentReader>> OpenChecked(const std::string& name, SegmentKind kind,
                                                     Lsn begin, Lsn end) {
    Result<std::unique_ptr<SegmentReader>> reader = OpenSegment(store_, name);
    if (!reader) {
      TRY(Sound(name, Fail(reader.error())));
      return std::unique_ptr<SegmentReader>();
    }
    const SegmentHeader& header = (*reader)->header();
    if (header.kind != kind) {
      Find(name, "its header is of another kind than its name says");
      return std::unique_ptr<SegmentReader>();
    }
    if (header.begin != begin || header.end != end) {
      Find(name, "its header says that it is " + RangeOf(header.begin, header.end));
      return std::unique_ptr<SegmentReader>();
    }
    identity_digests_[header.identity_digest].push_back(name);
    return reader;
  }

  Result<void> CheckSegments() {
    TRY(CheckRetained());
    for (const SegmentEntry& entry : catalog_.segments) {
      const bool in_place = CheckTiling(entry);
      ASSIGN_OR_RETURN(const bool sound, CheckSegment(entry));
      if (!sound || !in_place) {
        report_.last_digest.clear();
        chain_digest_.clear();
      }
      reached_ = std::max(reached_, entry.end);
      ++report_.segments;
      Advance(entry.size);
    }
    if (!catalog_.segments.empty()) report_.begin = catalog_.segments.front().begin;
    report_.end = reached_;
    return {};
  }

  // The history goes on from what the last segment removed was.
  Result<void> CheckRetained() {
    if (!catalog_.retained) return {};
    const SegmentEntry& entry = *catalog_.retained;
    Advance(entry.size);
    reached_ = entry.end;
    report_.retained = entry.end;
    ASSIGN_OR_RETURN(const std::unique_ptr<SegmentReader> reader,
                     OpenChecked(entry.name, SegmentKind::kRetained, entry.begin, entry.end));
    if (!reader) return {};
    ASSIGN_OR_RETURN(const bool sound, Sound(entry.name, CheckChanges(*reader, NoProgress())));
    if (sound) chain_digest_ = reader->chain_digest();
    Note("up to " + entry.end.ToString(), "what was archived before was removed on purpose");
    return {};
  }

  void NoteSuperseded() {
    for (const SegmentEntry& entry : catalog_.superseded) {
      Note(entry.name, "another object stands for it; it is not used");
      Advance(entry.size);
    }
    for (const ObjectInfo& object : catalog_.superseded_snapshots) {
      Note(object.name, "is of a snapshot that was removed; it is not used");
      Advance(object.size);
    }
  }

  // Whether the segment begins where the one before it ends, or after a hole.
  bool CheckTiling(const SegmentEntry& entry) {
    contiguous_ = entry.begin == reached_;
    if (!reached_.valid() || contiguous_) return true;
    if (entry.begin > reached_) {
      Find(RangeOf(reached_, entry.begin), "no segment holds this range");
      return true;
    }
    Find(entry.name, "overlaps the segment before it");
    return false;
  }

  // Leaves the digest of a sound segment in the report.
  Result<bool> CheckSegment(const SegmentEntry& entry) {
    const SegmentKind kind = entry.gap ? SegmentKind::kGap : SegmentKind::kChanges;
    ASSIGN_OR_RETURN(const std::unique_ptr<SegmentReader> reader,
                     OpenChecked(entry.name, kind, entry.begin, entry.end));
    if (!reader) return false;
    if (entry.merged != !reader->header().replaced.empty()) {
      Find(entry.name, "whether it stands for others is not what its name says");
      return false;
    }
    report_.merged += entry.merged ? 1 : 0;
    report_.replaced += reader->header().replaced.size();
    report_.transactions += reader->transactions();
    report_.changes += reader->changes();
    if (entry.gap) {
      report_.gaps.push_back({RangeOf(entry.begin, entry.end), reader->header().gap_reason});
    }
    ASSIGN_OR_RETURN(const bool sound, Sound(entry.name, CheckChanges(*reader, ProgressWithin())));
    CheckChain(entry, reader->header().previous_digest);
    if (sound && originals_ && entry.merged) TRY(Reproduce(*reader));
    if (sound) {
      report_.last_digest = reader->digest();
      chain_digest_ = reader->chain_digest();
    }
    return sound;
  }

  Result<void> Reproduce(const SegmentReader& reader) {
    const Result<size_t> count = CountReproduced(reader, SegmentOptions{});
    if (!count) {
      TRY(Sound(reader.name(), Fail(count.error())));
      return {};
    }
    report_.reproduced += *count;
    const size_t all = reader.header().replaced.size();
    if (*count == all) return {};
    Note(reader.name(), "of the " + std::to_string(all) +
                            " segments that it stands for, the first " + std::to_string(*count) +
                            " come out of it as they were, and then one that does not: altered, or "
                            "written by another release or with other options");
    return {};
  }

  void CheckChain(const SegmentEntry& entry, const std::string& previous_digest) {
    if (!reached_.valid()) {
      if (!previous_digest.empty()) {
        Find("up to " + entry.begin.ToString(), "the segments before the first one are missing");
      }
      return;
    }
    // After a hole or a damaged segment there is nothing to compare with.
    if (!contiguous_ || chain_digest_.empty()) return;
    if (previous_digest != chain_digest_) {
      Find(entry.name,
           "breaks the chain: the segment before it is not the one that it was "
           "written after");
    }
  }

  Result<void> CheckSnapshots() {
    for (const SnapshotEntry& snapshot : catalog_.snapshots) {
      for (const ObjectInfo& part : snapshot.parts) part_sizes_.emplace(part.name, part.size);
    }
    for (const SnapshotEntry& snapshot : catalog_.snapshots) {
      const uint64_t done_before = bytes_done_;
      TRY(CheckSnapshot(snapshot));
      Advance(done_before + snapshot.size - bytes_done_);
    }
    for (const SnapshotEntry& snapshot : catalog_.snapshots) {
      const bool used =
          std::any_of(snapshot.parts.begin(), snapshot.parts.end(),
                      [this](const ObjectInfo& part) { return counted_.contains(part.name); });
      if (!snapshot.complete && snapshot.tables.empty() && !used) {
        Note("snapshots/" + snapshot.lsn.ToHex16(), "was never completed, and is not used");
        continue;
      }
      for (const ObjectInfo& part : snapshot.parts) {
        if (!listed_.contains(part.name)) Note(part.name, "is no part of the completed snapshot");
      }
    }
    return {};
  }

  Result<void> CheckSnapshot(const SnapshotEntry& snapshot) {
    if (snapshot.has_definition) {
      const std::string name = SnapshotDefinitionName(snapshot.lsn);
      ASSIGN_OR_RETURN(const std::unique_ptr<SegmentReader> definition,
                       OpenChecked(name, SegmentKind::kDefinition, snapshot.lsn, snapshot.lsn));
      if (definition) TRY(Sound(name, CheckManifest(*definition, NoProgress())));
    }
    for (const ObjectInfo& table : snapshot.tables) TRY(CheckTable(snapshot, table.name));
    for (const ObjectInfo& pages : snapshot.pages) TRY(CheckPages(snapshot, pages.name));
    if (!snapshot.complete) {
      if (!snapshot.tables.empty()) NeedDefinition(snapshot.lsn);
      return {};
    }
    ++report_.snapshots;
    const std::string name = SnapshotManifestName(snapshot.lsn);
    ASSIGN_OR_RETURN(const std::unique_ptr<SegmentReader> manifest,
                     OpenChecked(name, SegmentKind::kManifest, snapshot.lsn, snapshot.lsn));
    if (!manifest) return {};
    ASSIGN_OR_RETURN(const bool sound, Sound(name, CheckManifest(*manifest, NoProgress())));
    if (!sound) return {};
    return CheckParts(name, snapshot.lsn, manifest->header().parts);
  }

  Result<void> CheckTable(const SnapshotEntry& snapshot, const std::string& name) {
    ASSIGN_OR_RETURN(const std::unique_ptr<SegmentReader> manifest,
                     OpenChecked(name, SegmentKind::kTable, snapshot.lsn, snapshot.lsn));
    if (!manifest) return {};
    ASSIGN_OR_RETURN(const bool sound, Sound(name, CheckTableManifest(*manifest, NoProgress())));
    if (!sound) return {};
    if (!snapshot.complete) ++report_.table_snapshots;
    return CheckParts(name, snapshot.lsn, manifest->header().parts);
  }

  // What a later snapshot may take up.
  Result<void> CheckPages(const SnapshotEntry& snapshot, const std::string& name) {
    ASSIGN_OR_RETURN(const std::unique_ptr<SegmentReader> manifest,
                     OpenChecked(name, SegmentKind::kPages, snapshot.lsn, snapshot.lsn));
    if (!manifest) return {};
    ASSIGN_OR_RETURN(const bool sound, Sound(name, CheckTableManifest(*manifest, NoProgress())));
    if (!sound) return {};
    return CheckParts(name, snapshot.lsn, manifest->header().parts);
  }

  // Tables without a manifest of all have their definition beside them.
  void NeedDefinition(Lsn lsn) {
    const bool there = std::any_of(catalog_.snapshots.begin(), catalog_.snapshots.end(),
                                   [lsn](const SnapshotEntry& snapshot) {
                                     return snapshot.lsn == lsn && snapshot.has_definition;
                                   });
    const std::string name = SnapshotDefinitionName(lsn);
    if (!there && listed_.insert(name).second) Find(name, "is missing");
  }

  // Some may be from before the snapshot's LSN, but for those of a range of pages.
  Result<void> CheckParts(const std::string& manifest, Lsn lsn,
                          const std::vector<SnapshotPart>& parts) {
    const bool is_pages = manifest.ends_with(".pages");
    std::set<std::string> listed;
    for (const SnapshotPart& part : parts) {
      if (!listed.insert(part.name).second) {
        Find(manifest, "lists " + part.name + " twice");
        continue;
      }
      const std::optional<Lsn> part_lsn = SnapshotLsnOf(part.name);
      if (!part_lsn.has_value() || *part_lsn > lsn || (*part_lsn < lsn && is_pages)) {
        Find(manifest, "lists " + part.name + ", which cannot be a part of it");
        continue;
      }
      if (*part_lsn < lsn) NeedDefinition(*part_lsn);
      if (!is_pages) counted_.insert(part.name);
      TRY(CheckListedPart(manifest, *part_lsn, part));
    }
    return {};
  }

  // Reads a part once, whichever manifests list it.
  Result<void> CheckListedPart(const std::string& manifest, Lsn lsn, const SnapshotPart& part) {
    listed_.insert(part.name);
    const auto [checked, first] = checked_parts_.try_emplace(part.name, part);
    if (!first) {
      if (!(checked->second == part)) Find(manifest, "lists another " + part.name);
      return {};
    }
    if (!part_sizes_.contains(part.name)) {
      Find(part.name, "is missing");
      return {};
    }
    ASSIGN_OR_RETURN(const std::unique_ptr<SegmentReader> reader,
                     OpenChecked(part.name, SegmentKind::kSnapshot, lsn, lsn));
    if (!reader) return {};
    report_.snapshot_rows += reader->changes();
    // Progress goes by the folders in their order.
    const bool of_this_folder = manifest.starts_with(part.name.substr(0, part.name.rfind('/') + 1));
    TRY(Sound(part.name,
              CheckSnapshotPart(*reader, part, of_this_folder ? ProgressWithin() : NoProgress())));
    if (of_this_folder) Advance(part_sizes_.at(part.name));
    return {};
  }

  // Every segment names the identity that it was written under. When all agree on another one than
  // the archive's, it is the identity that was changed.
  void CheckIdentityDigests() {
    if (identity_digest_.empty()) return;
    if (identity_digests_.size() == 1 && identity_digests_.begin()->first != identity_digest_) {
      if (report_.findings.empty() || report_.findings.front().object != kIdentityObject) {
        Find(std::string(kIdentityObject), "is not the one that the segments were written under");
      }
      return;
    }
    for (const auto& [digest, names] : identity_digests_) {
      if (digest == identity_digest_) continue;
      for (const std::string& name : names) Find(name, "belongs to another archive");
    }
  }

  const Store& store_;
  const ProgressFunction& progress_;
  const bool originals_;
  std::set<std::string> listed_at_first_;
  Catalog catalog_;
  VerifyReport report_;
  uint64_t bytes_done_ = 0;
  uint64_t bytes_total_ = 0;
  std::string identity_digest_;  // empty while the identity is unreadable
  std::map<std::string, std::vector<std::string>> identity_digests_;  // by digest: names
  Lsn reached_;                                                       // end of the segments so far
  bool contiguous_ = false;   // the segment in question begins there
  std::string chain_digest_;  // that it must name; empty where damage hides it
  // Of snapshots: every part that is there, and those that were checked, as they were listed; and
  // the objects that manifests call for.
  std::map<std::string, uint64_t> part_sizes_;
  std::map<std::string, SnapshotPart> checked_parts_;
  std::set<std::string> listed_;
  std::set<std::string> counted_;  // parts of what is whole
};

}  // namespace

Result<VerifyReport> Verify(const Store& store, const ProgressFunction& progress, bool originals) {
  return Verifier(store, progress, originals).Run();
}

}  // namespace trunkline
