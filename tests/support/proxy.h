// Proxy: a TCP proxy on 127.0.0.1 that fails in the ways that networks do.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>

namespace trunkline::test {

// All methods may be called from any thread; each has taken effect when it returns.
class Proxy {
 public:
  // Forwards connections to 127.0.0.1:`target_port`, which need not be listening yet: a connection
  // is closed when the target does not take it.
  explicit Proxy(int target_port);
  // Closes all connections.
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  int port() const { return port_; }
  // "host=127.0.0.1 port=..."
  std::string conninfo() const;

  // Closes every connection; new ones are taken.
  void Cut();
  // Forwards new connections elsewhere.
  void Retarget(int target_port);
  // While on, nothing is read, written, accepted or closed: neither end learns that the other one
  // is out of reach, also not that it has closed. (The kernel still completes handshakes and
  // acknowledges what it buffers, so no TCP timeout helps.) Off: all goes on where it stood.
  void BlackHole(bool on);
  // The connections that are open now never pass on anything again in these directions, not even
  // that one end has closed, as where a router forgets them; new ones are not affected.
  enum class Stranded { kBothWays, kToClient, kToServer };
  void Strand(Stranded which);
  // Data that arrive from now on are passed on this much later, in both directions.
  void Delay(std::chrono::milliseconds delay);

  // Connections taken so far.
  int accepted() const;

 private:
  using Clock = std::chrono::steady_clock;
  class Link;

  void Run(const std::stop_token& stop);
  void Change(const std::function<void()>& change);
  void Accept();
  void Pump();

  int target_port_;
  int listener_ = -1;
  int wakeup_ = -1;
  int port_ = 0;

  mutable std::mutex mutex_;
  bool black_hole_ = false;
  std::chrono::milliseconds delay_{0};
  int accepted_ = 0;
  std::list<Link> links_;

  std::jthread thread_;  // last: it uses everything above
};

}  // namespace trunkline::test
