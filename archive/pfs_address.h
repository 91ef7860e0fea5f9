// PfsAddress: where in which Pachyderm an archive lives, and what to show the server there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace trunkline {

// pfs://HOST[:PORT]/[PROJECT/]REPO@BRANCH[?ca=FILE], or pfs+tls:// for TLS.
struct PfsAddress {
  static constexpr uint16_t kDefaultPort = 30650;

  std::string url;  // as the user gave it; it can hold no secret
  bool tls = false;
  std::string host;  // an IPv6 address without its brackets
  uint16_t port = kDefaultPort;
  std::string project = "default";
  std::string repo;
  std::string branch;
  std::string ca_file;  // empty: not given

  // HOST:PORT, as in messages; an IPv6 address in brackets.
  std::string endpoint() const;
  // [PROJECT/]REPO@BRANCH, as in messages; the project default is left out.
  std::string place() const;
};

// kInvalidArgument, with a hint that shows a right one, for an address that is not understood.
Result<PfsAddress> ParsePfsAddress(const std::string& url);

// What a connection needs beside the address. Never in a message.
struct PfsCredentials {
  std::string token{};            // empty: none is sent
  std::string ca_certificates{};  // PEM; empty: those that the system trusts
};

// The token is PACH_TOKEN, else that of the active context of Pachyderm's configuration
// (PACH_CONFIG, else ~/.pachyderm/config.json), if that context is of the same host and port: a
// token goes to no other server. The certificates are the address's `ca`, else the file that
// PACH_CA_CERTS names, else those of that context. kNotFound, kDenied and kInvalidArgument name the
// file that is missing, may not be read or is not understood.
Result<PfsCredentials> FindPfsCredentials(const PfsAddress& address);

// Where `json`, a configuration of Pachyderm, has them. Composed into the above; apart for tests.
Result<PfsCredentials> PfsCredentialsOfConfig(std::string_view json, const PfsAddress& address);

}  // namespace trunkline
