// Progress: a line on standard error for work that takes longer than a second.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>

namespace trunkline {

// "Reading  42% [########            ]  1.2 GiB of 2.8 GiB  310 MiB/s  0:05 left", cut to `width`
// columns. Neither rate nor time left is shown before there is anything to reckon them from.
std::string RenderProgress(std::string_view label, uint64_t done, uint64_t total,
                           std::chrono::milliseconds elapsed, size_t width);

// "1.2 GiB"; whole bytes below 1 KiB.
std::string FormatBytes(uint64_t bytes);

// Draws only on a terminal, first after a second, then ten times a second; the line is gone when it
// is destroyed. Any number of threads may call Update.
class Progress {
 public:
  explicit Progress(std::string label);
  // For tests: draws on `stream` when `enabled`, after `delay`.
  Progress(std::string label, std::FILE* stream, bool enabled, std::chrono::milliseconds delay);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void Update(uint64_t done, uint64_t total);

 private:
  using Clock = std::chrono::steady_clock;

  const std::string label_;
  std::FILE* const stream_;
  const bool enabled_;
  const Clock::time_point start_;
  std::atomic<Clock::rep> next_draw_;  // since the clock's epoch
  std::mutex mutex_;
  bool drawn_ = false;
};

}  // namespace trunkline
