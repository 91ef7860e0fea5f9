// SlotAlarm: judges what the source says of the slot, so that somebody hears of trouble before the
// slot is lost.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/lsn.h"
#include "daemon/reminder.h"

namespace trunkline {

struct SlotReading {
  std::string wal_status;  // as SlotInfo has it
  Lsn confirmed;
  Lsn written;              // how far the source's WAL reaches
  uint64_t kept_bytes = 0;  // of WAL, for the slot
  // What may be written before the slot is lost, and max_slot_wal_keep_size; nothing: no limit.
  std::optional<int64_t> safe_bytes;
  std::optional<int64_t> limit_bytes;
};

struct Alarm {
  enum class Level { kOver, kWarning, kGrave };  // grave: it may be lost at any moment
  Level level = Level::kWarning;
  std::string text;
};

class SlotAlarm {
 public:
  using Clock = Reminder::Clock;

  // `patience` is how long nothing may be confirmed while the source writes.
  explicit SlotAlarm(std::chrono::milliseconds patience) : patience_(patience) {}

  // What is to be said now, if anything: when trouble begins or grows, then less and less often,
  // and when it ends.
  std::optional<Alarm> Judge(const SlotReading& reading, Clock::time_point now);

 private:
  enum class Danger { kNone, kExtended, kHalfUsed, kUnreserved };

  static Danger DangerOf(const SlotReading& reading);
  bool StandsStill(const SlotReading& reading, Clock::time_point now);

  const std::chrono::milliseconds patience_;
  Danger danger_ = Danger::kNone;  // as it was said last
  Reminder reminder_;
  std::optional<SlotReading> moved_;  // when anything was confirmed last, as far as is known
  Clock::time_point moved_at_;
};

}  // namespace trunkline
