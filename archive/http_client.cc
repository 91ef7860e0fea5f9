#include "archive/http_client.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "archive/libcurl.h"
#include "base/check.h"

namespace trunkline {
namespace {

constexpr long kConnectSeconds = 10;  // NOLINT(google-runtime-int): libcurl's type
constexpr long kSlowBytes = 1024;     // NOLINT(google-runtime-int)
constexpr long kSlowSeconds = 120;    // NOLINT(google-runtime-int)
constexpr uint64_t kTimeoutSeconds = 300;
constexpr uint64_t kSlowestBytesPerSecond = 64 << 10;
constexpr size_t kMaxBodyBytes = 32 << 20;   // of an answer that goes into memory
constexpr size_t kMaxErrorBytes = 64 << 10;  // what is kept of one that is an error
constexpr size_t kMaxHeaders = 200;
constexpr size_t kMaxIdle = 8;

struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, ListDeleter>;

HeaderList MakeHeaders(const std::vector<std::string>& headers) {
  HeaderList list;
  for (const std::string& header : headers) {
    curl_slist* longer = curl_slist_append(list.get(), header.c_str());
    CHECK(longer != nullptr);
    static_cast<void>(list.release());
    list.reset(longer);
  }
  return list;
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// One request on its way; what libcurl's callbacks work on.
struct Exchange {
  const HttpRequest& request;
  CURL* curl;
  HttpResponse response{};
  uint64_t sent = 0;
  std::string failure{};  // why we gave it up
  Result<void> body_error{};

  bool Ok() const {
    long status = 0;  // NOLINT(google-runtime-int)
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return status >= 200 && status < 300;
  }
};

size_t OnHeader(char* line, size_t, size_t length, void* context) {
  auto* exchange = static_cast<Exchange*>(context);
  std::string_view header(line, length);
  while (!header.empty() && (header.back() == '\n' || header.back() == '\r')) {
    header.remove_suffix(1);
  }
  // A status line: what came before belongs to an interim answer.
  if (header.starts_with("HTTP/")) exchange->response.headers.clear();
  const size_t colon = header.find(':');
  if (colon == std::string_view::npos) return length;
  if (exchange->response.headers.size() >= kMaxHeaders) {
    exchange->failure = "too many headers";
    return 0;
  }
  std::string_view value = header.substr(colon + 1);
  while (value.starts_with(' ')) value.remove_prefix(1);
  exchange->response.headers[LowerCase(header.substr(0, colon))] = value;
  return length;
}

size_t OnBody(char* bytes, size_t, size_t length, void* context) {
  auto* exchange = static_cast<Exchange*>(context);
  HttpResponse& response = exchange->response;
  if (!exchange->Ok()) {
    response.body.append(bytes, std::min(length, kMaxErrorBytes - response.body.size()));
    if (response.body.size() < kMaxErrorBytes) return length;
    exchange->failure = "an error message without end";
    return 0;
  }
  const std::span<char> into = exchange->request.into;
  if (into.empty()) {
    if (length <= kMaxBodyBytes - response.body.size()) {
      response.body.append(bytes, length);
      return length;
    }
  } else if (length <= into.size() - response.into_bytes) {
    std::memcpy(into.data() + response.into_bytes, bytes, length);
    response.into_bytes += length;
    return length;
  }
  exchange->failure = "more bytes than were asked for";
  return 0;
}

size_t OnSend(char* buffer, size_t size, size_t count, void* context) {
  auto* exchange = static_cast<Exchange*>(context);
  const HttpRequest& request = exchange->request;
  const size_t length = std::min<uint64_t>(size * count, request.body_bytes - exchange->sent);
  if (length == 0) return 0;
  exchange->body_error = request.body->Read(request.body_offset + exchange->sent, buffer, length);
  if (!exchange->body_error) return CURL_READFUNC_ABORT;
  exchange->sent += length;
  return length;
}

// Called where libcurl has to send a body anew, as the connection was dead already.
int OnSeek(void* context, curl_off_t offset, int origin) {
  auto* exchange = static_cast<Exchange*>(context);
  if (origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_CANTSEEK;
  exchange->sent = static_cast<uint64_t>(offset);
  return CURL_SEEKFUNC_OK;
}

Result<void> StartCurl() {
  TRY(libcurl.Load());
  static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
  CHECK(initialized == CURLE_OK);
  return {};
}

Error TransportError(CURLcode code, std::string_view detail, const Exchange& exchange) {
  if (!exchange.failure.empty()) {
    return {ErrorKind::kUnavailable, "the server sent " + exchange.failure,
            "check that the endpoint is a server of S3"};
  }
  const std::string message(detail.empty() ? curl_easy_strerror(code) : detail);
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
      return {ErrorKind::kDenied, message,
              "where the server's certificate is of an authority of your own, name its file in "
              "AWS_CA_BUNDLE; the name in the endpoint must be one that the certificate is for"};
    case CURLE_SSL_CACERT_BADFILE:
      return {ErrorKind::kDenied, message, "AWS_CA_BUNDLE names a file of certificates in PEM"};
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
      return {ErrorKind::kUnavailable, message,
              "check the endpoint, and that the server can be reached from here"};
    case CURLE_OUT_OF_MEMORY:
      return {ErrorKind::kFailed, message, {}};
    default:
      return {ErrorKind::kUnavailable, message, {}};
  }
}

}  // namespace

struct HttpClient::Handle {
  Handle() : curl(curl_easy_init()) { CHECK(curl != nullptr); }
  ~Handle() { curl_easy_cleanup(curl); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  CURL* const curl;
  char error[CURL_ERROR_SIZE] = {};
};

std::string HttpResponse::Header(const std::string& name) const {
  const auto header = headers.find(name);
  return header == headers.end() ? std::string() : header->second;
}

HttpClient::HttpClient(std::string ca_bundle) : ca_bundle_(std::move(ca_bundle)) {}

HttpClient::~HttpClient() = default;

std::unique_ptr<HttpClient::Handle> HttpClient::Take() const {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) return std::make_unique<Handle>();
  std::unique_ptr<Handle> handle = std::move(idle_.back());
  idle_.pop_back();
  return handle;
}

void HttpClient::GiveBack(std::unique_ptr<Handle> handle) const {
  const std::lock_guard lock(mutex_);
  if (idle_.size() < kMaxIdle) idle_.push_back(std::move(handle));
}

Result<HttpResponse> HttpClient::Send(const HttpRequest& request) const {
  TRY(StartCurl());
  std::unique_ptr<Handle> handle = Take();
  CURL* const curl = handle->curl;
  curl_easy_reset(curl);  // keeps the connection
  handle->error[0] = '\0';
  Exchange exchange{request, curl};
  const HeaderList headers = MakeHeaders(request.headers);
  const uint64_t seconds =
      kTimeoutSeconds + (request.body_bytes + request.into.size()) / kSlowestBytesPerSecond;

  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));  // NOLINT
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "trunkline");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, handle->error);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, kSlowBytes);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, kSlowSeconds);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, static_cast<long>(seconds));  // NOLINT
  if (!ca_bundle_.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, ca_bundle_.c_str());
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &OnHeader);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &OnBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &exchange);
  if (request.method == "HEAD") curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  if (request.body != nullptr) {
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.body_bytes));
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, &OnSend);
    curl_easy_setopt(curl, CURLOPT_READDATA, &exchange);
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, &OnSeek);
    curl_easy_setopt(curl, CURLOPT_SEEKDATA, &exchange);
  }
  if (request.method != "HEAD") {
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }

  const CURLcode code = curl_easy_perform(curl);
  if (!exchange.body_error) return Fail(exchange.body_error.error());
  // Of an error without end, the beginning will do.
  const bool cut_error = code == CURLE_WRITE_ERROR && !exchange.Ok();
  if (code != CURLE_OK && !cut_error) {
    return Fail(TransportError(code, handle->error, exchange));
  }
  long status = 0;  // NOLINT(google-runtime-int)
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  exchange.response.status = static_cast<int>(status);
  if (code == CURLE_OK) GiveBack(std::move(handle));
  return std::move(exchange.response);
}

}  // namespace trunkline
