#include "archive/s3_store.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <utility>

#include "archive/s3_client.h"
#include "archive/s3_listing.h"
#include "archive/s3_source.h"
#include "base/fault.h"

namespace trunkline {
namespace {

constexpr size_t kMaxKeyBytes = 1024;
// Two writers that keep meeting are told apart by chance; so often is enough for any two.
constexpr int kMaxS3Attempts = 8;
constexpr int64_t kFirstPauseMillis = 50;

// Servers and proxies take some paths apart: those would not name one object.
Result<void> CheckKey(std::string_view name) {
  const std::string framed = "/" + std::string(name) + "/";
  if (name.find('\0') == std::string_view::npos && framed.find("//") == std::string::npos &&
      framed.find("/./") == std::string::npos && framed.find("/../") == std::string::npos) {
    return {};
  }
  return Fail(ErrorKind::kInvalidArgument, "no object can be named \"" + std::string(name) + "\"");
}

bool IsNoSuchKey(const Error& error) { return error.kind == ErrorKind::kNotFound; }

void PauseAtRandom(int attempt) {
  std::random_device seed;
  std::uniform_int_distribution<int64_t> millis(0, kFirstPauseMillis << attempt);
  std::this_thread::sleep_for(std::chrono::milliseconds(millis(seed)));
}

class S3Store final : public Store {
 public:
  S3Store(S3Address address, std::string ca_bundle, S3UploadOptions options)
      : client_(std::make_shared<const S3Client>(std::move(address), std::move(ca_bundle))),
        uploader_(client_.get(), options) {}

  std::string url() const override { return client_->address().url; }

  Result<std::vector<ObjectInfo>> List(std::string_view prefix) const override {
    const std::string& root = client_->address().prefix;
    ASSIGN_OR_RETURN(std::vector<S3Listing::Entry> keys,
                     ListKeys(*client_, root + std::string(prefix)));
    std::vector<ObjectInfo> objects;
    for (S3Listing::Entry& entry : keys) {
      std::string name = entry.key.substr(root.size());
      // The empty object of the folder's own name, as some tools make it, is none of ours.
      if (!name.empty()) objects.push_back({std::move(name), entry.size});
    }
    return objects;
  }

  Result<std::unique_ptr<ByteSource>> Open(std::string_view name) const override {
    TRY(CheckKey(name));
    S3Request request;
    request.method = "HEAD";
    request.key = KeyOf(name);
    const std::string what = "cannot read " + Where(name);
    Result<HttpResponse> response = client_->Send(request);
    if (!response) return Fail(std::move(response).error().WithContext(what));
    if (response->status == 404) {
      return Fail(ErrorKind::kNotFound, Where(name) + ": there is no such object");
    }
    if (!response->ok()) return Fail(Explained(std::move(*response), request, what));
    const std::string length = response->Header("content-length");
    uint64_t size = 0;
    const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), size);
    if (length.empty() || error != std::errc() || end != length.data() + length.size()) {
      return Fail(ErrorKind::kUnavailable, what + ": the server does not say how large it is",
                  "check that the endpoint is a server of S3");
    }
    return NewS3Source(client_, request.key, size);
  }

  Result<void> Put(std::span<const NewObject> objects) override {
    for (const NewObject& object : objects) TRY(CheckKey(object.name));
    for (const NewObject& object : objects) TRY(PutOne(object));
    return {};
  }

  // One request an object: not every server can do several in one.
  Result<void> Remove(std::span<const std::string> names) override {
    for (const std::string& name : names) {
      TRY(CheckKey(name));
      S3Request request;
      request.method = "DELETE";
      request.key = KeyOf(name);
      const std::string what = "cannot remove " + Where(name);
      Result<HttpResponse> response = client_->Send(request);
      if (!response) return Fail(std::move(response).error().WithContext(what));
      if (response->ok()) continue;
      Error error = S3Failure(*response, what, client_->address());
      // A server says 404 for an object, without advice, where Amazon's would say 204.
      if (IsNoSuchKey(error) && error.hint.empty()) continue;
      return Fail(std::move(error));
    }
    return {};
  }

 private:
  enum class Presence { kAbsent, kSame };

  std::string KeyOf(std::string_view name) const {
    return client_->address().prefix + std::string(name);
  }
  std::string Where(std::string_view name) const {
    return "s3://" + client_->address().bucket + "/" + KeyOf(name);
  }

  // What is wrong with a HEAD, whose answer has no body to say it: asked by a GET of one byte.
  Error Explained(HttpResponse response, S3Request request, std::string_view what) const {
    char byte = 0;
    request.method = "GET";
    request.headers = {{"range", "bytes=0-0"}};
    request.into = {&byte, 1};
    Result<HttpResponse> spoken = client_->Send(request);
    const bool says_why = spoken && !spoken->ok() && spoken->status != 404;
    return S3Failure(says_why ? *spoken : response, what, client_->address());
  }

  Result<void> PutOne(const NewObject& object) {
    if (KeyOf(object.name).size() > kMaxKeyBytes) {
      return Fail(ErrorKind::kInvalidArgument,
                  "the name " + Where(object.name) + " is longer than S3 allows",
                  "choose a shorter prefix for the archive");
    }
    for (int attempt = 0; attempt < kMaxS3Attempts; ++attempt) {
      if (attempt > 0) PauseAtRandom(attempt);
      ASSIGN_OR_RETURN(const bool published, TryPut(object));
      if (!published) continue;
      FAULT("store.answer");
      return {};
    }
    return Fail(ErrorKind::kUnavailable,
                "another writer and this one keep each other from writing " + Where(object.name),
                "only one daemon should write an archive");
  }

  // False when it is to be tried again: another object stands where this one would be alone, and
  // this one was withdrawn, or somebody removes what is written.
  Result<bool> TryPut(const NewObject& object) {
    ASSIGN_OR_RETURN(const Presence presence, Compare(object));
    if (presence == Presence::kSame && !IsUnsettled(object.name)) {
      TRY(CheckAlone(object, ErrorKind::kUnavailable));
      return true;
    }
    if (presence == Presence::kAbsent) {
      TRY(CheckPredecessor(object));
      TRY(CheckAlone(object, ErrorKind::kAlreadyExists));
      ASSIGN_OR_RETURN(const bool written, Write(object));
      if (!written) return false;
    }
    return Settle(object);
  }

  // kAlreadyExists when the object is there with other bytes.
  Result<Presence> Compare(const NewObject& object) const {
    const Result<std::unique_ptr<ByteSource>> present = Open(object.name);
    if (!present && IsNoSuchKey(present.error())) return Presence::kAbsent;
    TRY(present);
    const Result<bool> same = SameContent(**present, *object.content);
    if (!same && IsNoSuchKey(same.error())) return Presence::kAbsent;  // removed just now
    TRY(same);
    if (*same) return Presence::kSame;
    return Fail(ErrorKind::kAlreadyExists,
                Where(object.name) + " exists already, with other content");
  }

  Result<void> CheckPredecessor(const NewObject& object) const {
    if (object.predecessor.empty()) return {};
    const Result<std::unique_ptr<ByteSource>> predecessor = Open(object.predecessor);
    if (predecessor || !IsNoSuchKey(predecessor.error())) {
      TRY(predecessor);
      return {};
    }
    return Fail(ErrorKind::kUnavailable,
                Where(object.predecessor) + " is gone, which " + object.name + " follows",
                "check that the address names the archive that it did before");
  }

  Result<void> CheckAlone(const NewObject& object, ErrorKind kind) const {
    if (object.unique_prefix.empty()) return {};
    ASSIGN_OR_RETURN(const std::vector<ObjectInfo> present, List(object.unique_prefix));
    for (const ObjectInfo& other : present) {
      if (other.name == object.name) continue;
      return Fail(kind, Where(other.name) + " stands where " + object.name + " would");
    }
    return {};
  }

  // Leaves the object there with the bytes wanted, of this or of another writer. False when one was
  // there, and is gone again.
  Result<bool> Write(const NewObject& object) {
    SetUnsettled(object, true);
    const Result<void> written = uploader_.Upload(KeyOf(object.name), *object.content);
    if (written) return true;
    if (written.error().kind != ErrorKind::kAlreadyExists) return Fail(written.error());
    ASSIGN_OR_RETURN(const Presence presence, Compare(object));
    return presence == Presence::kSame;
  }

  // Looks again after the write.
  Result<bool> Settle(const NewObject& object) {
    const Result<void> alone = CheckAlone(object, ErrorKind::kAlreadyExists);
    if (!alone && alone.error().kind != ErrorKind::kAlreadyExists) return Fail(alone.error());
    if (!alone) TRY(Remove({&object.name, 1}));
    SetUnsettled(object, false);
    return alone.has_value();
  }

  void SetUnsettled(const NewObject& object, bool unsettled) {
    if (object.unique_prefix.empty()) return;
    const std::lock_guard lock(mutex_);
    if (unsettled) {
      unsettled_.insert(object.name);
    } else {
      unsettled_.erase(object.name);
    }
  }

  bool IsUnsettled(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    return unsettled_.contains(name);
  }

  const std::shared_ptr<const S3Client> client_;  // also of sources that are still open
  const S3Uploader uploader_;
  mutable std::mutex mutex_;
  // Written by us, perhaps, without being known to be alone: a rival that saw them may have given
  // way or not.
  std::set<std::string> unsettled_;
};

}  // namespace

Result<std::unique_ptr<Store>> OpenS3Store(const std::string& url) {
  ASSIGN_OR_RETURN(const AwsSettings settings, LoadAwsSettings());
  ASSIGN_OR_RETURN(S3Address address, ParseS3Address(url, settings));
  TRY(LoadAwsCredentials());
  return NewS3Store(std::move(address), settings.ca_bundle, {});
}

std::unique_ptr<Store> NewS3Store(S3Address address, std::string ca_bundle,
                                  S3UploadOptions options) {
  return std::make_unique<S3Store>(std::move(address), std::move(ca_bundle), options);
}

}  // namespace trunkline
