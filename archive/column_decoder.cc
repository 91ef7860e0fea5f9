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
                                   std::vector<Value>* values) {
  values->resize(count);
  if (count == 0) return {};
  // The states are needed to the end, and so must not lie in a buffer that others use.
  ASSIGN_OR_RETURN(const uint8_t* const states, in_->Symbols(count, &states_));
  size_t typed = 0;
  size_t verbatim = 0;
  typed_slices_.clear();
  for (size_t i = 0; i < count; ++i) {
    if (states[i] > kBinary) return MalformedBlock("state of a value");
    verbatim += states[i] >= kVerbatim ? 1 : 0;
    if (states[i] != kTyped) continue;
    ++typed;
    if (context.clock != nullptr) typed_slices_.push_back(context.slices[i]);
  }
  typed_.clear();
  if (typed > 0) TRY(DecodeTyped(typed, {context.clock, typed_slices_}));
  TRY(DecodeTexts(verbatim, &verbatim_));
  const std::string_view* next_typed = typed_.data();
  const std::string_view* next_verbatim = verbatim_.data();
  for (size_t i = 0; i < count; ++i) {
    Value& value = (*values)[i];
    switch (states[i]) {
      case kNull:
        value = {ValueState::kNull, {}};
        break;
      case kUnchangedToast:
        value = {ValueState::kUnchangedToast, {}};
        break;
      case kTyped:
        value = {ValueState::kText, *next_typed++};
        break;
      case kVerbatim:
        value = {ValueState::kText, *next_verbatim++};
        break;
      default:
        value = {ValueState::kBinary, *next_verbatim++};
        break;
    }
  }
  return {};
}

Result<void> ColumnDecoder::DecodeTyped(size_t count, const IntContext& context) {
  ASSIGN_OR_RETURN(const uint8_t first, in_->Byte());
  const auto type = static_cast<uint8_t>(first & ~kDictionary);
  uint8_t decimals = 0;
  if (type > static_cast<uint8_t>(ValueType::kUuid)) return MalformedBlock("type of values");
  if (type == static_cast<uint8_t>(ValueType::kDecimal)) {
    ASSIGN_OR_RETURN(decimals, in_->Byte());
    if (decimals > kMaxDecimals) return MalformedBlock("decimals of values");
  }
  if ((first & kDictionary) == 0) return DecodePayload(type, decimals, count, context, &typed_);
  ASSIGN_OR_RETURN(const uint64_t entries, in_->Count(count));
  TRY(DecodePayload(type, decimals, entries, {}, &entries_));
  TRY(DecodeInts(count, &indexes_));
  typed_.resize(count);
  for (size_t i = 0; i < count; ++i) {
    if (static_cast<uint64_t>(indexes_[i]) >= entries) return MalformedBlock("dictionary index");
    typed_[i] = entries_[static_cast<size_t>(indexes_[i])];
  }
  return {};
}

Result<void> ColumnDecoder::DecodePayload(uint8_t type, uint8_t decimals, size_t count,
                                          const IntContext& context,
                                          std::vector<std::string_view>* texts) {
  const auto value_type = static_cast<ValueType>(type);
  if (value_type == ValueType::kText) return DecodeTexts(count, texts);
  if (value_type == ValueType::kUuid) return DecodeUuids(count, texts);
  const IntContext own = IsTime(value_type) ? context : IntContext{};
  TRY(trunkline::DecodeInts(in_, count, own, &scratch_, &ints_));
  texts->resize(count);
  ValueFormatter formatter({value_type, decimals});
  char* out = arena_->Reserve(count * kMaxFormattedBytes);
  char* const first = out;
  for (size_t i = 0; i < count; ++i) {
    char* const end = formatter.Format(ints_[i], out);
    (*texts)[i] = {out, static_cast<size_t>(end - out)};
    out = end;
  }
  arena_->Commit(static_cast<size_t>(out - first));
  return {};
}

Result<void> ColumnDecoder::DecodeUuids(size_t count, std::vector<std::string_view>* texts) {
  std::vector<uint8_t> bytes(count * kUuidBytes);
  for (size_t plane = 0; plane < kUuidBytes; ++plane) {
    ASSIGN_OR_RETURN(const uint8_t* const symbols, in_->Symbols(count, &scratch_.symbols));
    for (size_t i = 0; i < count; ++i) bytes[i * kUuidBytes + plane] = symbols[i];
  }
  char* out = arena_->Allocate(count * kUuidTextBytes);
  texts->resize(count);
  for (size_t i = 0; i < count; ++i) {
    (*texts)[i] = {out, kUuidTextBytes};
    out = FormatUuid(bytes.data() + i * kUuidBytes, out);
  }
  return {};
}

}  // namespace trunkline
