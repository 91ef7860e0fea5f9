#include "cli/man_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/completion.h"

namespace trunkline {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

CommandDescription OddProgram() {
  OptionDescription path{.names = {"-p", "--path"},
                         .takes = Takes::kAValue,
                         .value = "FILE",
                         .description = ".hidden, a\\b, it's \"~\"",
                         .forms = ParseForms("FILE")};
  OptionDescription level{
      .names = {"--level"}, .takes = Takes::kAValue, .value = "1..9", .description = "A level"};
  CommandDescription sub{.name = "sub",
                         .description = "Do it",
                         .footer = "One sentence,\nbroken.\nAnother.",
                         .options = {path},
                         .one_of = {{path, level}}};
  return {.name = "odd", .description = "Is odd.", .commands = {sub}};
}

std::string PageOf(const std::string& name) {
  for (const ManPage& page : ManPages(OddProgram(), {"1", "2.3", {}})) {
    if (page.name == name) return page.text;
  }
  return "no page " + name;
}

TEST(ManPageTest, EachCommandHasAPage) {
  EXPECT_THAT(PageOf("odd.1"),
              AllOf(HasSubstr(".TH \"ODD\" \"1\" \"\" \"odd 2.3\""), HasSubstr("odd \\- Is odd\n"),
                    HasSubstr("\\fBodd\\-sub\\fR(1)")));
  EXPECT_THAT(PageOf("odd-sub.1"), HasSubstr(".SH SEE ALSO\n\\fBodd\\fR(1)\n"));
}

TEST(ManPageTest, NothingInATextIsARequestOrAnEscape) {
  EXPECT_THAT(PageOf("odd-sub.1"), HasSubstr("\n\\&.hidden, a\\eb, it\\(aqs \"\\(ti\".\n"));
}

TEST(ManPageTest, ALineEndsWhereASentenceDoes) {
  EXPECT_THAT(PageOf("odd-sub.1"),
              HasSubstr(".SH NOTES\nOne sentence,\nbroken.\n.br\nAnother.\n.SH"));
}

TEST(ManPageTest, TheSynopsisHasWhatIsRequired) {
  EXPECT_THAT(PageOf("odd-sub.1"),
              HasSubstr("{\\fB\\-\\-path\\fR \\fIFILE\\fR | \\fB\\-\\-level\\fR 1..9}"));
}

TEST(CompletionTest, TextsAreQuotedAsTheShellDoes) {
  EXPECT_THAT(ZshCompletion(OddProgram()), HasSubstr("'--path:.hidden, a\\b, it'\\''s \"~\"'"));
  EXPECT_THAT(FishCompletion(OddProgram()), HasSubstr("-d '.hidden, a\\\\b, it\\'s \"~\"'"));
  EXPECT_THAT(BashCompletion(OddProgram()),
              AllOf(HasSubstr("'sub/-p' | 'sub/--path') takes=1 forms=('@file')"),
                    Not(HasSubstr("PROGRAM"))));
}

TEST(ValueFormTest, LiteralsEndWhereSomethingElseStands) {
  using enum Follows;
  EXPECT_EQ(ParseForms("latest|lsn:LSN|csv:DIR|FILE|pfs://...|[NAME]"),
            (std::vector<ValueForm>{{"latest", kNothing},
                                    {"lsn:", kOther},
                                    {"csv:", kDirectory},
                                    {"", kFile},
                                    {"pfs://", kOther},
                                    {"", kOther}}));
  EXPECT_TRUE(ParseForms("").empty());
}

}  // namespace
}  // namespace trunkline
