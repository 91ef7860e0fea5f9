// Wakeup: lets one thread, or a signal handler, wake another out of poll().
#pragma once

#include <chrono>

namespace trunkline {

class Wakeup {
 public:
  Wakeup();
  ~Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  // Makes fd() readable until Clear. Safe in a signal handler.
  void Signal() const;
  void Clear() const;
  int fd() const { return fd_; }

 private:
  int fd_;
};

// Waits for `wakeup` or the time; returns whether it was signalled.
bool WaitFor(const Wakeup& wakeup, std::chrono::milliseconds time);

}  // namespace trunkline
