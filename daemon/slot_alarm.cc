#include "daemon/slot_alarm.h"

#include <utility>

namespace trunkline {
namespace {

// Written by the source without anything being confirmed. Smaller amounts are those of segments
// that are open, or not yet worth an empty one.
constexpr uint64_t kStandstillBytes = 256 << 20;

std::string MiB(uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

std::string Describe(const SlotReading& reading) {
  std::string text = "the slot keeps " + MiB(reading.kept_bytes) + " of WAL at the source (" +
                     reading.wal_status + "), confirmed up to " + reading.confirmed.ToString() +
                     ", written up to " + reading.written.ToString();
  if (reading.safe_bytes.has_value() && *reading.safe_bytes > 0) {
    text += "; it may be lost after " + MiB(static_cast<uint64_t>(*reading.safe_bytes)) + " more";
  }
  return text;
}

}  // namespace

SlotAlarm::Danger SlotAlarm::DangerOf(const SlotReading& reading) {
  if (reading.wal_status == "unreserved" || reading.wal_status == "lost") {
    return Danger::kUnreserved;
  }
  if (reading.safe_bytes.has_value() && reading.limit_bytes.has_value() &&
      *reading.safe_bytes < *reading.limit_bytes / 2) {
    return Danger::kHalfUsed;
  }
  return reading.wal_status == "extended" ? Danger::kExtended : Danger::kNone;
}

bool SlotAlarm::StandsStill(const SlotReading& reading, Clock::time_point now) {
  if (!moved_.has_value() || reading.confirmed != moved_->confirmed) {
    moved_ = reading;
    moved_at_ = now;
  }
  return now - moved_at_ >= patience_ &&
         reading.written.value >= moved_->written.value + kStandstillBytes;
}

std::optional<Alarm> SlotAlarm::Judge(const SlotReading& reading, Clock::time_point now) {
  const Danger danger = DangerOf(reading);
  const bool stands_still = StandsStill(reading, now);
  const Danger before = std::exchange(danger_, danger);
  if (danger == Danger::kNone && !stands_still) {
    if (!reminder_.Over(now).has_value()) return std::nullopt;
    return Alarm{Alarm::Level::kOver, "over: " + Describe(reading)};
  }
  if (danger > before) (void)reminder_.Over(now);
  if (!reminder_.Lasts(now)) return std::nullopt;
  std::string text = Describe(reading);
  if (stands_still) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - moved_at_).count();
    text += "; nothing was confirmed for " + std::to_string(seconds) + " s, in which " +
            MiB(reading.written.value - moved_->written.value) + " were written";
  }
  return Alarm{danger == Danger::kUnreserved ? Alarm::Level::kGrave : Alarm::Level::kWarning,
               std::move(text)};
}

}  // namespace trunkline
