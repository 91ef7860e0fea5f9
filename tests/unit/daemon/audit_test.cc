// What an audit makes of the digests of both sides.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>

#include "daemon/audit_archive.h"
#include "daemon/audit_comparison.h"
#include "daemon/auditor.h"

namespace trunkline {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

DigestedTable Digested(uint32_t oid, const std::string& name, uint64_t rows,
                       const std::string& digest) {
  return {.oid = oid,
          .schema = "public",
          .name = name,
          .columns = {"id"},
          .rows = rows,
          .digest = digest,
          .left_out = {}};
}

DigestedTable LeftOut(uint32_t oid, const std::string& name, const std::string& why) {
  DigestedTable table = Digested(oid, name, 0, "");
  table.left_out = why;
  return table;
}

TEST(AuditComparison, TablesAreTheSameByOidWhateverTheirNames) {
  const AuditReport report =
      CompareDigests(Lsn{7}, {Digested(1, "renamed", 3, "abc"), Digested(2, "b", 4, "def")},
                     {Digested(2, "b", 4, "def"), Digested(1, "before", 3, "abc")});
  EXPECT_EQ(report.lsn, Lsn{7});
  EXPECT_EQ(report.tables, 2u);
  EXPECT_EQ(report.rows, 7u);
  EXPECT_THAT(report.mismatches, IsEmpty());
  EXPECT_THAT(report.left_out, IsEmpty());
}

TEST(AuditComparison, AnotherNumberOfRowsOrOtherValuesAreAMismatch) {
  const AuditReport report =
      CompareDigests(Lsn{7}, {Digested(1, "a", 3, "abc"), Digested(2, "b", 4, "def")},
                     {Digested(1, "a", 1, "xyz"), Digested(2, "b", 4, "xyz")});
  EXPECT_THAT(
      report.mismatches,
      ElementsAre("the table public.a has 3 rows at the source, 1 row in the archive",
                  "the table public.b has 4 rows at the source and in the archive, which differ "
                  "in their values"));
}

TEST(AuditComparison, WhatCannotBeComparedIsSaidToBeLeftOut) {
  DigestedTable altered = Digested(4, "altered", 1, "x");
  altered.columns = {"id", "new"};
  const AuditReport report = CompareDigests(
      Lsn{7},
      {Digested(1, "doubtful", 3, "abc"), LeftOut(2, "locked", "cannot be read"),
       Digested(3, "new", 1, "x"), altered, Digested(5, "empty", 0, "0")},
      {LeftOut(1, "doubtful", "is in doubt in the archive"), Digested(2, "locked", 1, "x"),
       Digested(4, "altered", 1, "y"), Digested(6, "dropped", 2, "x")});
  EXPECT_EQ(report.tables, 0u);
  EXPECT_THAT(report.mismatches, IsEmpty());
  EXPECT_THAT(report.left_out, ElementsAre(HasSubstr("public.doubtful is in doubt"),
                                           HasSubstr("public.locked cannot be read"),
                                           HasSubstr("public.new is not in the archive yet"),
                                           HasSubstr("public.altered has other columns"),
                                           HasSubstr("public.dropped is not published any more")));
}

TEST(AuditArchive, ReadsWhatTrunklineDigestPrints) {
  const auto tables = ParseArchiveDigests(
      R"({"archive": "/a", "lsn": "0/7",
          "tables": [{"oid": 4000000000, "schema": "s", "name": "t", "columns": ["a", "b"],
                      "rows": 2, "digest": "00ff"}],
          "in_doubt": [{"oid": 2, "schema": "s", "name": "u", "columns": [], "why": "..."}],
          "warnings": []})");
  ASSERT_TRUE(tables) << tables.error().ToString();
  ASSERT_EQ(tables->size(), 2u);
  EXPECT_EQ(tables->at(0).oid, 4000000000u);
  EXPECT_THAT(tables->at(0).columns, ElementsAre("a", "b"));
  EXPECT_EQ(tables->at(0).rows, 2u);
  EXPECT_EQ(tables->at(0).digest, "00ff");
  EXPECT_EQ(tables->at(1).left_out, "is in doubt in the archive");
}

TEST(AuditArchive, AnythingElseIsAnError) {
  for (const char* text : {"", "{", "[]", "{}", R"({"tables": [{}], "in_doubt": []})"}) {
    const auto tables = ParseArchiveDigests(text);
    ASSERT_FALSE(tables) << text;
    EXPECT_EQ(tables.error().kind, ErrorKind::kCorrupt) << text;
  }
}

// A program in its place that notes what it was asked, and finds no tables.
TEST(AuditArchive, ARebuildHasAMemoryOfItsOwn) {
  const std::string folder = testing::TempDir() + "audit_memory_" + std::to_string(getpid());
  std::filesystem::create_directory(folder);
  const std::string program = folder + "/trunkline";
  std::ofstream(program) << "#!/bin/sh\necho \"$@\" > " << folder << "/asked\n"
                         << "echo '{\"tables\": [], \"in_doubt\": []}'\n";
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  const auto digests = DigestArchive(
      {.program = program, .archive = "/a", .scratch = folder, .memory_bytes = 123'456'789}, Lsn{7},
      {});
  ASSERT_TRUE(digests) << digests.error().ToString();
  std::string asked;
  std::getline(std::ifstream(folder + "/asked"), asked);
  EXPECT_THAT(asked, HasSubstr("digest /a --at lsn:0/7 --json --memory 123456789 --temp-dir " +
                               folder + "/trunkline-scratch-"));
  EXPECT_FALSE(std::filesystem::exists(asked.substr(asked.rfind(' ') + 1)));
  std::filesystem::remove_all(folder);
}

// Nothing answers there: an audit that is begun fails at once.
TEST(AuditorTest, WaitsForWhoeverReadsAllOfTheSource) {
  Metrics metrics;
  std::mutex turn;
  std::unique_lock held(turn);
  Auditor auditor({.conninfo = "host=/nonexistent",
                   .publication = "trunkline",
                   .slot = "trunkline",
                   .archive = {},
                   .every = std::chrono::milliseconds(10),
                   .metrics = &metrics,
                   .turn = &turn});
  auditor.NoteStream(Source{});
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_THAT(metrics.Read().errors, IsEmpty());
  held.unlock();
  for (int i = 0; i < 500 && metrics.Read().errors.empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_FALSE(metrics.Read().errors.empty());
}

}  // namespace
}  // namespace trunkline
