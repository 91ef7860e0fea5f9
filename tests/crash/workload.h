// Workload: writers whose every transaction carries a number of its own, so that they know, from
// the source's answers alone, which numbers an archive must hold and which it must not.
//
// A transaction inserts its number into crash.ledger before all else; a subtransaction that will be
// rolled back inserts the number's negative. Writers outlive the source's crashes.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace trunkline::crash {

enum class Fate {
  kCommitted,
  kRolledBack,
  kUnknown,  // the source went away before it answered COMMIT
};
using Ledger = std::map<int64_t, Fate>;

// The tables of the integration tests' load, and those of the ledger.
void CreateWorkloadSchema(const std::string& conninfo);

struct WorkloadOptions {
  // Then also columns are dropped and renamed. Without DDL capture it shows from some later change
  // on.
  bool ddl_captured = false;
};

class Workload {
 public:
  Workload(const std::string& conninfo, int writers, uint64_t seed, WorkloadOptions options = {});
  ~Workload();
  // Has the writers connect there from now on; what they were connected to must be gone.
  void MoveTo(const std::string& conninfo);
  // Lets every writer end its transaction, prepared ones included; the source must be up.
  void Stop();
  // What became of each number. After Stop.
  Ledger ledger() const;

 private:
  class Writer;

  // Where to connect.
  class Target {
   public:
    explicit Target(std::string conninfo) : conninfo_(std::move(conninfo)) {}
    std::string Get() const {
      const std::scoped_lock lock(mutex_);
      return conninfo_;
    }
    void Set(const std::string& conninfo) {
      const std::scoped_lock lock(mutex_);
      conninfo_ = conninfo;
    }

   private:
    mutable std::mutex mutex_;
    std::string conninfo_;
  };

  Target target_;
  std::atomic<bool> stop_ = false;
  std::vector<std::unique_ptr<Writer>> writers_;
  std::vector<std::thread> threads_;
};

}  // namespace trunkline::crash
