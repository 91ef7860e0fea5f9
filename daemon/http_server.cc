#include "daemon/http_server.h"

#include <arpa/inet.h>
#include <httplib.h>
#include <netdb.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <exception>
#include <thread>
#include <utility>

#include "daemon/wakeup.h"

namespace trunkline {
namespace {

using Clock = std::chrono::steady_clock;

// Connections served at once.
constexpr int kThreads = 4;
// For a whole request and its answer.
constexpr std::chrono::seconds kPatience{3};
// Of a whole request. cpp-httplib matches parts of it with std::regex, whose recursion is as deep
// as its input is long.
constexpr size_t kMaxRequestBytes = 4096;
// After a connection could not be accepted, for want of file descriptors most likely.
constexpr std::chrono::milliseconds kAcceptPause{100};

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// One connection, up to its deadline. Reads and writes fail from there on, or once `stop` is
// signalled.
class BoundedStream : public httplib::Stream {
 public:
  BoundedStream(int socket, const Wakeup& stop)
      : socket_(socket), stop_(stop), deadline_(Clock::now() + kPatience) {}

  bool is_readable() const override { return true; }
  bool is_writable() const override { return Clock::now() < deadline_; }
  ssize_t read(char* buffer, size_t size) override;
  ssize_t write(const char* data, size_t size) override;
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  // None: cpp-httplib refuses to serve those past FD_SETSIZE.
  socket_t socket() const override { return -1; }

 private:
  bool WaitFor(short events) const;

  const int socket_;
  const Wakeup& stop_;
  const Clock::time_point deadline_;
  std::array<char, 1024> buffer_{};  // cpp-httplib reads byte by byte
  size_t begin_ = 0;
  size_t end_ = 0;
  size_t received_ = 0;
};

bool BoundedStream::WaitFor(short events) const {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
  if (left <= 0) return false;
  pollfd polled[] = {{.fd = socket_, .events = events, .revents = 0},
                     {.fd = stop_.fd(), .events = POLLIN, .revents = 0}};
  const int ready = ::poll(polled, std::size(polled), static_cast<int>(left));
  return ready > 0 && polled[1].revents == 0;
}

ssize_t BoundedStream::read(char* buffer, size_t size) {
  if (begin_ == end_) {
    ssize_t count = -1;
    while ((count = ::recv(socket_, buffer_.data(), buffer_.size(), 0)) < 0) {
      if (errno != EAGAIN && errno != EINTR) return -1;
      if (!WaitFor(POLLIN)) return -1;
    }
    begin_ = 0;
    end_ = static_cast<size_t>(count);
    received_ += end_;
  }
  if (received_ > kMaxRequestBytes || Clock::now() >= deadline_) return -1;
  const size_t count = std::min(size, end_ - begin_);
  std::copy_n(buffer_.data() + begin_, count, buffer);
  begin_ += count;
  return static_cast<ssize_t>(count);
}

ssize_t BoundedStream::write(const char* data, size_t size) {
  for (;;) {
    const ssize_t count = ::send(socket_, data, size, MSG_NOSIGNAL);
    if (count >= 0) return count;
    if (errno != EAGAIN && errno != EINTR) return -1;
    if (!WaitFor(POLLOUT)) return -1;
  }
}

// cpp-httplib for what it knows of HTTP: requests, answers, compression. Sockets and threads are
// ours.
class Protocol : public httplib::Server {
 public:
  explicit Protocol(std::vector<HttpRoute> routes) {
    set_payload_max_length(kMaxRequestBytes);
    for (HttpRoute& route : routes) {
      Get(route.path,
          [reply = std::move(route.reply)](const httplib::Request&, httplib::Response& response) {
            HttpReply content = reply();
            response.status = content.status;
            response.set_content(content.body, content.content_type);
          });
    }
  }
  void Serve(httplib::Stream* stream) {
    bool closed = false;
    process_request(*stream, /*close_connection=*/true, closed, nullptr);
  }
};

Error ListenError(const HttpAddress& address, int error_number) {
  Error error = ErrnoError("cannot serve HTTP at " + ToString(address), error_number);
  switch (error_number) {
    case EADDRINUSE:
      error.hint = "another process has this port: choose another one with --http";
      break;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
      error.hint = "no interface of this machine has this address: see ip address";
      break;
    case EACCES:
      error.hint = "ports below 1024 need a privilege: choose a higher one with --http";
      break;
    default:
      break;
  }
  return error;
}

Result<FileDescriptor> Listen(HttpAddress* address) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(address->port);
  if (::getaddrinfo(address->host.c_str(), port.c_str(), &hints, &found) != 0) {
    return Fail(ListenError(*address, EADDRNOTAVAIL));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
  FileDescriptor listener(
      ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
  const int on = 1;
  // A restart must not wait for what is left of the connections before.
  if (listener.get() < 0 ||
      ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      ::bind(listener.get(), found->ai_addr, found->ai_addrlen) != 0 ||
      ::listen(listener.get(), SOMAXCONN) != 0) {
    return Fail(ListenError(*address, errno));
  }
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  if (::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    return Fail(ListenError(*address, errno));
  }
  address->port =
      ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(bound).sin6_port
                                        : reinterpret_cast<const sockaddr_in&>(bound).sin_port);
  return listener;
}

// While it exists, this thread and those that it starts leave signals to the others.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

class HttpServer::Impl {
 public:
  Impl(HttpAddress address, FileDescriptor listener, std::vector<HttpRoute> routes)
      : address_(std::move(address)), listener_(std::move(listener)), protocol_(std::move(routes)) {
    const SignalsBlocked blocked;
    for (int i = 0; i < kThreads; ++i) threads_.emplace_back([this] { Run(); });
  }
  ~Impl() { stop_.Signal(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  const HttpAddress& address() const { return address_; }

 private:
  void Run();
  void ServeNext();

  const HttpAddress address_;
  const FileDescriptor listener_;
  const Wakeup stop_;
  Protocol protocol_;
  std::vector<std::jthread> threads_;  // last: they use everything above
};

// Each thread takes its connections itself.
void HttpServer::Impl::Run() {
  for (;;) {
    pollfd polled[] = {{.fd = listener_.get(), .events = POLLIN, .revents = 0},
                       {.fd = stop_.fd(), .events = POLLIN, .revents = 0}};
    ::poll(polled, std::size(polled), -1);
    if (polled[1].revents != 0) return;
    if (polled[0].revents != 0) ServeNext();
  }
}

void HttpServer::Impl::ServeNext() {
  const FileDescriptor connection(
      ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (connection.get() < 0) {
    // EAGAIN: another thread was faster.
    if (errno != EAGAIN) WaitFor(stop_, kAcceptPause);
    return;
  }
  BoundedStream stream(connection.get(), stop_);
  try {
    protocol_.Serve(&stream);
  } catch (const std::exception& exception) {
    spdlog::debug("http: {}", exception.what());
  }
  ::shutdown(connection.get(), SHUT_RDWR);
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpAddress& address,
                                                      std::vector<HttpRoute> routes) {
  HttpAddress bound = address;
  ASSIGN_OR_RETURN(FileDescriptor listener, Listen(&bound));
  return std::unique_ptr<HttpServer>(new HttpServer(
      std::make_unique<Impl>(std::move(bound), std::move(listener), std::move(routes))));
}

const HttpAddress& HttpServer::address() const { return impl_->address(); }

std::string ToString(const HttpAddress& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

}  // namespace trunkline
