#include "replay/replay_result.h"

#include <nlohmann/json.hpp>
#include <optional>

namespace trunkline {
namespace {

using Json = nlohmann::ordered_json;

Json TransactionJson(const std::optional<TransactionInfo>& transaction) {
  if (!transaction) return nullptr;
  return {{"xid", transaction->xid.value},
          {"commit_lsn", transaction->commit_lsn.ToString()},
          {"commit_time", transaction->commit_time.ToString()}};
}

Json TargetJson(const ResolvedTarget& target, const std::string& asked) {
  return {{"asked", asked},
          {"lsn", target.limit.ToString()},
          {"last", TransactionJson(target.last)},
          {"next", TransactionJson(target.next)},
          {"as_of", target.instant ? Json(target.instant->ToString()) : Json(nullptr)},
          {"snapshot", target.snapshot.ToString()}};
}

// What stands behind the kind may hold a password where it is a server's address.
Json DestinationJson(const std::string& address, const std::string& database) {
  const std::string kind = address.substr(0, address.find(':'));
  const bool server = address.substr(kind.size()).starts_with("://");
  return {{"kind", kind},
          {"path", server ? Json(nullptr) : Json(address.substr(kind.size() + 1))},
          {"database", database.empty() ? Json(nullptr) : Json(database)}};
}

}  // namespace

std::string ToJson(const ReplayResult& result, const DatabaseState& state) {
  Json tables = Json::array();
  uint64_t rows = 0;
  for (const auto& table : state.tables) {
    rows += table->row_count();
    tables.push_back({{"schema", table->relation().schema},
                      {"name", table->relation().name},
                      {"rows", table->row_count()}});
  }
  const Json json = {{"archive", result.archive},
                     {"target", TargetJson(state.target, result.asked)},
                     {"destination", DestinationJson(result.destination, result.database)},
                     {"tables", std::move(tables)},
                     {"rows", rows},
                     {"warnings", result.warnings},
                     {"seconds", result.seconds.count()}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace trunkline
