#include "replay/destination.h"

namespace trunkline {

Result<std::unique_ptr<Destination>> OpenDestination(const std::string& address,
                                                     const DestinationOptions& options) {
  if (address.starts_with("csv:")) return NewCsvDestination(address.substr(4), options);
  if (address.starts_with("postgresql://") || address.starts_with("postgres://")) {
    return NewPostgresDestination(address, options);
  }
  const std::string hint = "a destination is csv:DIR or postgresql://...";
  if (address.starts_with("sql:") || address.starts_with("pgdata:")) {
    return Fail(
        ErrorKind::kUnsupported,
        "destinations " + address.substr(0, address.find(':') + 1) + " are not in this version",
        hint);
  }
  if (address.find(':') == std::string::npos) {
    return Fail(ErrorKind::kInvalidArgument, "the destination does not say of which kind it is",
                hint);
  }
  // The address is not shown: it may hold a password.
  return Fail(
      ErrorKind::kInvalidArgument,
      "\"" + address.substr(0, address.find(':') + 1) + "\" is no destination that is known", hint);
}

}  // namespace trunkline
