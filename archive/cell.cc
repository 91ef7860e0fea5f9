#include "archive/cell.h"

namespace trunkline {

Cell CellOf(std::string_view text) {
  const bool may_be_number = !text.empty() && text.size() < kMaxFormattedBytes &&
                             ((text[0] >= '0' && text[0] <= '9') || text[0] == '-');
  if (!may_be_number) return Cell::Text(text);
  const ValueShape shape = ShapeOf(text);
  int64_t number = 0;
  return ParseValue(shape, text, &number) ? Cell::Number(shape, number) : Cell::Text(text);
}

Cell CellOf(const Value& value) {
  switch (value.state) {
    case ValueState::kNull:
      break;
    case ValueState::kUnchangedToast:
      return Cell::UnchangedToast();
    case ValueState::kText:
      return CellOf(value.bytes);
    case ValueState::kBinary:
      return Cell::Binary(value.bytes);
  }
  return Cell::Null();
}

Value ValueOf(const Cell& cell, ValueFormatter* formatter, char** out) {
  switch (cell.kind) {
    case Cell::Kind::kNull:
      break;
    case Cell::Kind::kUnchangedToast:
      return {.state = ValueState::kUnchangedToast, .bytes = {}};
    case Cell::Kind::kText:
      return {.state = ValueState::kText, .bytes = cell.text()};
    case Cell::Kind::kBinary:
      return {.state = ValueState::kBinary, .bytes = cell.text()};
    case Cell::Kind::kNumber: {
      char* const first = *out;
      *out = formatter->Format(cell.shape, cell.number, first);
      return {.state = ValueState::kText, .bytes = {first, static_cast<size_t>(*out - first)}};
    }
  }
  return {.state = ValueState::kNull, .bytes = {}};
}

}  // namespace trunkline
