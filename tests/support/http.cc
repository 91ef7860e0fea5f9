#include "tests/support/http.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <stdexcept>

namespace trunkline::test {

HttpConnection::HttpConnection(int port)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    ::close(socket_);
    throw std::runtime_error(std::string("cannot connect: ") + std::strerror(errno));
  }
}

HttpConnection::~HttpConnection() { ::close(socket_); }

bool HttpConnection::Send(const std::string& bytes) {
  size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t count = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count < 0) return false;
    sent += static_cast<size_t>(count);
  }
  return true;
}

HttpAnswer HttpConnection::Receive(std::chrono::milliseconds deadline) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point end = Clock::now() + deadline;
  HttpAnswer answer;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    pollfd polled{.fd = socket_, .events = POLLIN, .revents = 0};
    if (left <= 0 || ::poll(&polled, 1, static_cast<int>(left)) <= 0) break;
    std::array<char, 4096> buffer{};
    const ssize_t count = ::recv(socket_, buffer.data(), buffer.size(), 0);
    if (count <= 0) break;
    answer.text.append(buffer.data(), static_cast<size_t>(count));
  }
  if (answer.text.starts_with("HTTP/1.1 ")) answer.status = std::atoi(answer.text.c_str() + 9);
  const size_t body = answer.text.find("\r\n\r\n");
  if (body != std::string::npos) answer.body = answer.text.substr(body + 4);
  return answer;
}

HttpAnswer HttpGet(int port, const std::string& path, std::chrono::milliseconds deadline) {
  try {
    HttpConnection connection(port);
    connection.Send("GET " + path + " HTTP/1.1\r\nHost: test\r\n\r\n");
    return connection.Receive(deadline);
  } catch (const std::runtime_error&) {
    return {};
  }
}

}  // namespace trunkline::test
