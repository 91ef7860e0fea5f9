#include "archive/pfs_store.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "archive/pfs_client.h"
#include "archive/pfs_history.h"
#include "archive/pfs_object.h"
#include "archive/pfs_publisher.h"
#include "base/fault.h"

namespace trunkline {
namespace {

class PfsStore final : public Store {
 public:
  PfsStore(PfsAddress address, const PfsCredentials& credentials)
      : client_(std::move(address), credentials), publisher_(&client_) {}

  std::string url() const override { return client_.address().url; }

  Result<std::vector<ObjectInfo>> List(std::string_view prefix) const override {
    ASSIGN_OR_RETURN(const std::string commit, PinNewest());
    if (commit.empty() || !MayStartPfsPath(prefix)) return std::vector<ObjectInfo>();
    return client_.List(commit, prefix);
  }

  Result<std::unique_ptr<ByteSource>> Open(std::string_view name) const override {
    TRY(CheckPfsPath(name));
    const std::string pinned = Pinned();
    if (!pinned.empty()) {
      Result<std::unique_ptr<ByteSource>> object = OpenAt(pinned, std::string(name));
      if (object || object.error().kind != ErrorKind::kNotFound) return object;
    }
    ASSIGN_OR_RETURN(const std::string newest, PinNewest());
    if (newest.empty() || newest == pinned) {
      return Fail(ErrorKind::kNotFound, std::string(name) + " is not there");
    }
    return OpenAt(newest, std::string(name));
  }

  Result<void> Put(std::span<const NewObject> objects) override {
    for (const NewObject& object : objects) TRY(CheckPfsPath(object.name));
    if (objects.empty()) return {};
    const std::scoped_lock lock(publisher_mutex_);
    ASSIGN_OR_RETURN(const std::string commit, publisher_.Put(objects));
    Pin(commit, NextTicket());
    FAULT("store.answer");
    return {};
  }

  Result<void> Remove(std::span<const std::string> names) override {
    for (const std::string& name : names) TRY(CheckPfsPath(name));
    if (names.empty()) return {};
    const std::scoped_lock lock(publisher_mutex_);
    ASSIGN_OR_RETURN(const std::string commit, publisher_.Remove(names));
    Pin(commit, NextTicket());
    return {};
  }

 private:
  Result<std::unique_ptr<ByteSource>> OpenAt(const std::string& commit, std::string name) const {
    ASSIGN_OR_RETURN(const uint64_t size, client_.Size(commit, name));
    return NewPfsObject(&client_, commit, std::move(name), size);
  }

  // A pin is as new as the question that found it, not as its answer: of two threads, the slower
  // one must not go back.
  uint64_t NextTicket() const {
    const std::scoped_lock lock(pin_mutex_);
    return ++last_ticket_;
  }
  void Pin(const std::string& commit, uint64_t ticket) const {
    const std::scoped_lock lock(pin_mutex_);
    if (ticket < pin_ticket_) return;
    pin_ticket_ = ticket;
    pinned_ = commit;
  }
  std::string Pinned() const {
    const std::scoped_lock lock(pin_mutex_);
    return pinned_;
  }
  Result<std::string> PinNewest() const {
    const uint64_t ticket = NextTicket();
    ASSIGN_OR_RETURN(const PfsLook look, LookForReading(client_));
    Pin(look.readable, ticket);
    return look.readable;
  }

  const PfsClient client_;
  std::mutex publisher_mutex_;
  PfsPublisher publisher_;
  mutable std::mutex pin_mutex_;
  mutable uint64_t last_ticket_ = 0;
  mutable uint64_t pin_ticket_ = 0;
  mutable std::string pinned_;
};

}  // namespace

std::unique_ptr<Store> NewPfsStore(PfsAddress address, const PfsCredentials& credentials) {
  return std::make_unique<PfsStore>(std::move(address), credentials);
}

}  // namespace trunkline
