#include "daemon/spooled_store.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <utility>

#include "archive/atomic_file.h"
#include "archive/directory_store.h"
#include "archive/listed_segment.h"
#include "base/check.h"
#include "base/fault.h"
#include "daemon/failure_policy.h"
#include "daemon/outage_log.h"
#include "daemon/stop_signal.h"

namespace trunkline {
namespace {

constexpr std::string_view kFolder = "/trunkline-confirmed";
constexpr std::string_view kLockSuffix = ".lock";
constexpr std::chrono::seconds kLockPatience{2};
constexpr std::chrono::milliseconds kStopPoll{100};
constexpr uint64_t kMaxIdentityBytes = 1 << 20;

// Of what goes into the archive in one Put. Where each takes long, fewer are better; what fails
// half way is sent anew.
constexpr size_t kMostAtOnce = 64;
constexpr uint64_t kMostBytesAtOnce = uint64_t{256} << 20;

bool IsSegment(std::string_view name) { return name.starts_with(kSegmentPrefix); }

Result<SegmentEntry> EntryOf(ObjectInfo object) {
  const std::string name = object.name;
  Catalog catalog = CatalogOf({std::move(object)});
  if (catalog.segments.size() == 1) return std::move(catalog.segments.front());
  return Fail(ErrorKind::kCorrupt, "the spool holds " + name + ", which is no segment's name");
}

tl::unexpected<Error> DoesNotFit(ErrorKind kind, const std::string& folder,
                                 const std::string& why) {
  return Fail(kind, "the segments in " + folder + " do not continue the archive: " + why,
              "they are confirmed and nowhere else: start with the --archive that they belong to; "
              "if it is lost, move the folder away, and a gap will be recorded");
}

}  // namespace

SpooledStore::SpooledStore(std::unique_ptr<Store> archive, FileLock lock,
                           const SpooledStoreOptions& options)
    : archive_(std::move(archive)),
      lock_(std::move(lock)),
      folder_path_(options.directory + std::string(kFolder)),
      folder_(NewDirectoryStore(folder_path_, folder_path_)),
      max_bytes_(options.max_bytes),
      metrics_(options.metrics) {}

SpooledStore::~SpooledStore() = default;

Result<std::unique_ptr<SpooledStore>> SpooledStore::Open(std::unique_ptr<Store> archive,
                                                         const SpooledStoreOptions& options) {
  const std::string lock_path = options.directory + std::string(kFolder) + std::string(kLockSuffix);
  ASSIGN_OR_RETURN(FileLock lock, FileLock::Take(lock_path, kLockPatience));
  std::unique_ptr<SpooledStore> store(
      new SpooledStore(std::move(archive), std::move(lock), options));
  TRY(store->LoadFolder());
  const Result<void> reconciled = store->Reconcile();
  // With an archive that was never reached, there is nothing to go on from.
  if (!reconciled && (!MayRecover(reconciled.error()) || store->segments_.empty())) {
    return Fail(reconciled.error());
  }
  {
    const std::scoped_lock reporting(store->mutex_);
    store->Report();
  }
  store->thread_ =
      std::jthread([raw = store.get()](const std::stop_token& stop) { raw->Run(stop); });
  return store;
}

bool SpooledStore::IsUsed(const std::string& directory) {
  std::error_code ignored;
  return std::filesystem::exists(directory + std::string(kFolder), ignored);
}

Result<void> SpooledStore::LoadFolder() {
  ASSIGN_OR_RETURN(std::vector<ObjectInfo> objects, folder_->List(kSegmentPrefix));
  for (ObjectInfo& object : objects) {
    ASSIGN_OR_RETURN(SegmentEntry entry, EntryOf(std::move(object)));
    if (!segments_.empty() && entry.begin != segments_.back().end) {
      return Fail(ErrorKind::kCorrupt,
                  folder_path_ + " lacks a segment from " + segments_.back().end.ToString() +
                      " to " + entry.begin.ToString(),
                  "restore it; it was confirmed to the source");
    }
    bytes_ += entry.size;
    segments_.push_back(std::move(entry));
  }
  return {};
}

Result<std::vector<ObjectInfo>> SpooledStore::List(std::string_view prefix) const {
  // In this order a segment that moves on meanwhile is seen at least once.
  ASSIGN_OR_RETURN(const std::vector<ObjectInfo> spooled, folder_->List(prefix));
  Adopt(spooled);
  Result<std::vector<ObjectInfo>> archived = archive_->List(prefix);
  if (!archived && MayRecover(archived.error()) && !spooled.empty()) return spooled;
  if (!archived) return archived;
  std::vector<ObjectInfo> all;
  std::set_union(archived->begin(), archived->end(), spooled.begin(), spooled.end(),
                 std::back_inserter(all),
                 [](const ObjectInfo& a, const ObjectInfo& b) { return a.name < b.name; });
  return all;
}

// A Put that failed may have happened. Whoever lists the folder then goes on behind that segment,
// so it has to get to the archive.
void SpooledStore::Adopt(const std::vector<ObjectInfo>& spooled) const {
  Catalog catalog = CatalogOf(spooled);
  const std::scoped_lock lock(mutex_);
  for (SegmentEntry& entry : catalog.segments) {
    const bool next = segments_.empty() || entry.begin == segments_.back().end;
    if (!next || entry.end <= archived_) continue;
    bytes_ += entry.size;
    segments_.push_back(std::move(entry));
    changed_.notify_all();
  }
  Report();
}

Result<std::unique_ptr<ByteSource>> SpooledStore::Open(std::string_view name) const {
  Result<std::unique_ptr<ByteSource>> spooled = folder_->Open(name);
  if (spooled || spooled.error().kind != ErrorKind::kNotFound) return spooled;
  return archive_->Open(name);
}

Result<void> SpooledStore::Put(std::span<const NewObject> objects) {
  for (const NewObject& object : objects) {
    TRY(IsSegment(object.name) ? PutSegment(object) : PutDirectly(object));
  }
  return {};
}

Result<void> SpooledStore::Remove(std::span<const std::string> names) {
  TRY(folder_->Remove(names));
  return archive_->Remove(names);
}

Result<void> SpooledStore::PutDirectly(const NewObject& object) {
  TRY(archive_->Put({&object, 1}));
  if (object.name == kIdentityObject) return folder_->Put({&object, 1});
  return object.name.ends_with("/complete") ? CopyManifest() : Result<void>();
}

Result<void> SpooledStore::PutSegment(const NewObject& object) {
  const uint64_t size = object.content->size();
  ASSIGN_OR_RETURN(const SegmentEntry entry, EntryOf({object.name, size}));
  bool went_on = false;
  {
    const std::scoped_lock lock(mutex_);
    if (failure_.has_value()) return Fail(*failure_);
    went_on = !Holds(entry.name) && entry.end <= archived_;
    const uint64_t pending = went_on ? 0 : pending_bytes();
    if (!Holds(entry.name) && pending > 0 && pending + size > max_bytes_) {
      return Fail(ErrorKind::kUnavailable,
                  "the spool holds " + std::to_string(pending) +
                      " bytes that the archive lacks, and --spool-max-bytes allows no more",
                  "bring the archive back, or raise --spool-max-bytes");
    }
  }
  // Put again, together with others for which there had been no room.
  if (went_on) return archive_->Put({&object, 1});
  // The one before it may have gone on to the archive.
  const NewObject spooled{object.name, object.content, std::string(kIdentityObject),
                          object.unique_prefix};
  TRY(folder_->Put({&spooled, 1}));
  FAULT("spooled.put");
  const std::scoped_lock lock(mutex_);
  if (Holds(entry.name)) return {};  // put again
  segments_.push_back(entry);
  bytes_ += size;
  Report();
  changed_.notify_all();
  return {};
}

bool SpooledStore::Holds(const std::string& name) const {
  return std::any_of(segments_.begin(), segments_.end(),
                     [&](const SegmentEntry& entry) { return entry.name == name; });
}

uint64_t SpooledStore::pending_bytes() const {
  const bool first_archived = !segments_.empty() && segments_.front().end <= archived_;
  return bytes_ - (first_archived ? segments_.front().size : 0);
}

void SpooledStore::Report() const {
  if (metrics_ == nullptr) return;
  metrics_->NoteArchived(archived_);
  metrics_->NotePending(pending_bytes());
}

std::vector<SegmentEntry> SpooledStore::NextPending() const {
  const std::scoped_lock lock(mutex_);
  std::vector<SegmentEntry> next;
  uint64_t bytes = 0;
  for (const SegmentEntry& entry : segments_) {
    if (entry.end <= archived_) continue;
    bytes += entry.size;
    if (!next.empty() && (next.size() == kMostAtOnce || bytes > kMostBytesAtOnce)) break;
    next.push_back(entry);
  }
  return next;
}

void SpooledStore::Run(const std::stop_token& stop) {
  OutageLog outage("the archive does not take what is spooled");
  Backoff backoff(1);
  while (!stop.stop_requested()) {
    Result<void> uploaded = UploadPending();
    std::unique_lock lock(mutex_);
    if (uploaded) {
      outage.Succeeded();
      backoff.Reset();
      changed_.wait(lock, stop,
                    [this] { return !segments_.empty() && segments_.back().end > archived_; });
    } else if (MayRecover(uploaded.error())) {
      outage.Failed(uploaded.error());
      if (metrics_ != nullptr) metrics_->NoteError(ErrorArea::kArchive, uploaded.error().kind);
      changed_.wait_for(lock, stop, backoff.Next(), [] { return false; });
    } else {
      spdlog::error("{}", uploaded.error().ToString());
      failure_ = std::move(uploaded).error();
      changed_.notify_all();
      return;
    }
  }
}

Result<void> SpooledStore::UploadPending() {
  if (!reconciled_) TRY(Reconcile());
  std::vector<SegmentEntry> next = NextPending();
  if (next.empty()) return {};
  // Only this thread moves archived_.
  if (archived_.valid() && next.front().begin != archived_) {
    TRY(Reconcile());
    next = NextPending();
    if (next.empty()) return {};
  }
  FAULT("spooled.upload");
  const Result<void> put = Upload(next);
  if (!put && put.error().kind == ErrorKind::kAlreadyExists) {
    TRY(Reconcile());
    const std::vector<SegmentEntry> still = NextPending();
    if (still.empty() || still.front().name != next.front().name) return {};
    return DoesNotFit(ErrorKind::kFailed, folder_path_, put.error().message);
  }
  // It may have happened, and what was in front of it may have been merged since.
  if (!put) reconciled_ = false;
  TRY(put);
  FAULT("spooled.uploaded");
  archived_name_ = next.back().name;
  {
    const std::scoped_lock lock(mutex_);
    archived_ = next.back().end;
    Report();
    changed_.notify_all();
  }
  while (Front()->name != archived_name_) TRY(DropFront());
  return {};
}

// The first one behind what the archive ends with, each other one behind the one before it.
Result<void> SpooledStore::Upload(const std::vector<SegmentEntry>& segments) {
  std::vector<std::unique_ptr<ByteSource>> contents;
  std::vector<NewObject> objects;
  std::string predecessor = archived_name_;
  for (const SegmentEntry& segment : segments) {
    ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> content, folder_->Open(segment.name));
    NewObject object{segment.name, content.get()};
    object.predecessor = predecessor.empty() ? std::string(kIdentityObject) : predecessor;
    object.unique_prefix =
        predecessor.empty() ? std::string(kSegmentPrefix) : SegmentPrefix(segment.begin);
    predecessor = segment.name;
    objects.push_back(std::move(object));
    contents.push_back(std::move(content));
  }
  return archive_->Put(objects);
}

// Whether the folder continues the archive, and from which segment on.
Result<void> SpooledStore::Reconcile() {
  reconciled_ = false;
  Result<std::string> spooled = GetObject(*folder_, kIdentityObject, kMaxIdentityBytes);
  Result<std::string> archived = GetObject(*archive_, kIdentityObject, kMaxIdentityBytes);
  if (!spooled && spooled.error().kind != ErrorKind::kNotFound) return Fail(spooled.error());
  if (!archived && archived.error().kind != ErrorKind::kNotFound) return Fail(archived.error());
  if (!archived && spooled) return Fail(AwayForNow(archived.error()));
  if (!archived && !segments_.empty()) {
    return DoesNotFit(ErrorKind::kFailed, folder_path_, "there is no archive");
  }
  reconciled_ = true;
  if (!archived) return {};  // neither has begun
  if (spooled && *spooled != *archived) {
    return DoesNotFit(ErrorKind::kWrongSource, folder_path_, "it is of another source or slot");
  }
  reconciled_ = false;
  ASSIGN_OR_RETURN(const Tail tail, TailOf(*archive_));
  if (!spooled) TRY(PutObject(folder_.get(), std::string(kIdentityObject), *archived));
  TRY(CopyManifest());
  TRY(DropArchived(tail));
  if (const std::vector<SegmentEntry> next = NextPending(); !next.empty()) {
    TRY(CheckContinues(next.front(), tail));
    const std::scoped_lock lock(mutex_);
    const bool told = std::exchange(told_from_, next.front().begin) == next.front().begin;
    spdlog::log(told ? spdlog::level::debug : spdlog::level::info,
                "{} bytes are spooled that the archive lacks, from {} on", pending_bytes(),
                next.front().begin.ToString());
  }
  archived_name_ = tail.name;
  reconciled_ = true;
  return {};
}

Result<void> SpooledStore::CheckContinues(const SegmentEntry& first, const Tail& tail) const {
  ASSIGN_OR_RETURN(const std::unique_ptr<SegmentReader> reader, OpenSegment(*folder_, first.name));
  if (tail.end.valid() && first.begin != tail.end) {
    return DoesNotFit(
        ErrorKind::kFailed, folder_path_,
        "they begin at " + first.begin.ToString() + ", and it ends at " + tail.end.ToString());
  }
  if (reader->header().previous_digest != tail.digest) {
    return DoesNotFit(ErrorKind::kFailed, folder_path_, "its last segment is another one");
  }
  return {};
}

// Keeps the archive's last segment, if the folder has the very same.
Result<void> SpooledStore::DropArchived(const Tail& tail) {
  {
    const std::scoped_lock lock(mutex_);
    archived_ = tail.end;
    Report();
  }
  while (true) {
    const std::optional<SegmentEntry> front = Front();
    if (!front.has_value() || front->end > tail.end) return {};
    if (front->name == tail.name) {
      ASSIGN_OR_RETURN(const std::unique_ptr<SegmentReader> reader,
                       OpenSegment(*folder_, tail.name));
      if (reader->digest() == tail.digest) return {};
    }
    TRY(DropFront());
  }
}

std::optional<SegmentEntry> SpooledStore::Front() const {
  const std::scoped_lock lock(mutex_);
  return segments_.empty() ? std::nullopt : std::optional<SegmentEntry>(segments_.front());
}

Result<void> SpooledStore::DropFront() {
  const SegmentEntry front = *Front();
  TRY(folder_->Remove({&front.name, 1}));
  const std::scoped_lock lock(mutex_);
  segments_.pop_front();
  bytes_ -= front.size;
  Report();
  changed_.notify_all();
  return {};
}

Result<void> SpooledStore::CopyManifest() {
  ASSIGN_OR_RETURN(std::vector<ObjectInfo> objects, archive_->List("snapshots/"));
  const Catalog catalog = CatalogOf(std::move(objects));
  const SnapshotEntry* newest = catalog.SnapshotAtOrBefore(Lsn{UINT64_MAX});
  if (newest == nullptr) return {};
  const std::string name = SnapshotManifestName(newest->lsn);
  ASSIGN_OR_RETURN(const std::vector<ObjectInfo> present, folder_->List("snapshots/"));
  if (present.size() == 1 && present.front().name == name) return {};
  ASSIGN_OR_RETURN(const std::unique_ptr<ByteSource> manifest, archive_->Open(name));
  const NewObject copy{name, manifest.get()};
  TRY(folder_->Put({&copy, 1}));
  std::vector<std::string> older;
  for (const ObjectInfo& object : present) {
    if (object.name != name) older.push_back(object.name);
  }
  return folder_->Remove(older);
}

// Another daemon may append, and what was the last segment be merged, while this looks.
Result<SpooledStore::Tail> SpooledStore::TailOf(const Store& store) {
  constexpr int kMostLooks = 4;
  for (int look = 1;; ++look) {
    ASSIGN_OR_RETURN(std::vector<ObjectInfo> objects, store.List(kSegmentPrefix));
    const Catalog catalog = CatalogOf(std::move(objects));
    if (catalog.segments.empty()) return Tail{};
    const auto last = std::max_element(
        catalog.segments.begin(), catalog.segments.end(),
        [](const SegmentEntry& a, const SegmentEntry& b) { return a.end < b.end; });
    const Result<std::unique_ptr<SegmentReader>> reader = OpenListed(store, last->name);
    const bool merged = !reader && reader.error().kind == ErrorKind::kConflict;
    if (merged && look < kMostLooks) continue;
    TRY(reader);
    return Tail{last->end, last->name, (*reader)->chain_digest()};
  }
}

Result<void> SpooledStore::Drain(std::chrono::milliseconds patience) {
  using Clock = std::chrono::steady_clock;
  std::optional<Clock::time_point> deadline;
  std::unique_lock lock(mutex_);
  while (pending_bytes() > 0) {
    if (failure_.has_value()) return Fail(*failure_);
    if (StopRequested() && !deadline.has_value()) deadline = Clock::now() + patience;
    if (deadline.has_value() && Clock::now() >= *deadline) {
      return Fail(ErrorKind::kFailed,
                  "stopped while the archive lacks " + std::to_string(pending_bytes()) +
                      " bytes of segments that are confirmed",
                  "keep " + folder_path_ + ": they go to the archive at the next start");
    }
    changed_.wait_for(lock, kStopPoll);
  }
  return {};
}

}  // namespace trunkline
