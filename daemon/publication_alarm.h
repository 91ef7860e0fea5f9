// PublicationAlarm: judges what the source publishes from time to time: what it does not, never
// comes in the stream, and nothing else would tell.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "daemon/publication.h"

namespace trunkline {

struct PublicationReading {
  PublicationInfo info;
  std::string oid;                         // tells the publication from one made anew
  std::map<uint32_t, std::string> tables;  // published ones by oid; none looked at where all are
  std::vector<std::string> unpublished;    // tables that were published and exist still
  std::map<std::string, std::string>
      entries;  // what it lists, tables and schemas: their entry's oid
};

class PublicationAlarm {
 public:
  explicit PublicationAlarm(std::string publication) : publication_(std::move(publication)) {}

  // What is to be said of it now; each thing once.
  std::vector<std::string> Judge(const PublicationReading& reading);

  // The tables as they were read last.
  const std::map<uint32_t, std::string>& tables() const { return last_.tables; }

 private:
  const std::string publication_;
  PublicationReading last_{.info = {.exists = true,
                                    .publishes_insert = true,
                                    .publishes_update = true,
                                    .publishes_delete = true,
                                    .publishes_truncate = true},
                           .oid = {},
                           .tables = {},
                           .unpublished = {},
                           .entries = {}};
};

// Reads it; `known` are the tables that were published before, by oid.
Result<PublicationReading> ReadPublication(postgres::Connection* connection,
                                           const std::string& publication,
                                           const std::map<uint32_t, std::string>& known);

}  // namespace trunkline
