// What a server's answer means for whoever called, and what an operator can do about it.
#pragma once

#include <string_view>

#include "archive/pfs_address.h"
#include "base/error.h"

namespace trunkline {

// gRPC's status codes, by their numbers on the wire.
enum class RpcCode {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

// `doing` completes "cannot ...". `words` are the server's, or gRPC's own; they are repeated on one
// line, cut where they are long. kUnavailable whenever the same may succeed later.
Error PfsError(RpcCode code, std::string_view words, std::string_view doing,
               const PfsAddress& address);

// Whether a call that wrote may have had its effect all the same: its answer was lost, or tells
// nothing.
bool MayHaveHappened(RpcCode code);

}  // namespace trunkline
