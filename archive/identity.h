// Identity: which source an archive belongs to. Written once, as JSON that a person can read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "archive/store.h"
#include "base/error.h"

namespace trunkline {

inline constexpr uint32_t kFormatVersion = 1;
inline constexpr std::string_view kIdentityObject = "identity";

struct Identity {
  uint32_t format_version = kFormatVersion;
  std::string system_identifier;  // IDENTIFY_SYSTEM, decimal
  std::string database;
  std::string publication;
  std::string slot;

  // The bytes of the identity object: the same identity gives the same bytes.
  std::string Serialize() const;
  // SHA-256 of Serialize(), 32 bytes.
  std::string Digest() const;
  static Result<Identity> Parse(std::string_view bytes);

  friend bool operator==(const Identity&, const Identity&) = default;
};

// kNotFound, with a hint, when `store` holds no archive.
Result<Identity> ReadIdentity(const Store& store);

// kWrongSource, naming each field that differs, unless the two are equal.
Result<void> CheckSameSource(const Identity& archive, const Identity& source);

}  // namespace trunkline
