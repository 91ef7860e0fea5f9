#include "archive/identity.h"

#include <openssl/sha.h>

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

namespace trunkline {
namespace {

constexpr uint64_t kMaxDocumentBytes = 64 << 10;

using OrderedJson = nlohmann::ordered_json;

struct Field {
  const char* key;
  const char* label;
  std::string Identity::*member;
};
constexpr std::array<Field, 4> kFields = {{
    {"system_identifier", "system identifier", &Identity::system_identifier},
    {"database", "database", &Identity::database},
    {"publication", "publication", &Identity::publication},
    {"slot", "slot", &Identity::slot},
}};

tl::unexpected<Error> MalformedIdentity(const std::string& what) {
  return Fail(ErrorKind::kCorrupt, "the archive's identity is damaged: " + what,
              "restore the object \"identity\" from a copy of the archive");
}

}  // namespace

std::string Identity::Serialize() const {
  OrderedJson json;
  json["format_version"] = format_version;
  for (const Field& field : kFields) json[field.key] = this->*field.member;
  return json.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

std::string Identity::Digest() const {
  const std::string bytes = Serialize();
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

Result<Identity> Identity::Parse(std::string_view bytes) {
  const OrderedJson json = OrderedJson::parse(bytes, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return MalformedIdentity("it is not a JSON object");
  const auto version = json.find("format_version");
  if (version == json.end() || !version->is_number_unsigned()) {
    return MalformedIdentity("\"format_version\" is missing or not a number");
  }
  if (*version != kFormatVersion) {
    return Fail(ErrorKind::kUnsupported,
                "the archive's format version is " + version->dump() + ", this program knows " +
                    std::to_string(kFormatVersion),
                "use the version of trunkline that wrote it, or a later one");
  }
  Identity identity;
  for (const Field& field : kFields) {
    const auto value = json.find(field.key);
    if (value == json.end() || !value->is_string()) {
      return MalformedIdentity(std::string("\"") + field.key + "\" is missing or not a string");
    }
    identity.*field.member = value->get<std::string>();
  }
  return identity;
}

Result<Identity> ReadIdentity(const Store& store) {
  Result<std::string> bytes = GetObject(store, kIdentityObject, kMaxDocumentBytes);
  if (!bytes && bytes.error().kind == ErrorKind::kNotFound) {
    return Fail(ErrorKind::kNotFound, "there is no archive at " + store.url(),
                "trunklined makes one; check the address");
  }
  if (!bytes) return Fail(std::move(bytes).error());
  return Identity::Parse(*bytes);
}

Result<void> CheckSameSource(const Identity& archive, const Identity& source) {
  std::string differences;
  for (const Field& field : kFields) {
    if (archive.*field.member == source.*field.member) continue;
    if (!differences.empty()) differences += ", ";
    differences += std::string(field.label) + " is \"" + archive.*field.member +
                   "\" in the archive and \"" + source.*field.member + "\" at the source";
  }
  if (differences.empty()) return {};
  return Fail(ErrorKind::kWrongSource, "the archive belongs to another source: " + differences,
              "give this source an archive of its own, or correct the option that differs");
}

}  // namespace trunkline
