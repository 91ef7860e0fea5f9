// Http: requests of a test to a server on this machine, over a socket of its own, so that they may
// be as wrong and as slow as they like.
#pragma once

#include <chrono>
#include <string>

namespace trunkline::test {

struct HttpAnswer {
  int status = 0;    // 0: the server gave none
  std::string text;  // all that came
  std::string body;
};

class HttpConnection {
 public:
  // To 127.0.0.1; throws where nobody listens.
  explicit HttpConnection(int port);
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  // Whether all of it was sent.
  bool Send(const std::string& bytes);
  // Reads until the server closes the connection, or until the deadline.
  HttpAnswer Receive(std::chrono::milliseconds deadline = std::chrono::seconds(10));

 private:
  int socket_;
};

// GET of `path`; status 0 where nobody listens.
HttpAnswer HttpGet(int port, const std::string& path,
                   std::chrono::milliseconds deadline = std::chrono::seconds(10));

}  // namespace trunkline::test
