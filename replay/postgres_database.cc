#include "replay/postgres_database.h"

#include <memory>

#include "base/log.h"

namespace trunkline {
namespace {

// As CREATE DATABASE takes it. Said where the server knows the word, since template0 may have
// another.
std::string Provider(const DatabaseDefinition& source, int server_version) {
  using postgres::QuoteLiteral;
  const std::string locale = QuoteLiteral(source.locale.value_or(""));
  if (source.provider == "b") return " LOCALE_PROVIDER builtin BUILTIN_LOCALE " + locale;
  if (source.provider == "i") {
    std::string icu = " LOCALE_PROVIDER icu ICU_LOCALE " + locale;
    if (source.icu_rules) icu += " ICU_RULES " + QuoteLiteral(*source.icu_rules);
    return icu;
  }
  constexpr int kFirstWithProviders = 150000;
  return server_version < kFirstWithProviders ? "" : " LOCALE_PROVIDER libc";
}

}  // namespace

std::string CreateDatabaseText(const std::string& name, const DatabaseDefinition& source,
                               int server_version) {
  using postgres::QuoteLiteral;
  std::string text = "CREATE DATABASE " + postgres::QuoteIdentifier(name) + " TEMPLATE template0";
  if (source.encoding.empty()) return text + " ENCODING 'UTF8'";
  text += " ENCODING " + QuoteLiteral(source.encoding);
  text += " LC_COLLATE " + QuoteLiteral(source.collate);
  text += " LC_CTYPE " + QuoteLiteral(source.ctype);
  return text + Provider(source, server_version);
}

Result<void> CreateDatabaseLike(postgres::Connection* connection, const std::string& name,
                                const DatabaseDefinition& source) {
  const auto made =
      connection->Exec(CreateDatabaseText(name, source, connection->server_version()));
  if (made) return {};
  const ErrorKind kind = made.error().kind;
  const bool final = kind == ErrorKind::kUnavailable || kind == ErrorKind::kBusy ||
                     kind == ErrorKind::kAlreadyExists;
  if (final || source.encoding.empty()) return Fail(made.error());
  spdlog::warn("rebuilt without the source's collation {}: {}",
               source.locale.value_or(source.collate), made.error().ToString());
  TRY(connection->Exec(CreateDatabaseText(name, {}, connection->server_version())));
  return {};
}

Result<std::string> WithDatabase(const std::string& conninfo, const std::string& database) {
  struct Free {
    void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
  };
  TRY(libpq.Load());
  const std::unique_ptr<PQconninfoOption, Free> parsed(PQconninfoParse(conninfo.c_str(), nullptr));
  if (!parsed) return Fail(ErrorKind::kInvalidArgument, "the connection string is malformed");
  const auto quote = [](std::string_view value) {
    std::string quoted = "'";
    for (const char c : value) {
      if (c == '\'' || c == '\\') quoted += '\\';
      quoted += c;
    }
    return quoted + "'";
  };
  std::string result = "dbname=" + quote(database);
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr || std::string_view(option->keyword) == "dbname") continue;
    result += std::string(" ") + option->keyword + "=" + quote(option->val);
  }
  return result;
}

}  // namespace trunkline
