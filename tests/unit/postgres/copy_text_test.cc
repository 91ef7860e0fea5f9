#include <gtest/gtest.h>

#include <string>

#include "postgres/connection.h"

namespace trunkline::postgres {
namespace {

std::string Unescape(std::string_view field) {
  std::string scratch = "left over";
  const Result<std::string_view> value = UnescapeCopyText(field, &scratch);
  return value ? std::string(*value) : "error: " + value.error().message;
}

std::string Escape(std::string_view value) {
  std::string line;
  AppendCopyText(value, &line);
  return line;
}

TEST(CopyText, PlainFieldIsNotCopied) {
  const std::string field = "plain";
  std::string scratch;
  EXPECT_EQ(UnescapeCopyText(field, &scratch)->data(), field.data());
  EXPECT_EQ(Unescape(""), "");
}

TEST(CopyText, EveryEscapeOfTheManual) {
  EXPECT_EQ(Unescape(R"(\b\f\n\r\t\v\\)"), "\b\f\n\r\t\v\\");
  EXPECT_EQ(Unescape(R"(a\101b)"), "aAb");
  EXPECT_EQ(Unescape(R"(\1012)"), "A2");
  EXPECT_EQ(Unescape(R"(\x41\x4a4\xG)"), "AJ4xG");
  EXPECT_EQ(Unescape(R"(\.\q)"), ".q");
}

TEST(CopyText, AnEscapeCutOffIsAnError) {
  EXPECT_EQ(Unescape("abc\\"), "error: a COPY field ends in the middle of an escape");
}

TEST(CopyText, EscapesWhatEndsAFieldOrALine) {
  EXPECT_EQ(Escape("a\tb\nc\\N\r"), R"(a\tb\nc\\N\r)");
  EXPECT_EQ(Escape("\\N"), R"(\\N)");
  EXPECT_EQ(Escape("grüße 'x' \"y\""), "grüße 'x' \"y\"");
}

TEST(CopyText, EveryByteComesBack) {
  std::string bytes;
  for (int i = 1; i < 256; ++i) bytes += static_cast<char>(i);
  const std::string line = Escape(bytes);
  EXPECT_EQ(line.find('\t'), std::string::npos);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_EQ(Unescape(line), bytes);
}

}  // namespace
}  // namespace trunkline::postgres
