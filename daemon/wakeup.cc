#include "daemon/wakeup.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include "base/check.h"

namespace trunkline {

Wakeup::Wakeup() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { CHECK(fd_ >= 0); }

Wakeup::~Wakeup() { ::close(fd_); }

void Wakeup::Signal() const {
  const uint64_t one = 1;
  // Fails only when the counter is full, and then it is signalled already.
  [[maybe_unused]] const ssize_t written = ::write(fd_, &one, sizeof(one));
}

void Wakeup::Clear() const {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t read = ::read(fd_, &count, sizeof(count));
}

bool WaitFor(const Wakeup& wakeup, std::chrono::milliseconds time) {
  pollfd event{.fd = wakeup.fd(), .events = POLLIN, .revents = 0};
  return ::poll(&event, 1, static_cast<int>(time.count())) > 0;
}

}  // namespace trunkline
