// COPY's binary format (manual: COPY, "Binary Format"), which a server reads in half of the time
// that text takes. For tables all of whose columns have types whose binary form is the same in
// every version and follows exactly from the text.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "archive/cell.h"
#include "archive/definition.h"
#include "base/error.h"
#include "decoder/relation.h"
#include "replay/binary_value.h"

namespace trunkline {

class BinaryCopy {
 public:
  // Of the relation's columns numbered `columns`; empty where one of them takes text.
  static std::optional<BinaryCopy> For(const Relation& relation, const std::vector<size_t>& columns,
                                       const Definition& definition);

  static void AppendHead(std::string* out);
  // kCorrupt, naming the column, for a value that is none of its type.
  Result<void> AppendRow(std::span<const Cell> row, std::string* out);
  static void AppendTail(std::string* out);

 private:
  struct Field {
    size_t column = 0;
    std::string name;
    BinaryEncoder encoder;
  };
  std::vector<Field> fields_;
};

}  // namespace trunkline
