#include <array>
#include <optional>

#include "archive/column_codec.h"
#include "archive/column_format.h"
#include "archive/text_codec.h"
#include "archive/text_dictionary.h"
#include "archive/value_format.h"

namespace trunkline {
namespace {

using namespace column_format;

constexpr size_t kShapeSamples = 64;
constexpr double kUuidBits = 122;
// Integers cheaper than this gain nothing worth the time from a dictionary.
constexpr double kCheapIntegerBits = 6;

bool IsInteger(ValueShape shape) {
  return shape.type != ValueType::kText && shape.type != ValueType::kUuid;
}

bool Fits(ValueShape shape, std::string_view text, int64_t* value) {
  if (shape.type == ValueType::kText) return true;
  uint8_t uuid[kUuidBytes];
  return IsInteger(shape) ? ParseValue(shape, text, value) : ParseUuid(text, uuid);
}

// The shape of most of a sample; kText unless nearly all of it fits.
ValueShape ChooseShape(std::span<const Value> values) {
  std::vector<std::string_view> sample;
  const size_t step = values.size() / kShapeSamples + 1;
  for (size_t i = 0; i < values.size(); i += step) {
    // The next text: columns that are mostly null have shapes too.
    size_t j = i;
    while (j < i + step && j < values.size() && values[j].state != ValueState::kText) ++j;
    if (j < i + step && j < values.size()) sample.push_back(values[j].bytes);
  }
  for (size_t tries = 0; tries < sample.size() && tries < 3; ++tries) {
    const ValueShape shape = ShapeOf(sample[tries * (sample.size() - 1) / 2]);
    size_t fitting = 0;
    int64_t ignored = 0;
    for (const std::string_view text : sample) fitting += Fits(shape, text, &ignored) ? 1 : 0;
    if (shape.type != ValueType::kText && fitting * 8 >= sample.size() * 7) return shape;
  }
  return {};
}

// The texts that fit a shape, their integers where it has some, and what did not fit.
struct SortedValues {
  std::vector<uint8_t> states;
  std::vector<std::string_view> typed;
  std::vector<int64_t> ints;
  std::vector<uint32_t> slices;
  std::vector<std::string_view> verbatim;
};

SortedValues SortByState(std::span<const Value> values, ValueShape shape,
                         const IntContext& context) {
  SortedValues sorted;
  sorted.states.reserve(values.size());
  sorted.typed.reserve(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const Value& value = values[i];
    int64_t number = 0;
    switch (value.state) {
      case ValueState::kNull:
        sorted.states.push_back(kNull);
        break;
      case ValueState::kUnchangedToast:
        sorted.states.push_back(kUnchangedToast);
        break;
      case ValueState::kBinary:
        sorted.states.push_back(kBinary);
        sorted.verbatim.push_back(value.bytes);
        break;
      case ValueState::kText:
        if (!Fits(shape, value.bytes, &number)) {
          sorted.states.push_back(kVerbatim);
          sorted.verbatim.push_back(value.bytes);
          break;
        }
        sorted.states.push_back(kTyped);
        sorted.typed.push_back(value.bytes);
        if (IsInteger(shape)) sorted.ints.push_back(number);
        if (context.clock != nullptr) sorted.slices.push_back(context.slices[i]);
        break;
    }
  }
  return sorted;
}

IntContext ContextOf(ValueShape shape, const SortedValues& sorted, TransactionClock* clock) {
  const bool is_time = shape.type == ValueType::kTimestamp || shape.type == ValueType::kTimestampTz;
  return is_time ? IntContext{clock, sorted.slices} : IntContext{};
}

double EstimatePayload(ValueShape shape, std::span<const std::string_view> texts,
                       std::span<const int64_t> ints, const IntContext& context,
                       StreamWriter* out) {
  if (IsInteger(shape)) return EstimateInts(ints, context);
  if (shape.type == ValueType::kUuid) return kUuidBits * static_cast<double>(texts.size());
  return EstimateTexts(texts, out);
}

void EncodeUuids(std::span<const std::string_view> texts, StreamWriter* out) {
  std::array<std::vector<uint8_t>, kUuidBytes> planes;
  for (const std::string_view text : texts) {
    uint8_t uuid[kUuidBytes];
    ParseUuid(text, uuid);
    for (size_t i = 0; i < kUuidBytes; ++i) planes[i].push_back(uuid[i]);
  }
  for (const std::vector<uint8_t>& plane : planes) out->PutSymbols(plane);
}

void EncodePayload(ValueShape shape, std::span<const std::string_view> texts,
                   std::span<const int64_t> ints, const IntContext& context, StreamWriter* out) {
  if (IsInteger(shape)) return EncodeInts(ints, context, out);
  if (shape.type == ValueType::kUuid) return EncodeUuids(texts, out);
  EncodeTexts(texts, out);
}

// A dictionary of the typed values with what its entries are, where it is estimated to pay.
struct Entries {
  TextDictionary dictionary;
  std::vector<std::string_view> texts;
  std::vector<int64_t> ints;
};

std::optional<Entries> ChooseDictionary(ValueShape shape, const SortedValues& sorted,
                                        const IntContext& context, StreamWriter* out) {
  const auto count = static_cast<double>(sorted.typed.size());
  double direct = IsInteger(shape) ? EstimateInts(sorted.ints, context) : 0;
  if (IsInteger(shape) && direct <= kCheapIntegerBits * count) return {};
  std::optional<TextDictionary> dictionary = BuildTextDictionary(sorted.typed);
  if (!dictionary) return {};
  Entries entries{std::move(*dictionary), {}, {}};
  for (const uint32_t use : entries.dictionary.first_uses) {
    entries.texts.push_back(sorted.typed[use]);
    if (IsInteger(shape)) entries.ints.push_back(sorted.ints[use]);
  }
  if (!IsInteger(shape)) direct = EstimatePayload(shape, sorted.typed, {}, {}, out);
  const double indirect = EstimateInts(entries.dictionary.indexes, {}) +
                          EstimatePayload(shape, entries.texts, entries.ints, {}, out);
  if (indirect >= direct) return {};
  return entries;
}

void EncodeTyped(ValueShape shape, const SortedValues& sorted, TransactionClock* clock,
                 StreamWriter* out) {
  const IntContext context = ContextOf(shape, sorted, clock);
  const std::optional<Entries> entries = ChooseDictionary(shape, sorted, context, out);
  const auto type = static_cast<uint8_t>(shape.type);
  out->PutByte(entries ? type | kDictionary : type);
  if (shape.type == ValueType::kDecimal) out->PutByte(shape.decimals);
  if (!entries) return EncodePayload(shape, sorted.typed, sorted.ints, context, out);
  out->PutVarint(entries->texts.size());
  EncodePayload(shape, entries->texts, entries->ints, {}, out);
  EncodeInts(entries->dictionary.indexes, {}, out);
}

}  // namespace

void EncodeColumn(std::span<const Value> values, const IntContext& context, StreamWriter* out) {
  if (values.empty()) return;
  const ValueShape shape = ChooseShape(values);
  const SortedValues sorted = SortByState(values, shape, context);
  out->PutSymbols(sorted.states);
  if (!sorted.typed.empty()) EncodeTyped(shape, sorted, context.clock, out);
  EncodeTexts(sorted.verbatim, out);
}

}  // namespace trunkline
