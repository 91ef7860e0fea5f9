// HttpServer: answers GET requests for a few fixed paths, in plain HTTP. The only pair of files
// that knows cpp-httplib.
//
// Whoever can reach it can do little harm: a connection is one request of a few kilobytes and ends
// within seconds, and as many as there are threads are served at once, so that neither memory nor
// file descriptors grow; the others wait in the kernel.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "daemon/options.h"

namespace trunkline {

struct HttpReply {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

struct HttpRoute {
  std::string path;  // without characters that mean something in a regular expression
  std::function<HttpReply()> reply;  // called from several threads at once
};

class HttpServer {
 public:
  // Serves until destroyed. kDenied or kFailed, with advice, when it cannot listen there.
  static Result<std::unique_ptr<HttpServer>> Start(const HttpAddress& address,
                                                   std::vector<HttpRoute> routes);
  // Ends what is under way at once.
  ~HttpServer();

  // With the port that was found where 0 was asked for.
  const HttpAddress& address() const;

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

// "127.0.0.1:9187", "[::1]:9187".
std::string ToString(const HttpAddress& address);

}  // namespace trunkline
