#include "base/error.h"

#include <cerrno>
#include <cstring>
#include <system_error>

namespace trunkline {

std::string_view ToString(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kFailed:
      return "failed";
    case ErrorKind::kInvalidArgument:
      return "invalid argument";
    case ErrorKind::kNotFound:
      return "not found";
    case ErrorKind::kAlreadyExists:
      return "already exists";
    case ErrorKind::kConflict:
      return "conflict";
    case ErrorKind::kCorrupt:
      return "corrupt";
    case ErrorKind::kTruncated:
      return "truncated";
    case ErrorKind::kGap:
      return "gap";
    case ErrorKind::kWrongSource:
      return "wrong source";
    case ErrorKind::kUnavailable:
      return "unavailable";
    case ErrorKind::kBusy:
      return "busy";
    case ErrorKind::kDenied:
      return "denied";
    case ErrorKind::kUnsupported:
      return "unsupported";
    case ErrorKind::kCancelled:
      return "cancelled";
  }
  return "unknown";
}

Error Error::WithContext(std::string_view context) && {
  message.insert(0, std::string(context) + ": ");
  return std::move(*this);
}

std::string Error::ToString() const { return hint.empty() ? message : message + " (" + hint + ")"; }

int ExitCode(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kInvalidArgument:
      return 2;
    case ErrorKind::kCorrupt:
    case ErrorKind::kTruncated:
    case ErrorKind::kGap:
      return 3;
    case ErrorKind::kWrongSource:
      return 4;
    default:
      return 1;
  }
}

Error ErrnoError(std::string_view what, int error_number) {
  ErrorKind kind = ErrorKind::kFailed;
  if (error_number == ENOENT) kind = ErrorKind::kNotFound;
  if (error_number == EEXIST) kind = ErrorKind::kAlreadyExists;
  if (error_number == EACCES || error_number == EPERM) kind = ErrorKind::kDenied;
  return Error{kind, std::string(what) + ": " + std::generic_category().message(error_number), {}};
}

}  // namespace trunkline
