// Source: the database whose changes are archived.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/lsn.h"
#include "postgres/connection.h"

namespace trunkline {

inline constexpr char kApplicationName[] = "trunklined";
inline constexpr int kOldestServerVersion = 140000;

// What IDENTIFY_SYSTEM and the connection say.
struct Source {
  std::string system_identifier;
  uint32_t timeline = 0;
  Lsn written;  // how far its WAL reaches on the disk (a standby: was replayed)
  std::string database;
  uint32_t server_version = 0;
  bool in_recovery = false;  // a standby
  std::string started;       // when: tells one server process from another
};

// `connection` is in replication mode. kUnsupported for a server older than 14.
Result<Source> IdentifySource(postgres::Connection* connection);

// kUnavailable when `connection` leads elsewhere than the one that was asked about `source`: a
// conninfo of several hosts can do that in the middle of a failover.
Result<void> CheckSameServer(postgres::Connection* connection, const Source& source);

// A position behind every transaction that has committed (a standby: was replayed), for `--endpos
// now`.
Result<Lsn> CurrentLsn(postgres::Connection* connection);

// The highest pgoutput protocol that a server offers: 2 from Postgres 14 on, 3 from 15, 4 from 16.
int ProtocolVersion(uint32_t server_version);

}  // namespace trunkline
