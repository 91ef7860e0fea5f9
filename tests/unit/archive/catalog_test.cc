#include "archive/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "archive/directory_store.h"
#include "tests/unit/archive/temporary_folder.h"

namespace trunkline {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::IsEmpty;

Catalog Of(const std::vector<std::string>& names) {
  std::vector<ObjectInfo> objects;
  for (const std::string& name : names) objects.push_back({name, 10});
  return CatalogOf(std::move(objects));
}

// A catalog with segments of these ranges.
Catalog Segments(const std::vector<std::pair<uint64_t, uint64_t>>& ranges) {
  std::vector<std::string> names;
  for (const auto& [begin, end] : ranges) names.push_back(SegmentObjectName({begin}, {end}));
  return Of(names);
}

// "16-32 32-48", or the error's kind and message.
std::string Between(const Catalog& catalog, uint64_t from, uint64_t to) {
  const auto segments = SegmentsBetween(catalog, {from}, {to});
  if (!segments) {
    return std::string(ToString(segments.error().kind)) + ": " + segments.error().message;
  }
  std::string text;
  for (const SegmentEntry& segment : *segments) {
    if (!text.empty()) text += ' ';
    text += std::to_string(segment.begin.value) + "-" + std::to_string(segment.end.value);
  }
  return text;
}

TEST(CatalogNamesTest, AreAsSpecified) {
  EXPECT_EQ(SegmentObjectName({0x16B374D848}, {0x16B374D900}),
            "changes/00000016B374D848-00000016B374D900.seg");
  EXPECT_EQ(GapObjectName({1}, {2}), "changes/0000000000000001-0000000000000002.gap.seg");
  EXPECT_EQ(SnapshotPartName({255}, "public", "Order.Lines %", 12),
            "snapshots/00000000000000FF/public.Order%2ELines%20%25.12.seg");
  EXPECT_EQ(TableManifestName({255}, "public", "Order.Lines %"),
            "snapshots/00000000000000FF/public.Order%2ELines%20%25.complete");
  EXPECT_EQ(SnapshotDefinitionName({255}), "snapshots/00000000000000FF/definition");
  EXPECT_EQ(SnapshotManifestName({255}), "snapshots/00000000000000FF/complete");
  EXPECT_EQ(SnapshotLsnOf("snapshots/00000000000000FF/public.t.0.seg"), Lsn{255});
  EXPECT_EQ(SnapshotLsnOf("changes/00000000000000FF-0000000000000100.seg"), std::nullopt);
}

TEST(CatalogNamesTest, StayShortEnoughForAFile) {
  std::string schema;
  std::string table;
  for (int i = 0; i < 31; ++i) {
    schema += "ж";
    table += "é";
  }
  std::set<std::string> names;
  for (const char* suffix : {"a", "b", ""}) {
    const std::string name = SnapshotPartName({1}, schema + suffix, table, UINT32_MAX);
    EXPECT_LE(name.size() - name.rfind('/') - 1, 240);
    EXPECT_THAT(Of({name, SnapshotManifestName({1})}).foreign, IsEmpty()) << name;
    names.insert(name);
  }
  EXPECT_EQ(names.size(), 3);
}

TEST(CatalogTest, SortsObjectsIntoWhatTheyAre) {
  const Catalog catalog =
      Of({"changes/0000000000000010-0000000000000020.seg",
          "changes/0000000000000020-0000000000000030.gap.seg", "identity",
          "snapshots/0000000000000018/complete", "snapshots/0000000000000018/public.a%20b.0.seg",
          "snapshots/0000000000000018/public.a%20b.1.seg",
          "snapshots/0000000000000030/public.a.0.seg"});
  EXPECT_THAT(catalog.foreign, IsEmpty());
  ASSERT_EQ(catalog.segments.size(), 2);
  EXPECT_EQ(catalog.segments[0].begin, Lsn{0x10});
  EXPECT_EQ(catalog.segments[0].end, Lsn{0x20});
  EXPECT_FALSE(catalog.segments[0].gap);
  EXPECT_TRUE(catalog.segments[1].gap);
  ASSERT_EQ(catalog.snapshots.size(), 2);
  EXPECT_TRUE(catalog.snapshots[0].complete);
  EXPECT_EQ(catalog.snapshots[0].parts.size(), 2);
  EXPECT_EQ(catalog.snapshots[0].size, 30);
  EXPECT_FALSE(catalog.snapshots[1].complete);
}

TEST(CatalogTest, KnowsWhichTablesOfASnapshotAreWhole) {
  const std::string folder = "snapshots/0000000000000018/";
  const Catalog catalog =
      Of({folder + "definition", folder + "public.a.complete", folder + "public.a.0.seg",
          folder + "public.a.1.seg", folder + "public.a.0.pages", folder + "public.ab.0.seg",
          folder + "public.b.0.seg", folder + "public.b.128.pages"});
  EXPECT_THAT(catalog.foreign, IsEmpty());
  ASSERT_EQ(catalog.snapshots.size(), 1);
  const SnapshotEntry& snapshot = catalog.snapshots[0];
  EXPECT_FALSE(snapshot.complete);
  EXPECT_TRUE(snapshot.has_definition);
  EXPECT_EQ(snapshot.size, 80);
  ASSERT_EQ(snapshot.tables.size(), 1);
  EXPECT_EQ(snapshot.tables[0].name, folder + "public.a.complete");
  const std::vector<ObjectInfo> loose = snapshot.LooseParts();
  ASSERT_EQ(loose.size(), 2);
  EXPECT_EQ(loose[0].name, folder + "public.ab.0.seg");
  EXPECT_EQ(loose[1].name, folder + "public.b.0.seg");
  EXPECT_EQ(snapshot.pages.size(), 2);
  const std::vector<ObjectInfo> needless = snapshot.NeedlessPages();
  ASSERT_EQ(needless.size(), 1);
  EXPECT_EQ(needless[0].name, folder + "public.a.0.pages");
}

TEST(CatalogTest, TakesNamesStrictly) {
  const std::vector<std::string> foreign = {
      "README",
      "changes",
      "changes/",
      "changes/0000000000000010-0000000000000020",
      "changes/0000000000000010-0000000000000020.seg.bak",
      "changes/0000000000000010-0000000000000010.seg",
      "changes/0000000000000020-0000000000000010.seg",
      "changes/000000000000001-00000000000000020.seg",
      "changes/000000000000001a-0000000000000020.seg",
      "changes/0000000000000010_0000000000000020.seg",
      "changes/x/0000000000000010-0000000000000020.seg",
      "changes/0000000000000010-0000000000000020.gap",
      "identity.bak",
      "snapshots/0000000000000018/complete.bak",
      "snapshots/0000000000000018/public.a.0.seg/x",
      "snapshots/0000000000000018/public.a.seg",
      "snapshots/0000000000000018/public.complete",
      "snapshots/0000000000000018/public.a.0.complete",
      "snapshots/0000000000000018/definition.bak",
      "snapshots/0000000000000018/public.a.pages",
      "snapshots/0000000000000018/public.a.00.pages",
      "snapshots/0000000000000018/public.a.00.seg",
      "snapshots/0000000000000018/public.a.-1.seg",
      "snapshots/0000000000000018/public.a.4294967296.seg",
      "snapshots/0000000000000018/public.a.b.0.seg",
      "snapshots/0000000000000018/public.a%2.0.seg",
      "snapshots/0000000000000018/public.a%2e.0.seg",
      "snapshots/0000000000000018/public.%41.0.seg",
      "snapshots/0000000000000018/public.a~00.0.seg",
      "snapshots/18/public.a.0.seg",
      "snapshots/complete",
  };
  const Catalog catalog = Of(foreign);
  EXPECT_THAT(catalog.foreign, ElementsAreArray(foreign));
  EXPECT_THAT(catalog.segments, IsEmpty());
  EXPECT_THAT(catalog.snapshots, IsEmpty());
}

TEST(CatalogTest, EndsWhereItsNewestPartEnds) {
  EXPECT_EQ(Of({"identity"}).end(), Lsn{});
  EXPECT_EQ(Segments({{16, 32}, {32, 48}}).end(), Lsn{48});
  EXPECT_EQ(Of({SnapshotPartName({64}, "s", "t", 0)}).end(), Lsn{});
  EXPECT_EQ(Of({SnapshotManifestName({64})}).end(), Lsn{64});
  EXPECT_EQ(Of({SegmentObjectName({16}, {32}), SnapshotManifestName({24})}).end(), Lsn{32});
}

TEST(CatalogTest, FindsTheNewestCompleteSnapshot) {
  const Catalog catalog = Of({SnapshotManifestName({16}), SnapshotManifestName({32}),
                              SnapshotPartName({48}, "s", "t", 0)});
  EXPECT_EQ(catalog.SnapshotAtOrBefore({15}), nullptr);
  EXPECT_EQ(catalog.SnapshotAtOrBefore({16})->lsn, Lsn{16});
  EXPECT_EQ(catalog.SnapshotAtOrBefore({31})->lsn, Lsn{16});
  EXPECT_EQ(catalog.SnapshotAtOrBefore({99})->lsn, Lsn{32});
}

TEST(SegmentsBetweenTest, TakesTheSegmentsOfTheRange) {
  const Catalog catalog = Segments({{48, 64}, {16, 32}, {32, 48}});
  EXPECT_EQ(Between(catalog, 16, 64), "16-32 32-48 48-64");
  EXPECT_EQ(Between(catalog, 31, 33), "16-32 32-48");
  EXPECT_EQ(Between(catalog, 32, 48), "32-48");
  EXPECT_EQ(Between(catalog, 33, 48), "32-48");
  EXPECT_EQ(Between(catalog, 32, 49), "32-48 48-64");
  EXPECT_EQ(Between(catalog, 32, 32), "");
  EXPECT_EQ(Between(catalog, 64, 64), "");
  EXPECT_EQ(Between(catalog, 40, 20), "");
}

TEST(SegmentsBetweenTest, NamesTheBoundsOfAHole) {
  const Catalog catalog = Segments({{16, 32}, {48, 64}});
  EXPECT_EQ(Between(catalog, 16, 64), "gap: the archive has no segment for 0/20 to 0/30");
  EXPECT_EQ(Between(catalog, 8, 32), "gap: the archive has no segment for 0/8 to 0/10");
  EXPECT_EQ(Between(catalog, 48, 80), "gap: the archive has no segment for 0/40 to 0/50");
  EXPECT_EQ(Between(catalog, 36, 40), "gap: the archive has no segment for 0/24 to 0/28");
  EXPECT_EQ(Between(Segments({}), 36, 40), "gap: the archive has no segment for 0/24 to 0/28");
  EXPECT_EQ(Between(catalog, 16, 32), "16-32");
  EXPECT_EQ(Between(catalog, 48, 64), "48-64");
}

TEST(SegmentsBetweenTest, NamesALossOfTheSource) {
  const Catalog catalog =
      Of({SegmentObjectName({16}, {32}), GapObjectName({32}, {48}), SegmentObjectName({48}, {64})});
  EXPECT_EQ(Between(catalog, 16, 64), "gap: the source lost its changes for 0/20 to 0/30");
  EXPECT_EQ(Between(catalog, 16, 32), "16-32");
  EXPECT_EQ(Between(catalog, 48, 64), "48-64");
  EXPECT_EQ(Between(catalog, 40, 40), "") << "a base snapshot there needs no segment";
}

TEST(SegmentsBetweenTest, RefusesOverlaps) {
  EXPECT_THAT(Between(Segments({{16, 32}, {24, 48}}), 16, 48), HasSubstr("corrupt"));
  EXPECT_THAT(Between(Segments({{16, 32}, {16, 48}}), 16, 48), HasSubstr("corrupt"));
  EXPECT_THAT(Between(Segments({{16, 32}, {16, 48}}), 16, 32), HasSubstr("corrupt"));
  EXPECT_THAT(Between(Segments({{16, 64}, {24, 32}}), 16, 64), HasSubstr("overlap"));
  EXPECT_EQ(Between(Segments({{16, 32}, {24, 48}, {48, 64}}), 48, 64), "48-64");
}

TEST(LoadCatalogTest, ReadsAListing) {
  TemporaryFolder folder;
  const auto store = NewDirectoryStore(folder / "a", "/a");
  EXPECT_EQ(LoadCatalog(*store).error().kind, ErrorKind::kNotFound);
  WriteFile(folder / "a/README", "");
  EXPECT_EQ(LoadCatalog(*store).error().kind, ErrorKind::kNotFound);

  Identity identity;
  identity.database = "shop";
  ASSERT_TRUE(PutObject(store.get(), "identity", identity.Serialize()));
  ASSERT_TRUE(PutObject(store.get(), SegmentObjectName({16}, {32}), "12345"));
  const auto catalog = LoadCatalog(*store);
  ASSERT_TRUE(catalog);
  EXPECT_EQ(catalog->identity, identity);
  EXPECT_THAT(catalog->foreign, ElementsAre("README"));
  ASSERT_EQ(catalog->segments.size(), 1);
  EXPECT_EQ(catalog->segments[0].size, 5);
}

TEST(LoadCatalogTest, SaysThatTheIdentityIsLost) {
  TemporaryFolder folder;
  const auto store = NewDirectoryStore(folder / "a", "/a");
  ASSERT_TRUE(PutObject(store.get(), SegmentObjectName({16}, {32}), ""));
  EXPECT_EQ(LoadCatalog(*store).error().kind, ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace trunkline
