// Load: seeded transactions of every kind on the tables of load_schema.sql.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/session.h"

namespace trunkline::test {

using Random = std::mt19937_64;

// Makes the schema, and first rows in it.
void CreateLoadSchema(const std::string& conninfo);
// As sql/source_setup.sql does, for the publication "trunkline".
void InstallDdlCapture(const std::string& conninfo);

struct LoadOptions {
  bool two_phase = true;  // some transactions are prepared first
  bool truncate = true;
  bool logical_messages = true;
};

// One command of some kind, perhaps several with semicolons between. Needs search_path =
// pg_catalog.
std::string RandomStatement(Random& random, const LoadOptions& options);

// One writer: each Step is one transaction, which may fail or roll back.
class Writer {
 public:
  Writer(const std::string& conninfo, uint64_t seed, LoadOptions options = {});
  // True when the transaction committed.
  bool Step();

 private:
  std::string Transaction();

  Session session_;
  Random random_;
  LoadOptions options_;
  std::string prepared_;  // the quoted gid of the transaction that Transaction prepared
};

// Writers on threads of their own until Stop.
class ConcurrentLoad {
 public:
  ConcurrentLoad(const std::string& conninfo, int writers, uint64_t seed, LoadOptions options = {});
  ~ConcurrentLoad() { Stop(); }
  void Stop();
  int64_t committed() const { return committed_; }

 private:
  std::atomic<bool> stop_ = false;
  std::atomic<int64_t> committed_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace trunkline::test
