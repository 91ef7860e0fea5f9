// CSV files compared as multisets of records.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace trunkline::test {

// The records of a CSV text; line ends within quotes belong to the record.
std::vector<std::string_view> CsvRecords(std::string_view text);

// Empty when the header lines are the same and the records the same in some order; else what
// differs, a few records of each side.
std::string CsvDifference(std::string_view expected, std::string_view actual);

// Compares what COPY gave, by file name, with the files of `folder`; empty when all agree.
std::string FolderDifference(const std::map<std::string, std::string>& expected,
                             const std::string& folder);

}  // namespace trunkline::test
