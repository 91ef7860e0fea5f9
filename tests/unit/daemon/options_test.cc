#include "daemon/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <initializer_list>
#include <string>
#include <vector>

namespace trunkline {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using ::testing::ElementsAre;

CommandLine Parse(std::initializer_list<const char*> arguments) {
  std::vector<const char*> argv = {"trunklined"};
  argv.insert(argv.end(), arguments);
  ::testing::internal::CaptureStderr();
  ::testing::internal::CaptureStdout();
  CommandLine parsed = ParseCommandLine(static_cast<int>(argv.size()), argv.data());
  (void)::testing::internal::GetCapturedStdout();
  (void)::testing::internal::GetCapturedStderr();
  return parsed;
}

Options MustParse(std::initializer_list<const char*> arguments) {
  const CommandLine parsed = Parse(arguments);
  EXPECT_TRUE(std::holds_alternative<Options>(parsed));
  return std::holds_alternative<Options>(parsed) ? std::get<Options>(parsed) : Options();
}

int ExitCodeOf(std::initializer_list<const char*> arguments) {
  const CommandLine parsed = Parse(arguments);
  return std::holds_alternative<int>(parsed) ? std::get<int>(parsed) : -1;
}

TEST(Options, DefaultsAreThoseOfTheStruct) {
  const Options options = MustParse({"--source", "dbname=x", "--archive", "/a"});
  EXPECT_EQ(options.source, "dbname=x");
  EXPECT_EQ(options.archive, "/a");
  EXPECT_EQ(options.publication, "trunkline");
  EXPECT_EQ(options.slot, "trunkline");
  EXPECT_EQ(options.segment_max_bytes, 64u << 20);
  EXPECT_EQ(options.segment_max_age, milliseconds(10'000));
  EXPECT_EQ(options.audit_memory_bytes, 256u << 20);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(options.end_position));
}

TEST(Options, EveryOptionIsTaken) {
  const Options options = MustParse({"--source",
                                     "dbname=x",
                                     "--archive",
                                     "/a",
                                     "--publication",
                                     "p",
                                     "--slot",
                                     "s",
                                     "--tables",
                                     "orders,public.customers",
                                     "--create-publication",
                                     "--segment-max-bytes",
                                     "1MiB",
                                     "--segment-max-age",
                                     "2min",
                                     "--endpos",
                                     "16/B374D848",
                                     "--spool",
                                     "/tmp",
                                     "--on-gap",
                                     "stop",
                                     "--audit-memory",
                                     "1GiB",
                                     "--confirm",
                                     "archived",
                                     "--check",
                                     "--log-level",
                                     "debug"});
  EXPECT_EQ(options.on_gap, OnGap::kStop);
  EXPECT_EQ(options.publication, "p");
  EXPECT_EQ(options.slot, "s");
  EXPECT_THAT(options.tables,
              ElementsAre(TableName{"", "orders"}, TableName{"public", "customers"}));
  EXPECT_TRUE(options.create_publication);
  EXPECT_EQ(options.segment_max_bytes, 1u << 20);
  EXPECT_EQ(options.segment_max_age, minutes(2));
  EXPECT_EQ(std::get<Lsn>(options.end_position), (Lsn{0x16B374D848}));
  EXPECT_EQ(options.audit_memory_bytes, 1u << 30);
  EXPECT_TRUE(options.check);
  EXPECT_EQ(options.log_level, "debug");
}

TEST(Options, TheSourceMayComeFromTheEnvironment) {
  ::setenv("TRUNKLINE_SOURCE", "dbname=secret", 1);
  EXPECT_EQ(MustParse({"--archive", "/a"}).source, "dbname=secret");
  ::unsetenv("TRUNKLINE_SOURCE");
}

TEST(Options, AConfigurationFileIsToml) {
  const std::string path = ::testing::TempDir() + "/trunklined_options_test.toml";
  std::ofstream(path) << "source = \"dbname=x\"\narchive = \"/a\"\nsegment-max-age = \"500ms\"\n"
                         "tables = \"public.a,b\"\ncreate-publication = true\n"
                         "http = \"0.0.0.0:9187\"\n";
  const Options options = MustParse({"--config", path.c_str(), "--slot", "s"});
  EXPECT_EQ(options.source, "dbname=x");
  EXPECT_EQ(options.segment_max_age, milliseconds(500));
  EXPECT_THAT(options.tables, ElementsAre(TableName{"public", "a"}, TableName{"", "b"}));
  EXPECT_TRUE(options.create_publication);
  EXPECT_EQ(options.slot, "s");
  EXPECT_EQ(options.http, (HttpAddress{"0.0.0.0", 9187}));
}

TEST(Options, ConfirmingTheSpoolNeedsOneThatLasts) {
  const Options options = MustParse({"--source", "x", "--archive", "/a", "--confirm", "spooled",
                                     "--spool", "/var/tmp", "--spool-max-bytes", "1GiB"});
  EXPECT_EQ(options.confirm, Confirm::kSpooled);
  EXPECT_EQ(options.spool_max_bytes, 1u << 30);
  EXPECT_EQ(MustParse({"--source", "x", "--archive", "/a"}).confirm, Confirm::kArchived);
  EXPECT_EQ(
      ExitCodeOf({"--source", "x", "--archive", "/a", "--confirm", "spooled", "--spool", "/tmp"}),
      2);
  EXPECT_EQ(ExitCodeOf({"--source", "x", "--archive", "/a", "--confirm", "both"}), 2);
}

TEST(Options, UsageErrorsExitWith2) {
  EXPECT_EQ(ExitCodeOf({"--source", "x"}), 2);
  EXPECT_EQ(ExitCodeOf({"--archive", "/a"}), 2);
  EXPECT_EQ(ExitCodeOf({"--source", "x", "--archive", "/a", "--nonsense"}), 2);
  EXPECT_EQ(ExitCodeOf({"--source", "x", "--archive", "/a", "--segment-max-age", "10 parsecs"}), 2);
  EXPECT_EQ(ExitCodeOf({"--source", "x", "--archive", "/a", "--endpos", "later"}), 2);
  EXPECT_EQ(ExitCodeOf({"--source", "x", "--archive", "/a", "--confirm", "spooled"}), 2);
  EXPECT_EQ(ExitCodeOf({"--source", "x", "--archive", "/a", "--http", "everywhere"}), 2);
  EXPECT_EQ(ExitCodeOf({"--source", "x", "--archive", "/a", "--audit-memory", "1MiB"}), 2);
  EXPECT_EQ(ExitCodeOf({"--version"}), 0);
  EXPECT_EQ(ExitCodeOf({"--help"}), 0);
}

TEST(OptionValues, Durations) {
  EXPECT_EQ(*ParseDuration("250ms"), milliseconds(250));
  EXPECT_EQ(*ParseDuration("10s"), milliseconds(10'000));
  EXPECT_EQ(*ParseDuration("10"), milliseconds(10'000));
  EXPECT_EQ(*ParseDuration("1 h"), minutes(60));
  for (const char* text : {"", "s", "-1s", "1.5s", "10 S", "99999999999999999999s"}) {
    EXPECT_FALSE(ParseDuration(text)) << text;
  }
}

TEST(OptionValues, ByteCounts) {
  EXPECT_EQ(*ParseByteCount("64MiB"), 64u << 20);
  EXPECT_EQ(*ParseByteCount("1kB"), 1000u);
  EXPECT_EQ(*ParseByteCount("12"), 12u);
  for (const char* text : {"", "MiB", "1XB", "18446744073709551615GiB"}) {
    EXPECT_FALSE(ParseByteCount(text)) << text;
  }
}

TEST(OptionValues, SnapshotEvery) {
  EXPECT_EQ(ParseSnapshotEvery("24h")->age, minutes(24 * 60));
  EXPECT_EQ(ParseSnapshotEvery("7d")->age, minutes(7 * 24 * 60));
  EXPECT_EQ(ParseSnapshotEvery("10GiB")->bytes, uint64_t{10} << 30);
  for (const char* text : {"", "24", "0h", "0GiB", "h", "10XiB"}) {
    EXPECT_FALSE(ParseSnapshotEvery(text)) << text;
  }
}

TEST(OptionValues, TableNames) {
  EXPECT_THAT(*ParseTableNames("Orders"), ElementsAre(TableName{"", "Orders"}));
  EXPECT_THAT(
      *ParseTableNames(R"("Odd schema"."a.b","say ""x""",c)"),
      ElementsAre(TableName{"Odd schema", "a.b"}, TableName{"", "say \"x\""}, TableName{"", "c"}));
  for (const char* text : {"", "a,", ".a", "a.", "a.b.c", "\"a", "\"a\"b", "a,,b"}) {
    EXPECT_FALSE(ParseTableNames(text)) << text;
  }
}

TEST(OptionValues, HttpAddresses) {
  EXPECT_EQ(*ParseHttpAddress("9187"), (HttpAddress{"127.0.0.1", 9187}));
  EXPECT_EQ(*ParseHttpAddress(":9187"), (HttpAddress{"127.0.0.1", 9187}));
  EXPECT_EQ(*ParseHttpAddress("localhost:1"), (HttpAddress{"127.0.0.1", 1}));
  EXPECT_EQ(*ParseHttpAddress("0.0.0.0:9187"), (HttpAddress{"0.0.0.0", 9187}));
  EXPECT_EQ(*ParseHttpAddress("[::1]:9187"), (HttpAddress{"::1", 9187}));
  for (const char* text : {"", ":", "x", "9187x", "65536", "-1", "0.0.0.0", "1.2.3:80", "::1:80",
                           "[::1]", "[1.2.3.4]:80", "host:80", "1.2.3.4:", "[]:1", "http://:1"}) {
    EXPECT_FALSE(ParseHttpAddress(text)) << text;
  }
}

}  // namespace
}  // namespace trunkline
