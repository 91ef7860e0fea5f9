// S3Server: a bucket behind HTTP on a port of 127.0.0.1, with failures to order.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/s3_server/bucket.h"

namespace trunkline::test {

inline constexpr const char* kS3Bucket = "archive";
inline constexpr const char* kS3AccessKey = "test-access-key";
inline constexpr const char* kS3SecretKey = "test-secret-key";

struct Behaviour {
  enum class Conditions { kHonoured, kIgnored, kRefused };  // If-None-Match: *
  Conditions conditions = Conditions::kHonoured;
  bool only_first_version = false;  // of ListObjects, as Pachyderm's gateway
  size_t page_keys = 1000;
  // Of a server with TLS; files in PEM.
  std::string certificate{};
  std::string private_key{};
};

struct S3Fault {
  enum class Kind {
    kStatus,      // answers with `status`, `headers` and `body`, and does nothing
    kLoseAnswer,  // does what was asked, and cuts the connection
    kCut,         // cuts the connection in the middle of the answer's body
    kShort,       // sends half of the answer's body as if it were all
    kEndless,     // sends bytes for ever
  };
  Kind kind = Kind::kStatus;
  std::string method{};  // of requests that it is for; empty for any
  std::string path{};    // a part of their path and query; empty for any
  int times = 1;
  int status = 500;
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
  // Called when the fault comes about, on the server's thread; may be empty.
  std::function<void()> then{};
};

class S3Server {
 public:
  // `port` 0: any free one.
  explicit S3Server(Behaviour behaviour = {}, int port = 0);
  ~S3Server();
  S3Server(const S3Server&) = delete;
  S3Server& operator=(const S3Server&) = delete;

  std::string endpoint() const;  // http://127.0.0.1:PORT
  Bucket& bucket();
  void Inject(S3Fault fault);
  // "METHOD path?query" of all requests so far.
  std::vector<std::string> requests() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// The address of an archive in the server's bucket.
std::string S3Url(const std::string& endpoint, const std::string& prefix);
// Sets the environment's credentials to those that the server knows, and removes what else the AWS
// SDKs look at.
void UseS3Credentials();

}  // namespace trunkline::test
