#include "replay/cell_row.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "replay/row_store.h"

namespace trunkline {
namespace {

Value TextValue(std::string_view text) { return {.state = ValueState::kText, .bytes = text}; }

std::string PackedText(std::string_view text) {
  std::string packed;
  AppendPacked(std::vector<Value>{TextValue(text)}, &packed);
  return packed;
}

std::string TextOf(const std::string& packed) {
  RowReader reader(1);
  return std::string(reader.Read(packed.data())[0].bytes);
}

// Texts that numbers may stand for, near misses of such, and others.
rc::Gen<std::string> AnyText() {
  const auto number = rc::gen::map(rc::gen::arbitrary<int64_t>(),
                                   [](int64_t value) { return std::to_string(value); });
  const auto near_number =
      rc::gen::container<std::string>(rc::gen::elementOf(std::string("0123456789-.: +")));
  const auto time =
      rc::gen::map(rc::gen::inRange<int64_t>(-50'000'000'000'000'000, 250'000'000'000'000'000),
                   [](int64_t micros) {
                     char text[kMaxFormattedBytes];
                     ValueFormatter formatter;
                     char* end = formatter.Format({ValueType::kTimestampTz, 0}, micros, text);
                     return std::string(text, end);
                   });
  const auto decimal = rc::gen::apply(
      [](int64_t value, uint8_t decimals) {
        char text[kMaxFormattedBytes];
        ValueFormatter formatter;
        char* end = formatter.Format({ValueType::kDecimal, decimals}, value, text);
        return std::string(text, end);
      },
      rc::gen::arbitrary<int64_t>(), rc::gen::inRange<uint8_t>(0, kMaxDecimals + 1));
  const auto any = rc::gen::arbitrary<std::string>();
  const auto dated = rc::gen::map(time, [](const std::string& text) { return text.substr(0, 10); });
  return rc::gen::oneOf(number, near_number, time, decimal, any, dated);
}

RC_GTEST_PROP(CellRowProperty, KeepsEveryText, ()) {
  const std::string text = *AnyText();
  RC_ASSERT(TextOf(PackedText(text)) == text);
}

// A block may have a text that another block has as a number.
RC_GTEST_PROP(CellRowProperty, EqualTextsAreEqualBytes, ()) {
  const auto value = *rc::gen::arbitrary<int64_t>();
  const ValueShape shape = {ValueType::kDecimal, *rc::gen::inRange<uint8_t>(0, kMaxDecimals + 1)};
  const Cell cell = Cell::Number(shape, value);
  std::string packed(PackedBound(cell), '\0');
  packed.resize(static_cast<size_t>(PackCell(cell, packed.data()) - packed.data()));
  RC_ASSERT(packed == PackedText(TextOf(packed)));
}

RC_GTEST_PROP(CellRowProperty, RowsAreReadAsTheyWere, ()) {
  const auto texts = *rc::gen::container<std::vector<std::string>>(AnyText());
  const auto nulls =
      *rc::gen::container<std::vector<bool>>(texts.size(), rc::gen::arbitrary<bool>());
  std::vector<Value> row;
  for (size_t i = 0; i < texts.size(); ++i) row.push_back(nulls[i] ? Value{} : TextValue(texts[i]));
  std::string packed = "before";
  AppendPacked(row, &packed);
  packed.erase(0, 6);
  RC_ASSERT(WholeRow(packed.data(), row.size()) == packed);
  RowReader reader(row.size());
  const Tuple read = reader.Read(packed.data());
  RC_ASSERT(std::equal(read.begin(), read.end(), row.begin(), row.end()));
}

TEST(CellRow, NumbersTakeAsFewBytesAsTheyNeed) {
  EXPECT_EQ(PackedText("0").size(), 1U);
  EXPECT_EQ(PackedText("127").size(), 2U);
  EXPECT_EQ(PackedText("-128").size(), 2U);
  EXPECT_EQ(PackedText("128").size(), 3U);
  EXPECT_EQ(PackedText("-9223372036854775808").size(), 9U);
  EXPECT_EQ(PackedText("12.50").size(), 4U);
  EXPECT_EQ(PackedText("2016-11-30 17:29:00.25+00").size(), 8U);
}

TEST(CellRow, HasRoomForTextOfAnyLength) {
  for (const size_t size : {0, 1, 214, 215, 216, 1000, 100'000}) {
    const std::string text(size, 'x');
    EXPECT_EQ(TextOf(PackedText(text)), text) << size;
  }
}

TEST(CellRow, WhatIsNotWholeIsToldApart) {
  std::string packed;
  AppendPacked(std::vector<Value>{{ValueState::kUnchangedToast, {}},
                                  {ValueState::kBinary, "\x01\x02"},
                                  {ValueState::kNull, {}}},
               &packed);
  const char* at = packed.data();
  EXPECT_EQ(UnpackCell(&at).kind, Cell::Kind::kUnchangedToast);
  const Cell binary = UnpackCell(&at);
  EXPECT_EQ(binary.kind, Cell::Kind::kBinary);
  EXPECT_EQ(binary.text(), "\x01\x02");
  EXPECT_TRUE(UnpackCell(&at).is_null());
  EXPECT_EQ(at, packed.data() + packed.size());
}

TEST(RowIdentity, LooksAtItsColumnsAlone) {
  Relation relation;
  relation.identity = ReplicaIdentity::kDefault;
  for (const bool key : {false, true, true}) {
    relation.columns.push_back({"c", 20, -1, key, "", ""});
  }
  const RowIdentity identity(relation);
  const auto pack = [](std::string_view a, std::string_view b, std::string_view c) {
    std::string packed;
    AppendPacked(std::vector<Value>{TextValue(a), TextValue(b), TextValue(c)}, &packed);
    return packed;
  };
  const std::string row = pack("some text", "1", "x");
  const std::string same = pack("7", "1", "x");
  const std::string other = pack("7", "1", "y");
  EXPECT_TRUE(identity.AreAlike(row.data(), same.data()));
  EXPECT_EQ(identity.Hash(row.data()), identity.Hash(same.data()));
  EXPECT_FALSE(identity.AreAlike(row.data(), other.data()));
  EXPECT_NE(identity.Hash(row.data()), identity.Hash(other.data()));
}

}  // namespace
}  // namespace trunkline
