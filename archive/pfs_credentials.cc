#include <openssl/evp.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "archive/byte_source.h"
#include "archive/pfs_address.h"

namespace trunkline {
namespace {

constexpr uint64_t kMaxConfigBytes = 16 << 20;

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Result<std::string> ReadWhole(const std::string& path) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ByteSource> file, OpenFileSource(path));
  return ReadAll(*file, kMaxConfigBytes);
}

tl::unexpected<Error> NotUnderstood(const std::string& what) {
  return Fail(ErrorKind::kInvalidArgument, what,
              "mend it with pachctl config, or set PACH_TOKEN and PACH_CONFIG");
}

Result<std::string> Base64Decode(const std::string& text) {
  std::string bytes(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  if (text.size() % 4 != 0 || size < 0) return NotUnderstood("its server_cas are not base64");
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  bytes.resize(static_cast<size_t>(size) - padding);
  return bytes;
}

std::string StringIn(const nlohmann::json& object, const char* name) {
  const auto member = object.find(name);
  return member != object.end() && member->is_string() ? member->get<std::string>() : "";
}

// grpc://HOST:PORT or grpcs://HOST:PORT, as contexts have it.
bool IsOf(std::string_view pachd_address, const PfsAddress& address) {
  const size_t scheme_end = pachd_address.find("://");
  if (scheme_end != std::string_view::npos) pachd_address.remove_prefix(scheme_end + 3);
  const size_t end = pachd_address.find_last_not_of('/');
  pachd_address = pachd_address.substr(0, end == std::string_view::npos ? 0 : end + 1);
  return pachd_address == address.endpoint() ||
         (pachd_address == address.host && address.port == PfsAddress::kDefaultPort);
}

}  // namespace

Result<PfsCredentials> PfsCredentialsOfConfig(std::string_view json, const PfsAddress& address) {
  const nlohmann::json config = nlohmann::json::parse(json, nullptr, false);
  if (!config.is_object()) return NotUnderstood("it is not JSON");
  const auto v2 = config.find("v2");
  if (v2 == config.end() || !v2->is_object()) return PfsCredentials{};
  const auto contexts = v2->find("contexts");
  const std::string active = StringIn(*v2, "active_context");
  if (contexts == v2->end() || !contexts->is_object() || !contexts->contains(active)) {
    return PfsCredentials{};
  }
  const nlohmann::json& context = contexts->at(active);
  if (!context.is_object() || !IsOf(StringIn(context, "pachd_address"), address)) {
    return PfsCredentials{};
  }
  PfsCredentials credentials;
  credentials.token = StringIn(context, "session_token");
  ASSIGN_OR_RETURN(credentials.ca_certificates, Base64Decode(StringIn(context, "server_cas")));
  return credentials;
}

Result<PfsCredentials> FindPfsCredentials(const PfsAddress& address) {
  PfsCredentials credentials;
  std::string path = Environment("PACH_CONFIG");
  const bool named = !path.empty();
  if (!named && !Environment("HOME").empty()) {
    path = Environment("HOME") + "/.pachyderm/config.json";
  }
  if (!path.empty()) {
    const Result<std::string> json = ReadWhole(path);
    if (json) {
      Result<PfsCredentials> found = PfsCredentialsOfConfig(*json, address);
      if (!found) return Fail(std::move(found).error().WithContext(path));
      credentials = std::move(*found);
    } else if (named || json.error().kind != ErrorKind::kNotFound) {
      Error error = json.error();
      error.hint = "set PACH_CONFIG to a configuration of Pachyderm, or to nothing";
      return Fail(std::move(error));
    }
  }
  if (const std::string token = Environment("PACH_TOKEN"); !token.empty()) {
    credentials.token = token;
  }
  std::string ca_file = address.ca_file;
  if (ca_file.empty() && address.tls) ca_file = Environment("PACH_CA_CERTS");
  if (!ca_file.empty()) {
    Result<std::string> pem = ReadWhole(ca_file);
    if (!pem) {
      Error error = std::move(pem).error();
      error.hint = "name a file of PEM certificates as ?ca= or PACH_CA_CERTS";
      return Fail(std::move(error));
    }
    credentials.ca_certificates = std::move(*pem);
  }
  return credentials;
}

}  // namespace trunkline
