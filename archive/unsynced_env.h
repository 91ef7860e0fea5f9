// What databases of scratch data have in common: RocksDB that neither syncs nor logs, since nothing
// of them outlives the process. A pair of files that knows RocksDB; this one names it only.
#pragma once

#include <memory>

namespace rocksdb {
class Env;
class Logger;
struct Options;
}  // namespace rocksdb

namespace trunkline {

// Must outlive the database.
std::shared_ptr<rocksdb::Env> NewUnsyncedEnv();
// What is wrong comes back as a status; a log beside the data would only take space.
std::shared_ptr<rocksdb::Logger> NewNoLog();
// What all such databases have in common: one writer, no log, compression that is quick. `env` is
// not owned.
rocksdb::Options ScratchOptions(rocksdb::Env* env);

}  // namespace trunkline
