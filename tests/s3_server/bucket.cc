#include "tests/s3_server/bucket.h"

#include <utility>

#include "archive/s3_signer.h"
#include "archive/sha256.h"

namespace trunkline::test {
namespace {

StoredObject Stored(std::string bytes) {
  std::string etag = EtagOf(bytes);
  return {std::make_shared<const std::string>(std::move(bytes)), std::move(etag)};
}

}  // namespace

std::string EtagOf(const std::string& bytes) {
  Sha256 digest;
  digest.Update(bytes);
  return "\"" + Hex(digest.Finish()).substr(0, 32) + "\"";
}

bool Bucket::Put(const std::string& key, std::string bytes, bool if_absent) {
  StoredObject object = Stored(std::move(bytes));
  const std::lock_guard lock(mutex_);
  if (if_absent && objects_.contains(key)) return false;
  objects_[key] = std::move(object);
  return true;
}

std::optional<StoredObject> Bucket::Get(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto object = objects_.find(key);
  if (object == objects_.end()) return std::nullopt;
  return object->second;
}

void Bucket::Remove(const std::string& key) {
  const std::lock_guard lock(mutex_);
  objects_.erase(key);
}

Bucket::Page Bucket::List(const std::string& prefix, const std::string& after,
                          size_t max_keys) const {
  const std::lock_guard lock(mutex_);
  Page page;
  auto object = after < prefix ? objects_.lower_bound(prefix) : objects_.upper_bound(after);
  for (; object != objects_.end() && object->first.starts_with(prefix); ++object) {
    page.truncated = page.entries.size() == max_keys;
    if (page.truncated) break;
    page.entries.emplace_back(object->first, object->second.bytes->size());
  }
  return page;
}

std::string Bucket::BeginUpload() {
  const std::lock_guard lock(mutex_);
  std::string id = "upload/+" + std::to_string(++last_upload_);
  uploads_[id];
  return id;
}

std::optional<std::string> Bucket::PutPart(const std::string& upload_id, int number,
                                           std::string bytes) {
  StoredObject part = Stored(std::move(bytes));
  const std::lock_guard lock(mutex_);
  const auto upload = uploads_.find(upload_id);
  if (upload == uploads_.end()) return std::nullopt;
  return (upload->second[number] = std::move(part)).etag;
}

Bucket::Completion Bucket::Complete(const std::string& upload_id, const std::string& key,
                                    const std::vector<std::pair<int, std::string>>& parts,
                                    bool if_absent) {
  const std::lock_guard lock(mutex_);
  const auto upload = uploads_.find(upload_id);
  if (upload == uploads_.end()) return Completion::kNoSuchUpload;
  std::string whole;
  int last_number = 0;
  for (const auto& [number, etag] : parts) {
    const auto part = upload->second.find(number);
    if (part == upload->second.end() || part->second.etag != etag || number <= last_number) {
      return Completion::kInvalidPart;
    }
    last_number = number;
    whole += *part->second.bytes;
  }
  if (if_absent && objects_.contains(key)) return Completion::kExists;
  objects_[key] = Stored(std::move(whole));
  uploads_.erase(upload);
  return Completion::kDone;
}

void Bucket::Abort(const std::string& upload_id) {
  const std::lock_guard lock(mutex_);
  uploads_.erase(upload_id);
}

size_t Bucket::uploads() const {
  const std::lock_guard lock(mutex_);
  return uploads_.size();
}

}  // namespace trunkline::test
