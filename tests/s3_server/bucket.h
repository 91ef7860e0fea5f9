// Bucket: what a server of S3 holds, without HTTP. Objects appear whole, in one step.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace trunkline::test {

struct StoredObject {
  std::shared_ptr<const std::string> bytes;
  std::string etag;  // with quotes
};

// Safe to call from several threads.
class Bucket {
 public:
  struct Page {
    std::vector<std::pair<std::string, uint64_t>> entries;  // key, size
    bool truncated = false;
  };

  // False where `if_absent` and there is such an object.
  bool Put(const std::string& key, std::string bytes, bool if_absent);
  std::optional<StoredObject> Get(const std::string& key) const;
  void Remove(const std::string& key);
  // Keys that start with `prefix` and come after `after`.
  Page List(const std::string& prefix, const std::string& after, size_t max_keys) const;

  std::string BeginUpload();
  // The part's ETag; nothing where there is no such upload.
  std::optional<std::string> PutPart(const std::string& upload_id, int number, std::string bytes);
  enum class Completion { kDone, kNoSuchUpload, kInvalidPart, kExists };
  // The numbers and ETags of all parts, in order.
  Completion Complete(const std::string& upload_id, const std::string& key,
                      const std::vector<std::pair<int, std::string>>& parts, bool if_absent);
  void Abort(const std::string& upload_id);
  size_t uploads() const;  // neither completed nor aborted

 private:
  mutable std::mutex mutex_;
  std::map<std::string, StoredObject> objects_;
  std::map<std::string, std::map<int, StoredObject>> uploads_;
  int last_upload_ = 0;
};

std::string EtagOf(const std::string& bytes);

}  // namespace trunkline::test
