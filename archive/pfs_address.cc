#include "archive/pfs_address.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/percent.h"

namespace trunkline {
namespace {

constexpr std::string_view kPlainScheme = "pfs://";
constexpr std::string_view kTlsScheme = "pfs+tls://";
constexpr std::string_view kDefaultProject = "default";

// No user, password or query of another meaning is part of an address, so that what stands before
// the '@' of the host may be a secret: only the message of an address without one repeats it.
tl::unexpected<Error> MalformedAddress(const std::string& what) {
  return Fail(ErrorKind::kInvalidArgument, "an archive's address in PFS " + what,
              "write pfs://HOST[:30650]/[PROJECT/]REPO@BRANCH, or pfs+tls:// for TLS");
}

// Pachyderm's own rule for the names of projects, repos and branches.
bool IsName(std::string_view name, std::string_view further) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || further.find(c) != std::string_view::npos;
  });
}

bool IsHost(std::string_view host, bool bracketed) { return IsName(host, bracketed ? ":.%" : "."); }

Result<void> ParsePort(std::string_view text, uint16_t* port) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *port);
  if (error != std::errc() || end != text.data() + text.size() || *port == 0) {
    return MalformedAddress("names a port that is no number from 1 to 65535");
  }
  return {};
}

// HOST, HOST:PORT, [IPV6] or [IPV6]:PORT
Result<void> ParseAuthority(std::string_view authority, PfsAddress* address) {
  if (authority.find('@') != std::string_view::npos) {
    return Fail(ErrorKind::kInvalidArgument, "an archive's address in PFS names no user",
                "give the token as PACH_TOKEN, or log in with pachctl");
  }
  std::string_view rest;
  const bool bracketed = authority.starts_with('[');
  if (bracketed) {
    const size_t close = authority.find(']');
    if (close == std::string_view::npos) return MalformedAddress("lacks the ']' of its host");
    address->host = authority.substr(1, close - 1);
    rest = authority.substr(close + 1);
  } else {
    const size_t colon = std::min(authority.find(':'), authority.size());
    address->host = authority.substr(0, colon);
    rest = authority.substr(colon);
  }
  if (!IsHost(address->host, bracketed)) return MalformedAddress("names no host");
  if (rest.empty()) return {};
  if (!rest.starts_with(':'))
    return MalformedAddress("has something behind its host that is no port");
  return ParsePort(rest.substr(1), &address->port);
}

// [PROJECT/]REPO@BRANCH
Result<void> ParsePlace(std::string_view place, PfsAddress* address) {
  const size_t at = place.find('@');
  if (at == std::string_view::npos) return MalformedAddress("names no branch");
  address->branch = place.substr(at + 1);
  place = place.substr(0, at);
  const size_t slash = place.find('/');
  if (slash != std::string_view::npos) {
    address->project = place.substr(0, slash);
    place = place.substr(slash + 1);
    if (!IsName(address->project, "")) return MalformedAddress("has a project that is no name");
  }
  address->repo = place;
  if (!IsName(address->repo, "")) {
    return MalformedAddress("has a repo that is no name of letters, digits, '_' and '-'");
  }
  if (!IsName(address->branch, ".")) {
    return MalformedAddress("has a branch that is no name of letters, digits, '_', '-' and '.'");
  }
  const bool is_commit_id =
      address->branch.size() == 32 &&
      address->branch.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (is_commit_id) return MalformedAddress("names a PFS commit where a branch belongs");
  return {};
}

Result<void> ParseQuery(std::string_view query, PfsAddress* address) {
  constexpr std::string_view kCa = "ca=";
  if (query.empty()) return {};
  if (!query.starts_with(kCa) || query.find('&') != std::string_view::npos) {
    return Fail(ErrorKind::kInvalidArgument,
                "an archive's address in PFS takes no parameter but ca",
                "write ?ca=FILE, a file of PEM certificates");
  }
  ASSIGN_OR_RETURN(address->ca_file, PercentDecode(query.substr(kCa.size())));
  if (address->ca_file.empty()) return MalformedAddress("has an empty ca");
  if (!address->tls) {
    return Fail(ErrorKind::kInvalidArgument, "ca is of use with TLS only",
                "write pfs+tls:// instead of pfs://");
  }
  return {};
}

}  // namespace

std::string PfsAddress::endpoint() const {
  const bool ipv6 = host.find(':') != std::string::npos;
  return (ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string PfsAddress::place() const {
  return (project == kDefaultProject ? "" : project + "/") + repo + "@" + branch;
}

Result<PfsAddress> ParsePfsAddress(const std::string& url) {
  PfsAddress address;
  address.url = url;
  std::string_view rest = url;
  address.tls = rest.starts_with(kTlsScheme);
  if (!address.tls && !rest.starts_with(kPlainScheme))
    return MalformedAddress("begins with pfs://");
  rest.remove_prefix(address.tls ? kTlsScheme.size() : kPlainScheme.size());
  const size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return MalformedAddress("names no repo");
  TRY(ParseAuthority(rest.substr(0, slash), &address));
  rest = rest.substr(slash + 1);
  const size_t question = std::min(rest.find('?'), rest.size());
  TRY(ParsePlace(rest.substr(0, question), &address));
  TRY(ParseQuery(rest.substr(std::min(question + 1, rest.size())), &address));
  return address;
}

}  // namespace trunkline
