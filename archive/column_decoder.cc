#include <algorithm>

#include "archive/column_codec.h"
#include "archive/column_format.h"
#include "archive/text_codec.h"
#include "archive/value_format.h"

namespace trunkline {
namespace {

using namespace column_format;

bool IsTime(ValueType type) {
  return type == ValueType::kTimestamp || type == ValueType::kTimestampTz;
}

}  // namespace

Result<void> ColumnDecoder::DecodeInts(size_t count, std::vector<int64_t>* values) {
  return trunkline::DecodeInts(in_, count, {}, &scratch_, values);
}

Result<void> ColumnDecoder::DecodeTexts(size_t count, std::vector<std::string_view>* texts) {
  return trunkline::DecodeTexts(in_, count, &scratch_, texts);
}

Result<void> ColumnDecoder::Decode(size_t count, const IntContext& context,
                                   std::vector<Cell>* cells) {
  cells->resize(count);
  if (count == 0) return {};
  // The states are needed to the end, and so must not lie in a buffer that others use.
  ASSIGN_OR_RETURN(const uint8_t* const states, in_->Symbols(count, &states_));
  size_t typed = 0;
  size_t verbatim = 0;
  for (size_t i = 0; i < count; ++i) {
    if (states[i] > kBinary) return MalformedBlock("state of a value");
    typed += states[i] == kTyped ? 1 : 0;
    verbatim += states[i] >= kVerbatim ? 1 : 0;
  }
  if (typed == count) return DecodeTyped(count, context, cells);
  typed_.clear();
  if (typed > 0) {
    typed_slices_.clear();
    for (size_t i = 0; i < count && context.clock != nullptr; ++i) {
      if (states[i] == kTyped) typed_slices_.push_back(context.slices[i]);
    }
    TRY(DecodeTyped(typed, {context.clock, typed_slices_}, &typed_));
  }
  TRY(DecodeTexts(verbatim, &verbatim_));
  const Cell* next_typed = typed_.data();
  const std::string_view* next_verbatim = verbatim_.data();
  for (size_t i = 0; i < count; ++i) {
    Cell& cell = (*cells)[i];
    switch (states[i]) {
      case kNull:
        cell = Cell::Null();
        break;
      case kUnchangedToast:
        cell = Cell::UnchangedToast();
        break;
      case kTyped:
        cell = *next_typed++;
        break;
      case kVerbatim:
        cell = Cell::Text(*next_verbatim++);
        break;
      default:
        cell = Cell::Binary(*next_verbatim++);
        break;
    }
  }
  return {};
}

Result<void> ColumnDecoder::DecodeTyped(size_t count, const IntContext& context,
                                        std::vector<Cell>* cells) {
  ASSIGN_OR_RETURN(const uint8_t first, in_->Byte());
  const auto type = static_cast<uint8_t>(first & ~kDictionary);
  if (type > static_cast<uint8_t>(ValueType::kUuid)) return MalformedBlock("type of values");
  ValueShape shape{static_cast<ValueType>(type), 0};
  if (shape.type == ValueType::kDecimal) {
    ASSIGN_OR_RETURN(shape.decimals, in_->Byte());
    if (shape.decimals > kMaxDecimals) return MalformedBlock("decimals of values");
  }
  if ((first & kDictionary) == 0) return DecodePayload(shape, count, context, cells);
  ASSIGN_OR_RETURN(const uint64_t entries, in_->Count(count));
  TRY(DecodePayload(shape, entries, {}, &entries_));
  TRY(DecodeInts(count, &indexes_));
  cells->resize(count);
  for (size_t i = 0; i < count; ++i) {
    if (static_cast<uint64_t>(indexes_[i]) >= entries) return MalformedBlock("dictionary index");
    (*cells)[i] = entries_[static_cast<size_t>(indexes_[i])];
  }
  return {};
}

Result<void> ColumnDecoder::DecodePayload(ValueShape shape, size_t count, const IntContext& context,
                                          std::vector<Cell>* cells) {
  cells->resize(count);
  if (shape.type == ValueType::kText) {
    TRY(DecodeTexts(count, &texts_));
    for (size_t i = 0; i < count; ++i) (*cells)[i] = Cell::Text(texts_[i]);
    return {};
  }
  if (shape.type == ValueType::kUuid) return DecodeUuids(count, cells);
  const IntContext own = IsTime(shape.type) ? context : IntContext{};
  TRY(trunkline::DecodeInts(in_, count, own, &scratch_, &ints_));
  for (size_t i = 0; i < count; ++i) (*cells)[i] = Cell::Number(shape, ints_[i]);
  return {};
}

Result<void> ColumnDecoder::DecodeUuids(size_t count, std::vector<Cell>* cells) {
  std::vector<uint8_t> bytes(count * kUuidBytes);
  for (size_t plane = 0; plane < kUuidBytes; ++plane) {
    ASSIGN_OR_RETURN(const uint8_t* const symbols, in_->Symbols(count, &scratch_.symbols));
    for (size_t i = 0; i < count; ++i) bytes[i * kUuidBytes + plane] = symbols[i];
  }
  char* out = arena_->Allocate(count * kUuidTextBytes);
  for (size_t i = 0; i < count; ++i) {
    (*cells)[i] = Cell::Text({out, kUuidTextBytes});
    out = FormatUuid(bytes.data() + i * kUuidBytes, out);
  }
  return {};
}

}  // namespace trunkline
