#include "archive/value_format.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/timestamp.h"

namespace trunkline {
namespace {

std::string FormatOne(ValueShape shape, int64_t value) {
  char buffer[kMaxFormattedBytes];
  ValueFormatter formatter;
  return {buffer, static_cast<size_t>(formatter.Format(shape, value, buffer) - buffer)};
}

ValueType TypeOf(std::string_view text) { return ShapeOf(text).type; }

TEST(ValueFormat, ShapesAreTakenFromTheText) {
  EXPECT_EQ(ShapeOf("0"), (ValueShape{ValueType::kDecimal, 0}));
  EXPECT_EQ(ShapeOf("-12.50"), (ValueShape{ValueType::kDecimal, 2}));
  EXPECT_EQ(TypeOf("2016-11-30"), ValueType::kDate);
  EXPECT_EQ(TypeOf("2016-11-30 17:29:00.25"), ValueType::kTimestamp);
  EXPECT_EQ(TypeOf("2016-11-30 17:29:00+00"), ValueType::kTimestampTz);
  EXPECT_EQ(TypeOf("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), ValueType::kUuid);
}

TEST(ValueFormat, WhatWouldNotPrintAgainIsText) {
  for (const std::string_view text : {"",
                                      "-",
                                      "-0",
                                      "-0.0",
                                      "00",
                                      "007",
                                      "+1",
                                      "1.",
                                      ".5",
                                      "1e3",
                                      "NaN",
                                      "infinity",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "2015-02-29",
                                      "1900-02-29",
                                      "2016-13-01",
                                      "0000-01-01",
                                      "2016-11-30 24:00:00",
                                      "2016-11-30 17:29:60",
                                      "2016-11-30 17:29:00.",
                                      "2016-11-30 17:29:00.250",
                                      "2016-11-30 17:29:00.1234567",
                                      "2016-11-30 17:29:00+01",
                                      "2016-11-30 17:29:00+00 BC",
                                      "A0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
                                      "a0eebc999-c0b-4ef8-bb6d-6bb9bd380a11"}) {
    EXPECT_EQ(TypeOf(text), ValueType::kText) << text;
  }
}

TEST(ValueFormat, LimitsOfIntegers) {
  for (const int64_t value : {INT64_MIN, INT64_MIN + 1, int64_t{-1}, int64_t{0}, INT64_MAX}) {
    int64_t parsed = 1;
    ASSERT_TRUE(ParseValue({ValueType::kDecimal, 0}, std::to_string(value), &parsed));
    EXPECT_EQ(parsed, value);
    EXPECT_EQ(FormatOne({ValueType::kDecimal, 0}, value), std::to_string(value));
  }
}

RC_GTEST_PROP(ValueFormat, DecimalsComeBack, (int64_t value)) {
  const ValueShape shape{ValueType::kDecimal, *rc::gen::inRange<uint8_t>(0, kMaxDecimals + 1)};
  int64_t parsed = 0;
  RC_ASSERT(ParseValue(shape, FormatOne(shape, value), &parsed));
  RC_ASSERT(parsed == value);
}

// Against the conversion that base/ has for every year.
RC_GTEST_PROP(ValueFormat, TimestampsPrintAsPostgresDoes, ()) {
  constexpr int64_t kYear1 = -63'082'281'600'000'000;
  constexpr int64_t kYear10000 = 252'455'616'000'000'000;
  const int64_t micros = *rc::gen::inRange(kYear1, kYear10000);
  const std::string text = Timestamp{micros}.ToString();
  const ValueShape shape{ValueType::kTimestampTz, 0};
  int64_t parsed = 0;
  RC_ASSERT(ParseValue(shape, text, &parsed));
  RC_ASSERT(parsed == micros);
  RC_ASSERT(FormatOne(shape, micros) == text);
}

// Whatever is accepted prints again exactly.
RC_GTEST_PROP(ValueFormat, ParsedTextPrintsAgain, ()) {
  std::string text = *rc::gen::element<std::string>("2016-11-30", "2016-02-29 17:29:00.250001",
                                                    "1999-12-31 00:00:00+00", "-1203.50", "1000",
                                                    "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
  const auto edits = *rc::gen::inRange(0, 4);
  for (int i = 0; i < edits; ++i) {
    text[*rc::gen::inRange<size_t>(0, text.size())] =
        *rc::gen::elementOf(std::string("0123456789-.:+ f"));
  }
  const ValueShape shape = ShapeOf(text);
  int64_t value = 0;
  if (shape.type == ValueType::kUuid) {
    uint8_t bytes[kUuidBytes];
    char printed[kUuidTextBytes];
    RC_ASSERT(ParseUuid(text, bytes));
    FormatUuid(bytes, printed);
    RC_ASSERT(std::string(printed, kUuidTextBytes) == text);
  } else if (shape.type != ValueType::kText) {
    RC_ASSERT(ParseValue(shape, text, &value));
    RC_ASSERT(FormatOne(shape, value) == text);
  }
}

}  // namespace
}  // namespace trunkline
