// PgdataLoad: writes rows and indexes into the files of a private server while it is stopped, in a
// quarter of the time that COPY and CREATE INDEX take.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "postgres/connection.h"
#include "replay/ddl.h"
#include "replay/pgdata_btree.h"
#include "replay/pgdata_heap.h"
#include "replay/state.h"

namespace trunkline {

// Of tables that are large enough to be worth it, whose types it knows, and of indexes over one
// column of integers. All else is left to the server, as is whatever it finds to be unusual on the
// way: a value that the server would refuse, a row to be compressed, a key that is there twice.
class PgdataLoad {
 public:
  // Called by one thread at a time with rows that were written since, or with less than none where
  // they are written anew.
  using Count = std::function<void(int64_t rows)>;

  // What can be written, by what the server says of its tables, which are empty; nothing where its
  // files have another format than those known here. Makes the indexes of `stage` that are to be
  // written, and takes them out of it. Nothing is owned.
  static Result<PgdataLoad> Plan(postgres::Connection* connection, const DatabaseState& state,
                                 std::span<const LoadedTable> tables, Stage* stage);

  bool empty() const { return tables_.empty(); }
  // Only while no server runs on `data_directory`. What an error leaves is of no use.
  Result<void> Write(const std::string& data_directory, const Count& count);
  // When the server runs again: puts back into the stage what could not be written.
  Result<void> GiveBack(postgres::Connection* connection);
  // Marks as valid those foreign keys to be validated whose rows are known to have what they refer
  // to: over one column of integers that has an index written here. What VALIDATE CONSTRAINT finds
  // by a join; it leaves alone what is valid.
  Result<void> MarkValid(postgres::Connection* connection, const Stage& validations) const;
  // By the state's tables: whether its rows are there.
  std::vector<bool> loaded() const;

 private:
  struct Index {
    Statement statement;
    std::string name;  // as SQL takes it
    std::string path;
    size_t attribute = 0;
    bool unique = false;
    IndexEntries entries = {};
    std::vector<int64_t> keys = {};  // each once, in order, where it is written and not unique
    bool written = false;
  };
  struct Table {
    size_t number = 0;  // in the state
    QualifiedName name;
    std::string path;
    HeapFormat format;
    std::vector<Index> indexes = {};
    bool written = false;
  };
  struct Limits {
    uint32_t xid = 0;
    uint64_t segment_bytes = 0;
  };
  PgdataLoad(const DatabaseState& state, Stage* stage) : state_(&state), stage_(stage) {}

  Result<bool> KnowsFormat(postgres::Connection* connection);
  Result<void> PlanTable(postgres::Connection* connection, const LoadedTable& table, size_t number);
  Result<void> MakeIndexes(postgres::Connection* connection, Table* table);
  bool Holds(const Index& index, const std::string& schema, const std::string& table,
             std::string_view column) const;
  Result<void> WriteIndex(const std::string& data_directory, const Table& table,
                          IndexEntries entries, Index* index) const;

  const DatabaseState* state_;
  Stage* stage_;
  Limits limits_;
  std::vector<Table> tables_;
};

}  // namespace trunkline
