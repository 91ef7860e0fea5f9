// A table with a column of every built-in type, and values of each at the edges of its range.
#pragma once

#include <string>
#include <vector>

namespace trunkline::test {

struct TypeSample {
  std::string column;                 // name of the column
  std::string type;                   // as CREATE TABLE takes it
  std::vector<std::string> literals;  // SQL expressions; NULL is used besides
};

// One entry a built-in type, followed by one for its array type, and some declared lengths.
const std::vector<TypeSample>& TypeSamples();

// CREATE TABLE `table` (id bigint PRIMARY KEY, <a column of every type>).
std::string CreateEveryType(const std::string& table);

// A query for the names of built-in types that no sample covers, and that a column can have.
std::string MissingTypesQuery();

}  // namespace trunkline::test
