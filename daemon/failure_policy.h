// FailurePolicy: what the daemon does about a failure. The only place that decides.
#pragma once

#include <chrono>
#include <cstdint>
#include <random>

#include "base/error.h"

namespace trunkline {

enum class Reaction {
  kRetry,   // the same may succeed later: wait, connect anew, resume from the archive's end
  kStop,    // it will not succeed until somebody acts; the error says how
  kFinish,  // asked to stop
};

struct FailureContext {
  // Whether this process has ever reached the source. A source that was never reached is more often
  // misspelt than away.
  bool source_was_reached = false;
  // Whether a gap is crossed (by the next attempt) rather than left to the operator.
  bool crosses_gaps = false;
};

Reaction Classify(const Error& error, const FailureContext& context);

// Whether a store that this process has used already may take the same later, without anybody
// starting the daemon anew: it is away, full, or not mounted, or its rights or its mount were
// changed and can be changed back.
bool MayRecover(const Error& store_error);

// The error of opening an archive that this process has used already: what may recover, or is not
// to be found, is kUnavailable.
Error AwayForNow(Error store_error);

// Fills in the hint of an error that has none where its kind or words allow advice.
Error WithAdvice(Error error);

// Waits between attempts: from 100 ms doubling up to 30 s, each with a random quarter more or less,
// so that many daemons do not come back at once.
class Backoff {
 public:
  explicit Backoff(uint64_t seed) : random_(seed) {}
  std::chrono::milliseconds Next();
  void Reset() { attempts_ = 0; }
  int attempts() const { return attempts_; }

 private:
  std::mt19937_64 random_;
  int attempts_ = 0;
};

}  // namespace trunkline
