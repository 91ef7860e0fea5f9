#include "base/timestamp.h"

#include <chrono>
#include <cstdio>

namespace trunkline {
namespace {

constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;
constexpr int64_t kUnixToPostgresDays = 10'957;  // 1970-01-01 to 2000-01-01

// Reads a run of `min` to `max` digits at the front of `text`.
bool TakeNumber(std::string_view* text, size_t min, size_t max, int64_t* value) {
  size_t size = 0;
  *value = 0;
  while (size < text->size() && size < max && (*text)[size] >= '0' && (*text)[size] <= '9') {
    *value = *value * 10 + ((*text)[size++] - '0');
  }
  text->remove_prefix(size);
  return size >= min;
}

bool TakeChar(std::string_view* text, std::string_view any_of) {
  if (text->empty() || any_of.find(text->front()) == std::string_view::npos) return false;
  text->remove_prefix(1);
  return true;
}

bool TakeFraction(std::string_view* text, int64_t* micros) {
  const size_t before = text->size();
  if (!TakeNumber(text, 1, 6, micros)) return false;
  for (size_t digits = before - text->size(); digits < 6; ++digits) *micros *= 10;
  return true;
}

bool TakeOffset(std::string_view* text, int64_t* offset_seconds) {
  *offset_seconds = 0;
  if (TakeChar(text, "Zz")) return true;
  const bool negative = !text->empty() && text->front() == '-';
  int64_t hours = 0;
  int64_t minutes = 0;
  if (!TakeChar(text, "+-") || !TakeNumber(text, 2, 2, &hours)) return false;
  const bool colon = TakeChar(text, ":");
  if ((colon || !text->empty()) && !TakeNumber(text, 2, 2, &minutes)) return false;
  *offset_seconds = (hours * 60 + minutes) * 60 * (negative ? -1 : 1);
  return hours <= 15 && minutes <= 59;
}

unsigned DaysInMonth(int64_t year, unsigned month) {
  constexpr unsigned kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[month - 1];
}

}  // namespace

// Both conversions follow Howard Hinnant's published days_from_civil and civil_from_days.
int64_t DaysFromCivil(int64_t year, unsigned month, unsigned day) {
  year -= month <= 2;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const auto year_of_era = static_cast<unsigned>(year - era * 400);
  const unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + static_cast<int64_t>(day_of_era) - 719'468 - kUnixToPostgresDays;
}

void CivilFromDays(int64_t days, int64_t* year, unsigned* month, unsigned* day) {
  days += 719'468 + kUnixToPostgresDays;
  const int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const auto day_of_era = static_cast<unsigned>(days - era * 146'097);
  const unsigned year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const unsigned day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned shifted_month = (5 * day_of_year + 2) / 153;
  *day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
  *month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  *year = static_cast<int64_t>(year_of_era) + era * 400 + (*month <= 2);
}

std::string Timestamp::ToString() const {
  int64_t days = micros / kMicrosPerDay;
  int64_t rest = micros % kMicrosPerDay;
  if (rest < 0) {
    rest += kMicrosPerDay;
    --days;
  }
  int64_t year = 0;
  unsigned month = 0;
  unsigned day = 0;
  CivilFromDays(days, &year, &month, &day);
  const bool before_christ = year <= 0;
  if (before_christ) year = 1 - year;
  const int64_t seconds = rest / kMicrosPerSecond;
  char buffer[64];
  int size =
      std::snprintf(buffer, sizeof buffer, "%04lld-%02u-%02u %02d:%02d:%02d",
                    static_cast<long long>(year), month, day, static_cast<int>(seconds / 3600),
                    static_cast<int>(seconds / 60 % 60), static_cast<int>(seconds % 60));
  std::string text(buffer, static_cast<size_t>(size));
  if (const int64_t fraction = rest % kMicrosPerSecond; fraction != 0) {
    size = std::snprintf(buffer, sizeof buffer, ".%06d", static_cast<int>(fraction));
    text.append(buffer, static_cast<size_t>(size));
    text.erase(text.find_last_not_of('0') + 1);
  }
  text += before_christ ? "+00 BC" : "+00";
  return text;
}

Result<Timestamp> Timestamp::Parse(std::string_view text) {
  const std::string original(text);
  const auto malformed = [&] {
    return Fail(ErrorKind::kInvalidArgument, "not a timestamp: \"" + original + "\"",
                "write it as 2016-11-30 09:29:00-08, with the offset from UTC");
  };
  int64_t year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, fraction = 0, offset = 0;
  if (!TakeNumber(&text, 4, 6, &year) || !TakeChar(&text, "-") ||
      !TakeNumber(&text, 2, 2, &month) || !TakeChar(&text, "-") || !TakeNumber(&text, 2, 2, &day) ||
      !TakeChar(&text, "Tt ") || !TakeNumber(&text, 2, 2, &hour) || !TakeChar(&text, ":") ||
      !TakeNumber(&text, 2, 2, &minute)) {
    return malformed();
  }
  if (TakeChar(&text, ":")) {
    if (!TakeNumber(&text, 2, 2, &second)) return malformed();
    if (TakeChar(&text, ".") && !TakeFraction(&text, &fraction)) return malformed();
  }
  if (text.empty()) {
    return Fail(ErrorKind::kInvalidArgument, "timestamp without an offset: \"" + original + "\"",
                "add the offset from UTC, such as +00 or -08");
  }
  if (text.front() == ' ') text.remove_prefix(1);
  if (!TakeOffset(&text, &offset) || !text.empty()) return malformed();
  if (year < 1 || month < 1 || month > 12 || day < 1 ||
      day > DaysInMonth(year, static_cast<unsigned>(month)) || hour > 23 || minute > 59 ||
      second > 59) {
    return malformed();
  }
  const int64_t days =
      DaysFromCivil(year, static_cast<unsigned>(month), static_cast<unsigned>(day));
  const int64_t seconds = days * 86'400 + hour * 3600 + minute * 60 + second - offset;
  // timestamptz ends in the year 294276; later years overflow 64 bits of microseconds.
  if (year > 294'276) return malformed();
  return Timestamp{seconds * kMicrosPerSecond + fraction};
}

Timestamp Timestamp::Now() {
  const auto since_unix = std::chrono::system_clock::now().time_since_epoch();
  const int64_t micros = std::chrono::duration_cast<std::chrono::microseconds>(since_unix).count();
  return Timestamp{micros - kUnixToPostgresDays * kMicrosPerDay};
}

}  // namespace trunkline
