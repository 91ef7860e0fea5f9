#include "tests/support/proxy.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <stdexcept>
#include <vector>

namespace trunkline::test {
namespace {

using Clock = std::chrono::steady_clock;

// Kept of each direction; beyond it the sender has to wait, as on a slow network.
constexpr size_t kBufferBytes = 1 << 20;

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool WouldBlock(ssize_t outcome) { return outcome < 0 && (errno == EAGAIN || errno == EINTR); }

// One direction of a connection.
class Direction {
 public:
  Direction(int from, int to) : from_(from), to_(to) {}

  // False when the direction is broken.
  bool Read(std::chrono::milliseconds delay) {
    while (!ended_ && bytes_ < kBufferBytes) {
      std::string data(64 << 10, '\0');
      const ssize_t length = ::recv(from_, data.data(), data.size(), MSG_DONTWAIT);
      if (WouldBlock(length)) return true;
      if (length < 0) return false;
      data.resize(static_cast<size_t>(length));
      bytes_ += data.size();
      ended_ = data.empty();
      chunks_.push_back({Clock::now() + delay, std::move(data)});
    }
    return true;
  }

  bool Write() {
    while (!chunks_.empty() && chunks_.front().due <= Clock::now()) {
      std::string& data = chunks_.front().data;
      if (data.empty()) {  // the end
        closed_ = true;
        ::shutdown(to_, SHUT_WR);
      } else {
        const ssize_t length = ::send(to_, data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (WouldBlock(length)) return true;
        if (length < 0) return false;
        bytes_ -= static_cast<size_t>(length);
        data.erase(0, static_cast<size_t>(length));
        if (!data.empty()) continue;
      }
      chunks_.pop_front();
    }
    return true;
  }

  bool closed() const { return closed_; }
  bool wants_to_read() const { return !ended_ && bytes_ < kBufferBytes; }
  bool wants_to_write() const { return !chunks_.empty() && chunks_.front().due <= Clock::now(); }
  // When data can be passed on that cannot yet.
  Clock::time_point due() const {
    return chunks_.empty() || wants_to_write() ? Clock::time_point::max() : chunks_.front().due;
  }

 private:
  struct Chunk {
    Clock::time_point due;
    std::string data;  // empty: the sender has closed
  };

  int from_;
  int to_;
  std::deque<Chunk> chunks_;
  size_t bytes_ = 0;
  bool ended_ = false;
  bool closed_ = false;
};

}  // namespace

// A connection and its other half; owns both sockets.
class Proxy::Link {
 public:
  Link(int client, int server)
      : client_(client), server_(server), up_(client, server), down_(server, client) {}
  ~Link() {
    ::close(client_);
    ::close(server_);
  }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // False when the connection is over.
  bool Pump(std::chrono::milliseconds delay) {
    if (!Pump(&up_, up_stranded_, delay) || !Pump(&down_, down_stranded_, delay)) {
      if (!up_stranded_ && !down_stranded_) return false;
      Strand(Stranded::kBothWays);  // neither end is to learn of it
    }
    return !(up_.closed() && down_.closed());
  }

  void Strand(Stranded which) {
    up_stranded_ = up_stranded_ || which != Stranded::kToClient;
    down_stranded_ = down_stranded_ || which != Stranded::kToServer;
  }

  void AddTo(std::vector<pollfd>* events) const {
    Add(client_, !up_stranded_ && up_.wants_to_read(), !down_stranded_ && down_.wants_to_write(),
        events);
    Add(server_, !down_stranded_ && down_.wants_to_read(), !up_stranded_ && up_.wants_to_write(),
        events);
  }
  Clock::time_point due() const {
    return std::min(up_stranded_ ? Clock::time_point::max() : up_.due(),
                    down_stranded_ ? Clock::time_point::max() : down_.due());
  }

 private:
  static bool Pump(Direction* direction, bool stranded, std::chrono::milliseconds delay) {
    return stranded || (direction->Read(delay) && direction->Write());
  }
  static void Add(int fd, bool read, bool write, std::vector<pollfd>* events) {
    const auto wanted = static_cast<short>((read ? POLLIN : 0) | (write ? POLLOUT : 0));
    if (wanted != 0) events->push_back({.fd = fd, .events = wanted, .revents = 0});
  }

  int client_;
  int server_;
  Direction up_;
  Direction down_;
  bool up_stranded_ = false;
  bool down_stranded_ = false;
};

Proxy::Proxy(int target_port) : target_port_(target_port) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  wakeup_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (listener_ < 0 || wakeup_ < 0 || ::bind(listener_, generic, size) != 0 ||
      ::listen(listener_, SOMAXCONN) != 0 || ::getsockname(listener_, generic, &size) != 0) {
    throw std::runtime_error("cannot make a proxy");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
}

Proxy::~Proxy() {
  thread_.request_stop();
  Change([] {});
  thread_.join();
  ::close(listener_);
  ::close(wakeup_);
}

std::string Proxy::conninfo() const { return "host=127.0.0.1 port=" + std::to_string(port_); }

void Proxy::Cut() {
  Change([this] { links_.clear(); });
}

void Proxy::Retarget(int target_port) {
  Change([this, target_port] { target_port_ = target_port; });
}

void Proxy::BlackHole(bool on) {
  Change([this, on] { black_hole_ = on; });
}

void Proxy::Strand(Stranded which) {
  Change([this, which] {
    for (Link& link : links_) link.Strand(which);
  });
}

void Proxy::Delay(std::chrono::milliseconds delay) {
  Change([this, delay] { delay_ = delay; });
}

int Proxy::accepted() const {
  const std::scoped_lock lock(mutex_);
  return accepted_;
}

void Proxy::Change(const std::function<void()>& change) {
  {
    const std::scoped_lock lock(mutex_);
    change();
  }
  ::eventfd_write(wakeup_, 1);
}

// Sockets are touched with the mutex held alone; poll() only says that it is time to look.
void Proxy::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::vector<pollfd> events = {{.fd = wakeup_, .events = POLLIN, .revents = 0}};
    Clock::time_point due = Clock::now() + std::chrono::hours(1);
    {
      const std::scoped_lock lock(mutex_);
      if (!black_hole_) {
        Accept();
        Pump();
        events.push_back({.fd = listener_, .events = POLLIN, .revents = 0});
        for (const Link& link : links_) {
          link.AddTo(&events);
          due = std::min(due, link.due());
        }
      }
    }
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(due - Clock::now()).count();
    ::poll(events.data(), events.size(), static_cast<int>(std::max<int64_t>(wait, 0)));
    eventfd_t count = 0;
    ::eventfd_read(wakeup_, &count);
  }
}

void Proxy::Accept() {
  for (;;) {
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client < 0) return;
    ++accepted_;
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = Loopback(target_port_);
    if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
      links_.emplace_back(client, server);
    } else {
      ::close(client);
      ::close(server);
    }
  }
}

void Proxy::Pump() {
  links_.remove_if([this](Link& link) { return !link.Pump(delay_); });
}

}  // namespace trunkline::test
