// The values of options: durations, sizes, table names, positions, addresses.
#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <utility>

#include "daemon/options.h"

namespace trunkline {
namespace {

struct Quantity {
  uint64_t number = 0;
  std::string_view unit;
};

Result<Quantity> ParseQuantity(std::string_view text) {
  Quantity quantity;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), quantity.number);
  if (error != std::errc()) {
    return Fail(ErrorKind::kInvalidArgument, "'" + std::string(text) + "' is not a quantity");
  }
  quantity.unit = text.substr(static_cast<size_t>(end - text.data()));
  while (quantity.unit.starts_with(' ')) quantity.unit.remove_prefix(1);
  return quantity;
}

struct Unit {
  std::string_view name;
  uint64_t factor;
};

Result<uint64_t> Scale(const Quantity& quantity, std::span<const Unit> units,
                       std::string_view accepted) {
  for (const Unit& unit : units) {
    if (unit.name != quantity.unit) continue;
    uint64_t value = 0;
    if (__builtin_mul_overflow(quantity.number, unit.factor, &value) || value > INT64_MAX) break;
    return value;
  }
  return Fail(ErrorKind::kInvalidArgument,
              "'" + std::to_string(quantity.number) + std::string(quantity.unit) +
                  "' is out of range or has an unknown unit",
              "units: " + std::string(accepted));
}

// Takes one name, quoted or not, from the front of `text`.
Result<std::string> TakeName(std::string_view* text) {
  std::string name;
  if (!text->starts_with('"')) {
    const size_t end = text->find_first_of(".,\"");
    name = text->substr(0, end);
    text->remove_prefix(name.size());
  } else {
    size_t i = 1;
    for (; i < text->size(); ++i) {
      if ((*text)[i] == '"' && !text->substr(i).starts_with("\"\"")) break;
      if ((*text)[i] == '"') ++i;
      name += (*text)[i];
    }
    if (i >= text->size()) return Fail(ErrorKind::kInvalidArgument, "a quoted name has no end");
    text->remove_prefix(i + 1);
  }
  if (name.empty()) return Fail(ErrorKind::kInvalidArgument, "a table's name is empty");
  return name;
}

bool IsAddress(int family, const std::string& host) {
  std::array<char, sizeof(in6_addr)> address{};
  return ::inet_pton(family, host.c_str(), address.data()) == 1;
}

}  // namespace

Result<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  static constexpr Unit kUnits[] = {{"", 1000},      {"ms", 1},        {"s", 1000},
                                    {"min", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
  ASSIGN_OR_RETURN(const Quantity quantity, ParseQuantity(text));
  ASSIGN_OR_RETURN(const uint64_t millis, Scale(quantity, kUnits, "ms, s, min, h, d"));
  return std::chrono::milliseconds(static_cast<int64_t>(millis));
}

Result<uint64_t> ParseByteCount(std::string_view text) {
  static constexpr Unit kUnits[] = {
      {"", 1},          {"B", 1},         {"kB", 1000},    {"MB", 1'000'000}, {"GB", 1'000'000'000},
      {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};
  ASSIGN_OR_RETURN(const Quantity quantity, ParseQuantity(text));
  return Scale(quantity, kUnits, "B, kB, MB, GB, KiB, MiB, GiB");
}

Result<SnapshotEvery> ParseSnapshotEvery(std::string_view text) {
  ASSIGN_OR_RETURN(const Quantity quantity, ParseQuantity(text));
  if (quantity.unit.empty() || quantity.number == 0) {
    return Fail(ErrorKind::kInvalidArgument,
                "'" + std::string(text) + "' is neither a time nor a size",
                "write 24h, or 10GiB of changes");
  }
  SnapshotEvery every;
  if (quantity.unit.ends_with('B')) {
    ASSIGN_OR_RETURN(every.bytes, ParseByteCount(text));
  } else {
    ASSIGN_OR_RETURN(every.age, ParseDuration(text));
  }
  return every;
}

Result<std::vector<TableName>> ParseTableNames(std::string_view text) {
  std::vector<TableName> tables;
  for (;;) {
    TableName table;
    ASSIGN_OR_RETURN(table.name, TakeName(&text));
    if (text.starts_with('.')) {
      text.remove_prefix(1);
      table.schema = std::move(table.name);
      ASSIGN_OR_RETURN(table.name, TakeName(&text));
    }
    tables.push_back(std::move(table));
    if (text.empty()) return tables;
    if (!text.starts_with(',')) {
      return Fail(ErrorKind::kInvalidArgument, "table names need a comma between them",
                  "write schema.table,schema.table with \"\" around names that hold a dot");
    }
    text.remove_prefix(1);
  }
}

Result<EndPosition> ParseEndPosition(std::string_view text) {
  if (text == "now") return EndPosition(EndNow{});
  ASSIGN_OR_RETURN(const Lsn lsn, Lsn::Parse(text));
  return EndPosition(lsn);
}

Result<HttpAddress> ParseHttpAddress(std::string_view text) {
  const size_t colon = text.rfind(':');
  const std::string_view port = colon == std::string_view::npos ? text : text.substr(colon + 1);
  std::string host(colon == std::string_view::npos ? "" : text.substr(0, colon));
  if (host.empty() || host == "localhost") host = "127.0.0.1";
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  HttpAddress address{.host = host};
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  const bool number = error == std::errc() && end == port.data() + port.size();
  if (number && IsAddress(bracketed ? AF_INET6 : AF_INET, host)) return address;
  return Fail(ErrorKind::kInvalidArgument, "'" + std::string(text) + "' is no address to serve at",
              "write PORT for the loopback, 0.0.0.0:PORT for all interfaces, or [::1]:PORT");
}

}  // namespace trunkline
