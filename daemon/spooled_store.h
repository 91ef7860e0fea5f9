// SpooledStore: an archive in front of which stands a folder of this machine. Segments are durable
// once the folder has them, and go on to the archive in order, on a thread of its own: what
// `--confirm spooled` needs. Everything else goes to the archive directly.
//
// The folder holds copies of the archive's identity and newest manifest, the segments that the
// archive lacks, and the last one that it does not lack. So while the archive is away, the folder
// alone tells an Appender where to go on.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "archive/catalog.h"
#include "archive/file_lock.h"
#include "archive/store.h"
#include "base/error.h"
#include "base/lsn.h"
#include "daemon/metrics.h"

namespace trunkline {

struct SpooledStoreOptions {
  std::string directory;  // the spool; the folder is made in it
  // Of segments that the archive lacks. Beyond it no further one is taken (kUnavailable), unless
  // the archive lacks none.
  uint64_t max_bytes = uint64_t{16} << 30;
  Metrics* metrics = nullptr;  // told what the archive has and lacks; may be null, not owned
};

class SpooledStore : public Store {
 public:
  // kUnavailable when another process uses the folder. kWrongSource or kFailed, with advice, when
  // what is in it does not continue the archive; when the archive is away that shows later, as the
  // error of Put.
  static Result<std::unique_ptr<SpooledStore>> Open(std::unique_ptr<Store> archive,
                                                    const SpooledStoreOptions& options);
  // Whether segments were ever confirmed in `directory`.
  static bool IsUsed(const std::string& directory);
  // Gives up the segment on its way; it stays in the folder.
  ~SpooledStore() override;

  std::string url() const override { return archive_->url(); }
  // While the archive is away: what the folder has.
  Result<std::vector<ObjectInfo>> List(std::string_view prefix) const override;
  Result<std::unique_ptr<ByteSource>> Open(std::string_view name) const override;
  Result<void> Put(std::span<const NewObject> objects) override;
  Result<void> Remove(std::span<const std::string> names) override;

  // Waits until the archive has everything, or `patience` has passed since a stop was requested;
  // then an error that says what it lacks.
  Result<void> Drain(std::chrono::milliseconds patience);

 private:
  // What the archive ends with.
  struct Tail {
    Lsn end;
    std::string name;
    std::string digest;
  };

  SpooledStore(std::unique_ptr<Store> archive, FileLock lock, const SpooledStoreOptions& options);
  Result<void> LoadFolder();

  void Adopt(const std::vector<ObjectInfo>& spooled) const;
  Result<void> PutSegment(const NewObject& object);
  Result<void> PutDirectly(const NewObject& object);

  // The uploading thread.
  void Run(const std::stop_token& stop);
  Result<void> UploadPending();
  Result<void> Upload(const std::vector<SegmentEntry>& segments);
  Result<void> Reconcile();
  Result<void> CopyManifest();
  Result<void> CheckContinues(const SegmentEntry& first, const Tail& tail) const;
  Result<void> DropArchived(const Tail& tail);
  Result<void> DropFront();
  static Result<Tail> TailOf(const Store& store);

  // Only the uploading thread takes from the front.
  std::optional<SegmentEntry> Front() const;
  std::vector<SegmentEntry> NextPending() const;  // as many as one Put is to take
  // These under mutex_.
  bool Holds(const std::string& name) const;
  uint64_t pending_bytes() const;
  void Report() const;

  const std::unique_ptr<Store> archive_;
  const FileLock lock_;
  const std::string folder_path_;
  const std::unique_ptr<Store> folder_;
  const uint64_t max_bytes_;
  Metrics* const metrics_;

  mutable std::mutex mutex_;
  mutable std::condition_variable_any changed_;
  // In the folder; all but perhaps the first are pending. Whatever List has shown is among them.
  mutable std::deque<SegmentEntry> segments_;
  mutable uint64_t bytes_ = 0;    // of them
  Lsn archived_;                  // the archive has the segments up to here
  std::optional<Error> failure_;  // nothing is uploaded any more

  // Of the uploading thread, and of Open before there is one.
  bool reconciled_ = false;
  std::string archived_name_;
  Lsn told_from_;  // where what is pending began when that was last said

  std::jthread thread_;  // last: it uses everything above
};

}  // namespace trunkline
