#include "archive/verify.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "archive/catalog.h"
#include "archive/identity.h"
#include "archive/segment_check.h"

namespace trunkline {
namespace {

constexpr uint64_t kMaxIdentityBytes = 64 << 10;

using ProgressFunction = std::function<void(uint64_t bytes_done, uint64_t bytes_total)>;

// The store does not answer: nothing follows for the archive. Any other error tells of an object.
bool IsStoreFailure(const Error& error) {
  return error.kind == ErrorKind::kUnavailable || error.kind == ErrorKind::kDenied ||
         error.kind == ErrorKind::kCancelled;
}

std::string Range(Lsn begin, Lsn end) { return begin.ToString() + " to " + end.ToString(); }

class Verifier {
 public:
  Verifier(const Store& store, const ProgressFunction& progress)
      : store_(store), progress_(progress) {}

  Result<VerifyReport> Run() {
    ASSIGN_OR_RETURN(std::vector<ObjectInfo> objects, store_.List(""));
    for (const ObjectInfo& object : objects) bytes_total_ += object.size;
    catalog_ = CatalogOf(std::move(objects));
    TRY(CheckIdentity());
    TRY(CheckSegments());
    for (const SnapshotEntry& snapshot : catalog_.snapshots) TRY(CheckSnapshot(snapshot));
    CheckIdentityDigests();
    for (const std::string& name : catalog_.foreign) Note(name, "is no part of an archive");
    report_.bytes = bytes_done_;
    return std::move(report_);
  }

 private:
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
      Find(name, "its header says that it is " + Range(header.begin, header.end));
      return std::unique_ptr<SegmentReader>();
    }
    identity_digests_[header.identity_digest].push_back(name);
    return reader;
  }

  Result<void> CheckSegments() {
    for (const SegmentEntry& entry : catalog_.segments) {
      const bool in_place = CheckTiling(entry);
      ASSIGN_OR_RETURN(const bool sound, CheckSegment(entry));
      if (!sound || !in_place) report_.last_digest.clear();
      reached_ = std::max(reached_, entry.end);
      ++report_.segments;
      Advance(entry.size);
    }
    if (!catalog_.segments.empty()) report_.begin = catalog_.segments.front().begin;
    report_.end = reached_;
    return {};
  }

  // Whether the segment begins where the one before it ends, or after a hole.
  bool CheckTiling(const SegmentEntry& entry) {
    contiguous_ = entry.begin == reached_;
    if (!reached_.valid() || contiguous_) return true;
    if (entry.begin > reached_) {
      Find(Range(reached_, entry.begin), "no segment holds this range");
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
    report_.transactions += reader->transactions();
    report_.changes += reader->changes();
    if (entry.gap) {
      report_.gaps.push_back({Range(entry.begin, entry.end), reader->header().gap_reason});
    }
    ASSIGN_OR_RETURN(const bool sound, Sound(entry.name, CheckChanges(*reader, ProgressWithin())));
    CheckChain(entry, reader->header().previous_digest);
    if (sound) report_.last_digest = reader->digest();
    return sound;
  }

  void CheckChain(const SegmentEntry& entry, const std::string& previous_digest) {
    if (!reached_.valid()) {
      if (!previous_digest.empty()) {
        Find("up to " + entry.begin.ToString(), "the segments before the first one are missing");
      }
      return;
    }
    // After a hole or a damaged segment there is nothing to compare with.
    if (!contiguous_ || report_.last_digest.empty()) return;
    if (previous_digest != report_.last_digest) {
      Find(entry.name,
           "breaks the chain: the segment before it is not the one that it was "
           "written after");
    }
  }

  Result<void> CheckSnapshot(const SnapshotEntry& snapshot) {
    if (!snapshot.complete) {
      Note("snapshots/" + snapshot.lsn.ToHex16(), "was never completed, and is not used");
      Advance(snapshot.size);
      return {};
    }
    ++report_.snapshots;
    const uint64_t done_before = bytes_done_;
    const std::string name = SnapshotManifestName(snapshot.lsn);
    uint64_t manifest_bytes = snapshot.size;
    for (const ObjectInfo& part : snapshot.parts) manifest_bytes -= part.size;
    ASSIGN_OR_RETURN(const std::unique_ptr<SegmentReader> manifest,
                     OpenChecked(name, SegmentKind::kManifest, snapshot.lsn, snapshot.lsn));
    if (manifest) {
      ASSIGN_OR_RETURN(const bool sound, Sound(name, CheckManifest(*manifest, ProgressWithin())));
      Advance(manifest_bytes);
      if (sound) TRY(CheckParts(snapshot, manifest->header().parts));
    }
    Advance(done_before + snapshot.size - bytes_done_);
    return {};
  }

  Result<void> CheckParts(const SnapshotEntry& snapshot, const std::vector<SnapshotPart>& parts) {
    std::map<std::string, uint64_t> present;
    for (const ObjectInfo& part : snapshot.parts) present.emplace(part.name, part.size);
    std::set<std::string> listed;
    for (const SnapshotPart& part : parts) {
      if (!listed.insert(part.name).second) {
        Find(SnapshotManifestName(snapshot.lsn), "lists " + part.name + " twice");
        continue;
      }
      const auto found = present.find(part.name);
      if (found == present.end()) {
        Find(part.name, "is missing");
        continue;
      }
      TRY(CheckPart(snapshot.lsn, part));
      Advance(found->second);
    }
    for (const auto& [name, size] : present) {
      if (!listed.contains(name)) Note(name, "is no part of the completed snapshot");
    }
    return {};
  }

  Result<void> CheckPart(Lsn lsn, const SnapshotPart& part) {
    ASSIGN_OR_RETURN(const std::unique_ptr<SegmentReader> reader,
                     OpenChecked(part.name, SegmentKind::kSnapshot, lsn, lsn));
    if (!reader) return {};
    report_.snapshot_rows += reader->changes();
    TRY(Sound(part.name, CheckSnapshotPart(*reader, part, ProgressWithin())));
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
  Catalog catalog_;
  VerifyReport report_;
  uint64_t bytes_done_ = 0;
  uint64_t bytes_total_ = 0;
  std::string identity_digest_;  // empty while the identity is unreadable
  std::map<std::string, std::vector<std::string>> identity_digests_;  // by digest: names
  Lsn reached_;                                                       // end of the segments so far
  bool contiguous_ = false;  // the segment in question begins there
};

}  // namespace

Result<VerifyReport> Verify(const Store& store, const ProgressFunction& progress) {
  return Verifier(store, progress).Run();
}

}  // namespace trunkline
