// Timestamp: an instant as Postgres's wire protocol carries it.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace trunkline {

// Microseconds since 2000-01-01 00:00:00 UTC (manual: "Logical Replication Message Formats").
struct Timestamp {
  int64_t micros = 0;

  friend constexpr auto operator<=>(const Timestamp&, const Timestamp&) = default;

  // "2016-11-30 17:29:00.25+00": what Postgres prints for a timestamptz with TimeZone=UTC and
  // DateStyle=ISO, BC years and years past 9999 included.
  std::string ToString() const;
  // Accepts "2016-11-30 09:29:00-08", with T or a space between, optional seconds and fraction of
  // up to six digits, and an offset of Z, +HH, +HHMM or +HH:MM. An offset is required: a local
  // time without one is ambiguous and refused.
  static Result<Timestamp> Parse(std::string_view text);
  static Timestamp Now();
};

// Days since 2000-01-01 of a proleptic Gregorian date; year 0 is 1 BC.
int64_t DaysFromCivil(int64_t year, unsigned month, unsigned day);
void CivilFromDays(int64_t days, int64_t* year, unsigned* month, unsigned* day);

}  // namespace trunkline
