#include "replay/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace trunkline {
namespace {

constexpr std::chrono::milliseconds kDelay(1000);
constexpr std::chrono::milliseconds kInterval(100);
constexpr size_t kBarColumns = 20;
constexpr size_t kDefaultColumns = 80;

size_t TerminalColumns(std::FILE* stream) {
  winsize size{};
  if (ioctl(fileno(stream), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kDefaultColumns;
  return size.ws_col;
}

std::string FormatSeconds(uint64_t seconds) {
  char text[48];
  if (seconds >= 3600) {
    std::snprintf(text, sizeof text, "%llu:%02u:%02u",
                  static_cast<unsigned long long>(seconds / 3600),
                  static_cast<unsigned>(seconds / 60 % 60), static_cast<unsigned>(seconds % 60));
  } else {
    std::snprintf(text, sizeof text, "%u:%02u", static_cast<unsigned>(seconds / 60),
                  static_cast<unsigned>(seconds % 60));
  }
  return text;
}

}  // namespace

std::string FormatBytes(uint64_t bytes) {
  constexpr std::array<const char*, 6> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  auto value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  // 1023.95 would print as 1024.0.
  while (value >= 1023.95 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %s", value, kUnits[unit]);
  return text;
}

std::string RenderProgress(std::string_view label, uint64_t done, uint64_t total,
                           std::chrono::milliseconds elapsed, size_t width) {
  const uint64_t shown = std::min(done, total);
  const double fraction =
      total == 0 ? 1.0 : static_cast<double>(shown) / static_cast<double>(total);
  const auto filled = static_cast<size_t>(fraction * kBarColumns);
  char percent[16];
  std::snprintf(percent, sizeof percent, " %3d%% [", static_cast<int>(fraction * 100));

  std::string line(label);
  line += percent;
  line += std::string(filled, '#') + std::string(kBarColumns - filled, ' ') + "]  ";
  line += FormatBytes(shown) + " of " + FormatBytes(total);
  const double seconds = static_cast<double>(elapsed.count()) / 1000;
  if (shown > 0 && seconds > 0) {
    const double rate = static_cast<double>(shown) / seconds;
    const double seconds_left = static_cast<double>(total - shown) / rate;
    line += "  " + FormatBytes(static_cast<uint64_t>(rate)) + "/s  " +
            FormatSeconds(static_cast<uint64_t>(std::llround(seconds_left))) + " left";
  }
  return line.substr(0, width);
}

Progress::Progress(std::string label)
    : Progress(std::move(label), stderr, isatty(STDERR_FILENO) != 0, kDelay) {}

Progress::Progress(std::string label, std::FILE* stream, bool enabled,
                   std::chrono::milliseconds delay)
    : label_(std::move(label)),
      stream_(stream),
      enabled_(enabled),
      start_(Clock::now()),
      next_draw_((start_ + delay).time_since_epoch().count()) {}

Progress::~Progress() {
  if (!drawn_) return;
  std::fputs("\r\x1b[K", stream_);
  std::fflush(stream_);
}

void Progress::Update(uint64_t done, uint64_t total) {
  if (!enabled_) return;
  const Clock::time_point now = Clock::now();
  Clock::rep due = next_draw_.load(std::memory_order_relaxed);
  const Clock::rep next = (now + kInterval).time_since_epoch().count();
  // One of several threads that come at once draws; the others go on with their work.
  if (now.time_since_epoch().count() < due || !next_draw_.compare_exchange_strong(due, next))
    return;

  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(now - start_);
  const std::lock_guard lock(mutex_);
  // The last column stays free: some terminals wrap as soon as it is written.
  const std::string line =
      RenderProgress(label_, done, total, elapsed, TerminalColumns(stream_) - 1);
  std::fputs(("\r" + line + "\x1b[K").c_str(), stream_);
  std::fflush(stream_);
  drawn_ = true;
}

}  // namespace trunkline
