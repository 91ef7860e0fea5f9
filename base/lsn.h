// Lsn and Xid: positions in, and transactions of, a Postgres write-ahead log.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace trunkline {

// A byte position in the WAL (manual: "pg_lsn Type"). Lsn{} is InvalidXLogRecPtr: no position.
struct Lsn {
  uint64_t value = 0;

  friend constexpr auto operator<=>(const Lsn&, const Lsn&) = default;
  constexpr bool valid() const { return value != 0; }

  // "16/B374D848", as Postgres prints it.
  std::string ToString() const;
  // "00000016B374D848": 16 upper-case hex digits, whose order as text is the order of the LSNs.
  std::string ToHex16() const;
  // Accepts what pg_lsn accepts: two hex numbers of 1 to 8 digits with a slash between.
  static Result<Lsn> Parse(std::string_view text);
  // Accepts exactly what ToHex16 prints.
  static Result<Lsn> FromHex16(std::string_view text);
};

// A transaction id as pgoutput sends it: 32 bits, without an epoch. 0 is no transaction.
struct Xid {
  uint32_t value = 0;

  friend constexpr auto operator<=>(const Xid&, const Xid&) = default;
  constexpr bool valid() const { return value != 0; }
};

}  // namespace trunkline
