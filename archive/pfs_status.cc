#include "archive/pfs_status.h"

#include <algorithm>
#include <string>

namespace trunkline {
namespace {

constexpr size_t kMaxWords = 400;

bool Contains(std::string_view words, std::string_view part) {
  return words.find(part) != std::string_view::npos;
}

std::string OneLine(std::string_view words) {
  std::string line(words.substr(0, kMaxWords));
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c < ' ' || c > '~'; }, ' ');
  if (words.size() > kMaxWords) line += "...";
  return line;
}

// gRPC reports a handshake that failed as it does a server that is away.
bool IsAboutCertificates(std::string_view words) {
  return Contains(words, "CERTIFICATE_VERIFY_FAILED") || Contains(words, "peer certificate") ||
         Contains(words, "erification Check failed") || Contains(words, "Ssl handshake failed") ||
         Contains(words, "SSL_ERROR");
}

bool IsAboutPlaintext(std::string_view words) {
  return Contains(words, "WRONG_VERSION_NUMBER") || Contains(words, "wrong version number");
}

ErrorKind KindOf(RpcCode code, std::string_view words) {
  switch (code) {
    case RpcCode::kNotFound:
      return ErrorKind::kNotFound;
    case RpcCode::kUnauthenticated:
    case RpcCode::kPermissionDenied:
      return ErrorKind::kDenied;
    case RpcCode::kUnimplemented:
      return ErrorKind::kUnsupported;
    case RpcCode::kInvalidArgument:
    case RpcCode::kOutOfRange:
    case RpcCode::kDataLoss:
      return ErrorKind::kFailed;
    case RpcCode::kUnavailable:
      return IsAboutCertificates(words) ? ErrorKind::kDenied : ErrorKind::kUnavailable;
    case RpcCode::kUnknown:
      // What older versions say without a code.
      if (Contains(words, "is not authorized to perform") ||
          Contains(words, "no authentication token") ||
          Contains(words, "auth token is corrupted")) {
        return ErrorKind::kDenied;
      }
      if (Contains(words, "output branch")) return ErrorKind::kInvalidArgument;
      if (Contains(words, " not found") || Contains(words, "has no head")) {
        return ErrorKind::kNotFound;
      }
      return ErrorKind::kUnavailable;
    case RpcCode::kOk:
    case RpcCode::kCancelled:
    case RpcCode::kDeadlineExceeded:
    case RpcCode::kAlreadyExists:
    case RpcCode::kResourceExhausted:
    case RpcCode::kFailedPrecondition:
    case RpcCode::kAborted:
    case RpcCode::kInternal:
      break;
  }
  return ErrorKind::kUnavailable;
}

std::string HintFor(RpcCode code, ErrorKind kind, std::string_view words,
                    const PfsAddress& address) {
  if (code == RpcCode::kUnauthenticated || Contains(words, "authentication token") ||
      Contains(words, "auth token")) {
    return "set PACH_TOKEN to a token of this server, or log in with pachctl auth login while a "
           "context of " +
           address.endpoint() + " is active";
  }
  if (code == RpcCode::kUnavailable && kind == ErrorKind::kDenied) {
    if (IsAboutPlaintext(words)) return "the server speaks no TLS there: write pfs://";
    return "the certificate has to be of the host " + address.host +
           ", by an authority that the system, ?ca=FILE or PACH_CA_CERTS names";
  }
  if (kind == ErrorKind::kDenied) {
    return "whoever owns the repo grants it: pachctl auth set repo " + address.repo +
           " repoWriter USER (a new repo or project needs the right to make one)";
  }
  if (code == RpcCode::kResourceExhausted) {
    return "the server is full, or limits us: make room there, or raise the limit";
  }
  if (code == RpcCode::kUnavailable) {
    return "check that pachd runs and that " + address.endpoint() + " is its address" +
           (address.tls ? "" : "; with TLS, write pfs+tls://");
  }
  if (code == RpcCode::kUnimplemented) {
    return "it takes Pachyderm 2.0 or later, and 2.5 for projects: check that " +
           address.endpoint() + " is pachd's address";
  }
  if (kind == ErrorKind::kInvalidArgument) return "name a branch that no pipeline writes";
  return "";
}

}  // namespace

Error PfsError(RpcCode code, std::string_view words, std::string_view doing,
               const PfsAddress& address) {
  const ErrorKind kind = KindOf(code, words);
  std::string what = OneLine(words);
  if (code == RpcCode::kDeadlineExceeded) what = "no answer in time";
  return {kind, "cannot " + std::string(doing) + " at " + address.endpoint() + ": " + what,
          HintFor(code, kind, words, address)};
}

bool MayHaveHappened(RpcCode code) {
  switch (code) {
    case RpcCode::kOk:
    case RpcCode::kCancelled:
    case RpcCode::kUnknown:
    case RpcCode::kDeadlineExceeded:
    case RpcCode::kAborted:
    case RpcCode::kInternal:
    case RpcCode::kUnavailable:
    case RpcCode::kDataLoss:
      return true;
    case RpcCode::kInvalidArgument:
    case RpcCode::kNotFound:
    case RpcCode::kAlreadyExists:
    case RpcCode::kPermissionDenied:
    case RpcCode::kResourceExhausted:
    case RpcCode::kFailedPrecondition:
    case RpcCode::kOutOfRange:
    case RpcCode::kUnimplemented:
    case RpcCode::kUnauthenticated:
      return false;
  }
  return true;
}

}  // namespace trunkline
