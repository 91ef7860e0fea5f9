#include "daemon/failure_policy.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace trunkline {
namespace {

struct Advice {
  std::string_view words;  // of the server's message
  std::string_view hint;
};

constexpr Advice kAdvice[] = {
    {"is active for PID", "another daemon uses the slot; this one takes over when it ends"},
    {"logical decoding requires wal_level",
     "ALTER SYSTEM SET wal_level = logical; then restart the server"},
    {"all replication slots are in use",
     "ALTER SYSTEM SET max_replication_slots = ...; then restart the server, or drop unused slots"},
    {"max_wal_senders", "ALTER SYSTEM SET max_wal_senders = ...; then restart the server"},
    {"output_plugin_libraries",
     "add pgoutput to output_plugin_libraries in postgresql.conf and reload the server"},
    {"permission denied to start WAL sender", "ALTER ROLE ... REPLICATION"},
    {"must be superuser or replication role", "ALTER ROLE ... REPLICATION"},
    {"could not map filenode",
     "a fault of Postgres: it cannot decode its own WAL from where the slot stands; start again, "
     "on "
     "its newest minor release, and if that does not help drop the slot: a gap is recorded then"},
    {"publication",
     "CREATE PUBLICATION before the slot is made, or start with --create-publication"},
};

}  // namespace

Reaction Classify(const Error& error, const FailureContext& context) {
  switch (error.kind) {
    case ErrorKind::kCancelled:
      return Reaction::kFinish;
    case ErrorKind::kConflict:
    case ErrorKind::kUnavailable:
    case ErrorKind::kBusy:
      return context.source_was_reached ? Reaction::kRetry : Reaction::kStop;
    case ErrorKind::kGap:
      return context.crosses_gaps ? Reaction::kRetry : Reaction::kStop;
    case ErrorKind::kFailed:
    case ErrorKind::kInvalidArgument:
    case ErrorKind::kNotFound:
    case ErrorKind::kAlreadyExists:
    case ErrorKind::kCorrupt:
    case ErrorKind::kTruncated:
    case ErrorKind::kWrongSource:
    case ErrorKind::kDenied:
    case ErrorKind::kUnsupported:
      return Reaction::kStop;
  }
  return Reaction::kStop;
}

bool MayRecover(const Error& store_error) {
  return store_error.kind == ErrorKind::kUnavailable || store_error.kind == ErrorKind::kDenied;
}

Error AwayForNow(Error store_error) {
  if (store_error.kind == ErrorKind::kNotFound) {
    store_error.hint = "the archive was there before: check that its file system is mounted";
  } else if (!MayRecover(store_error)) {
    return store_error;
  }
  store_error.kind = ErrorKind::kUnavailable;
  return store_error;
}

Error WithAdvice(Error error) {
  if (!error.hint.empty()) return error;
  for (const Advice& advice : kAdvice) {
    if (error.message.find(advice.words) == std::string::npos) continue;
    error.hint = advice.hint;
    break;
  }
  return error;
}

std::chrono::milliseconds Backoff::Next() {
  constexpr int64_t kFirstMillis = 100;
  constexpr int64_t kLongestMillis = 30'000;
  const int64_t millis = std::min(kLongestMillis, kFirstMillis << std::min(attempts_, 10));
  ++attempts_;
  std::uniform_int_distribution<int64_t> spread(-millis / 4, millis / 4);
  return std::chrono::milliseconds(millis + spread(random_));
}

}  // namespace trunkline
