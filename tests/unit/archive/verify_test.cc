#include "archive/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "tests/unit/archive/sample_archive.h"

namespace trunkline {

void PrintTo(const Finding& finding, std::ostream* out) {
  *out << finding.object << ": " << finding.problem;
}

namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const std::string kOne = SegmentObjectName({0x1000}, {0x2000});
const std::string kTwo = SegmentObjectName({0x2000}, {0x3000});
const std::string kThree = SegmentObjectName({0x3000}, {0x4000});
const std::string kFour = SegmentObjectName({0x4000}, {0x5000});
const std::string kManifest = SnapshotManifestName({0x1800});
const std::string kPart = SnapshotPartName({0x1800}, "public", "orders", 1);

auto Found(const std::string& object, const std::string& problem) {
  return AllOf(Field(&Finding::object, object), Field(&Finding::problem, HasSubstr(problem)));
}

class VerifyTest : public testing::Test {
 protected:
  VerifyTest() { archive_.Fill(); }

  VerifyReport Report() { return Must(Verify(*archive_.store(), nullptr)); }
  std::vector<Finding> Findings() { return Report().findings; }

  std::string Read(const std::string& object) { return ReadFile(archive_.PathOf(object)); }
  void Write(const std::string& object, const std::string& bytes) {
    WriteFile(archive_.PathOf(object), bytes);
  }
  void RemoveObject(const std::string& object) { fs::remove(archive_.PathOf(object)); }
  void Rename(const std::string& from, const std::string& to) {
    fs::rename(archive_.PathOf(from), archive_.PathOf(to));
  }
  void FlipByte(const std::string& object, size_t offset) {
    std::string bytes = Read(object);
    bytes[offset] = static_cast<char>(bytes[offset] ^ 0x20);
    Write(object, bytes);
  }
  // Puts a segment that is sound in itself in the place of `object`.
  void Forge(const std::string& object, SegmentWriter writer, SegmentHeader header) {
    const auto segment = Must(writer.Finish(std::move(header)));
    Write(object, Must(ReadAll(*segment, 1 << 20)));
  }
  SegmentHeader HeaderOf(const std::string& object) {
    return Must(OpenSegment(*archive_.store(), object))->header();
  }

  SampleArchive archive_;
};

TEST_F(VerifyTest, FindsNothingInASoundArchive) {
  const VerifyReport report = Report();
  EXPECT_THAT(report.findings, IsEmpty());
  EXPECT_THAT(report.gaps, IsEmpty());
  EXPECT_THAT(report.notes, IsEmpty());
  EXPECT_EQ(report.segments, 4);
  EXPECT_EQ(report.transactions, 6);
  EXPECT_EQ(report.changes, 9);
  EXPECT_EQ(report.snapshots, 1);
  EXPECT_EQ(report.snapshot_rows, 8);
  EXPECT_EQ(report.begin, Lsn{0x1000});
  EXPECT_EQ(report.end, Lsn{0x5000});
  EXPECT_EQ(report.last_digest, Must(OpenSegment(*archive_.store(), kFour))->digest());
}

TEST_F(VerifyTest, TellsItsProgress) {
  uint64_t last = 0;
  uint64_t all = 0;
  const VerifyReport report = Must(Verify(*archive_.store(), [&](uint64_t done, uint64_t total) {
    EXPECT_GE(done, last);
    EXPECT_LE(done, total);
    last = done;
    all = total;
  }));
  EXPECT_EQ(last, all);
  EXPECT_EQ(report.bytes, all);
}

TEST_F(VerifyTest, AcceptsAnArchiveWithoutSegments) {
  SampleArchive fresh;
  EXPECT_EQ(Verify(*fresh.store(), nullptr).error().kind, ErrorKind::kNotFound);
  fresh.Open();
  EXPECT_THAT(Must(Verify(*fresh.store(), nullptr)).findings, IsEmpty());
}

TEST_F(VerifyTest, FindsEveryByteFlippedInASegment) {
  const std::string sound = Read(kFour);
  for (size_t i = 0; i < sound.size(); ++i) {
    FlipByte(kFour, i);
    ASSERT_THAT(Findings(), ElementsAre(Field(&Finding::object, kFour))) << i;
    Write(kFour, sound);
  }
}

TEST_F(VerifyTest, FindsEveryByteFlippedInASnapshot) {
  for (const std::string& object : {kPart, kManifest}) {
    const std::string sound = Read(object);
    for (size_t i = 0; i < sound.size(); ++i) {
      FlipByte(object, i);
      ASSERT_THAT(Findings(), ElementsAre(Field(&Finding::object, object))) << i;
      Write(object, sound);
    }
  }
}

TEST_F(VerifyTest, FindsEveryCut) {
  for (const std::string& object : {kThree, kPart, kManifest}) {
    const std::string sound = Read(object);
    for (size_t length = 0; length < sound.size(); ++length) {
      Write(object, sound.substr(0, length));
      ASSERT_THAT(Findings(), ElementsAre(Field(&Finding::object, object))) << length;
    }
    Write(object, sound);
  }
}

TEST_F(VerifyTest, FindsBytesAdded) {
  Write(kTwo, Read(kTwo) + "x");
  EXPECT_THAT(Findings(), ElementsAre(Field(&Finding::object, kTwo)));
}

TEST_F(VerifyTest, FindsASegmentRemoved) {
  RemoveObject(kTwo);
  EXPECT_THAT(Findings(), ElementsAre(Found("0/2000 to 0/3000", "no segment")));
}

TEST_F(VerifyTest, FindsTheFirstSegmentsRemoved) {
  RemoveObject(kOne);
  EXPECT_THAT(Findings(), ElementsAre(Found("up to 0/2000", "missing")));
}

TEST_F(VerifyTest, TheLastDigestShowsALossAtTheEnd) {
  const std::string digest = Report().last_digest;
  RemoveObject(kFour);
  EXPECT_THAT(Findings(), IsEmpty());
  EXPECT_NE(Report().last_digest, digest);
}

TEST_F(VerifyTest, FindsSegmentsSwapped) {
  Rename(kOne, "swap");
  Rename(kThree, kOne);
  Rename("swap", kThree);
  EXPECT_THAT(Findings(),
              ElementsAre(Found(kOne, "0/3000 to 0/4000"), Found(kThree, "0/1000 to 0/2000")));
}

TEST_F(VerifyTest, FindsASegmentRenamed) {
  Rename(kFour, SegmentObjectName({0x4000}, {0x6000}));
  EXPECT_THAT(Findings(), ElementsAre(Found(SegmentObjectName({0x4000}, {0x6000}), "header")));
  Rename(SegmentObjectName({0x4000}, {0x6000}), GapObjectName({0x4000}, {0x5000}));
  EXPECT_THAT(Findings(), ElementsAre(Found(GapObjectName({0x4000}, {0x5000}), "kind")));
}

TEST_F(VerifyTest, FindsASegmentRewritten) {
  Forge(kTwo, Transactions({0x2100}), HeaderOf(kTwo));
  EXPECT_THAT(Findings(), ElementsAre(Found(kThree, "breaks the chain")));
}

TEST_F(VerifyTest, FindsAChainBroken) {
  SegmentHeader header = HeaderOf(kFour);
  header.previous_digest = std::string(kDigestBytes, 'x');
  Forge(kFour, Transactions({0x4100}), header);
  EXPECT_THAT(Findings(), ElementsAre(Found(kFour, "breaks the chain")));
}

TEST_F(VerifyTest, FindsAnOverlap) {
  const std::string extra = SegmentObjectName({0x2800}, {0x3000});
  SegmentHeader header = HeaderOf(kTwo);
  header.begin = {0x2800};
  Forge(extra, Transactions({}), header);
  EXPECT_THAT(Findings(), ElementsAre(Found(extra, "overlaps")));
}

TEST_F(VerifyTest, FindsASegmentOfAnotherArchive) {
  SegmentHeader header = HeaderOf(kFour);
  header.identity_digest = std::string(kDigestBytes, 'x');
  Forge(kFour, Transactions({0x4100}), header);
  EXPECT_THAT(Findings(), ElementsAre(Found(kFour, "another archive")));
}

TEST_F(VerifyTest, FindsTheIdentityRemovedOrChanged) {
  const std::string sound = Read("identity");
  RemoveObject("identity");
  EXPECT_THAT(Findings(), ElementsAre(Found("identity", "missing")));

  std::string other = sound;
  other.replace(other.find("shop"), 4, "shed");
  Write("identity", other);
  EXPECT_THAT(Findings(), ElementsAre(Found("identity", "written under")));

  Write("identity", sound + "\n");
  EXPECT_THAT(Findings(), ElementsAre(Found("identity", "not as it was written")));
  for (size_t i = 0; i < sound.size(); ++i) {
    Write("identity", sound);
    FlipByte("identity", i);
    ASSERT_THAT(Findings(), ElementsAre(Field(&Finding::object, "identity"))) << i;
  }
}

TEST_F(VerifyTest, FindsASnapshotPartRemoved) {
  RemoveObject(kPart);
  EXPECT_THAT(Findings(), ElementsAre(Found(kPart, "missing")));
}

TEST_F(VerifyTest, FindsASnapshotPartExchanged) {
  Forge(kPart, Rows({0x1800}, Table("orders"), 2), HeaderOf(kPart));
  EXPECT_THAT(Findings(), ElementsAre(Found(kPart, "not the part")));
}

TEST_F(VerifyTest, FindsSnapshotPartsSwapped) {
  const std::string other = SnapshotPartName({0x1800}, "public", "orders", 0);
  Rename(kPart, "swap");
  Rename(other, kPart);
  Rename("swap", other);
  EXPECT_THAT(Findings(),
              UnorderedElementsAre(Found(kPart, "not the part"), Found(other, "not the part")));
}

TEST_F(VerifyTest, ASnapshotWithoutManifestIsNoDamage) {
  RemoveObject(kManifest);
  const VerifyReport report = Report();
  EXPECT_THAT(report.findings, IsEmpty());
  EXPECT_THAT(report.notes, ElementsAre(Found("snapshots/0000000000001800", "never completed")));
  EXPECT_EQ(report.snapshots, 0);
}

TEST_F(VerifyTest, NotesWhatIsNotTheArchives) {
  Write("README", "mine");
  const std::string extra = SnapshotPartName({0x1800}, "public", "other", 0);
  Write(extra, "x");
  const VerifyReport report = Report();
  EXPECT_THAT(report.findings, IsEmpty());
  EXPECT_THAT(report.notes, UnorderedElementsAre(Found("README", "no part of an archive"),
                                                 Found(extra, "no part of the completed")));
}

TEST_F(VerifyTest, ReportsGapsApart) {
  Must(archive_.Open()->AppendGap({0x9000}, "the slot was lost", 1, 150018));
  const VerifyReport report = Report();
  EXPECT_THAT(report.findings, IsEmpty());
  EXPECT_THAT(report.gaps, ElementsAre(Found("0/5000 to 0/9000", "the slot was lost")));
  EXPECT_EQ(report.end, Lsn{0x9000});
}

TEST_F(VerifyTest, GoesOnAfterAFinding) {
  FlipByte(kOne, Read(kOne).size() / 2);
  RemoveObject(kTwo);
  Write(kFour, Read(kFour).substr(0, 50));
  RemoveObject(kPart);
  EXPECT_THAT(Findings(),
              ElementsAre(Field(&Finding::object, kOne), Found("0/2000 to 0/3000", "no segment"),
                          Field(&Finding::object, kFour), Found(kPart, "missing")));
}

class VerifyTableSnapshotsTest : public VerifyTest {
 protected:
  VerifyTableSnapshotsTest() {
    const auto appender = archive_.Open();
    Must(appender->PutSnapshotDefinition({0x4800}, "{}", "state", 1, 150018));
    parts_ = SampleArchive::PutParts(appender.get(), {0x4800});
    const std::vector<SnapshotPart> orders(parts_.begin(), parts_.begin() + 2);
    Must(appender->CompleteTable({0x4800}, orders, {}, 1, 150018));
    Must(appender->CompleteTable({0x4800}, {parts_[2]}, {}, 1, 150018));
  }
  // A base snapshot at 0x5000 with orders as of 0x4800.
  void CompleteBase() {
    const auto appender = archive_.Open();
    std::vector<SnapshotPart> parts(parts_.begin(), parts_.begin() + 2);
    const Relation empty = Table("empty", 16385);
    parts.push_back(Must(appender->PutSnapshotPart(Rows({0x5000}, empty, 0), {0x5000}, empty, 0)));
    Must(appender->CompleteSnapshot({0x5000}, parts, "{}", 1, 150018));
  }

  std::vector<SnapshotPart> parts_;
};

TEST_F(VerifyTableSnapshotsTest, FindsNothingInSoundOnes) {
  const VerifyReport report = Report();
  EXPECT_THAT(report.findings, IsEmpty());
  EXPECT_THAT(report.notes, IsEmpty());
  EXPECT_EQ(report.snapshots, 1);
  EXPECT_EQ(report.table_snapshots, 2);
  EXPECT_EQ(report.snapshot_rows, 16);
  CompleteBase();
  const VerifyReport with_base = Report();
  EXPECT_THAT(with_base.findings, IsEmpty());
  EXPECT_THAT(with_base.notes, IsEmpty());
  EXPECT_EQ(with_base.snapshots, 2);
  EXPECT_EQ(with_base.snapshot_rows, 16) << "read once";
}

TEST_F(VerifyTableSnapshotsTest, FindsEveryObjectThatIsMissing) {
  CompleteBase();
  for (const std::string& object :
       {parts_[0].name, parts_[2].name, SnapshotDefinitionName({0x4800})}) {
    const std::string bytes = Read(object);
    RemoveObject(object);
    const auto findings = Findings();
    ASSERT_EQ(findings.size(), 1) << object;
    EXPECT_EQ(findings[0].object, object);
    EXPECT_EQ(findings[0].problem, "is missing");
    Write(object, bytes);
  }
  EXPECT_THAT(Findings(), IsEmpty());
}

TEST_F(VerifyTableSnapshotsTest, FindsAnyByteAltered) {
  const std::string manifest = TableManifestName({0x4800}, "public", "orders");
  for (const std::string& object : {parts_[0].name, manifest, SnapshotDefinitionName({0x4800})}) {
    const std::string bytes = Read(object);
    for (size_t offset = 0; offset < bytes.size(); offset += 7) {
      FlipByte(object, offset);
      EXPECT_FALSE(Findings().empty()) << object << " at " << offset;
      Write(object, bytes);
    }
  }
}

TEST_F(VerifyTableSnapshotsTest, FindsAManifestInAnothersPlace) {
  const std::string orders = TableManifestName({0x4800}, "public", "orders");
  Write(TableManifestName({0x4800}, "public", "other"), Read(orders));
  const auto findings = Findings();
  ASSERT_EQ(findings.size(), 1);
  EXPECT_THAT(findings[0].problem, HasSubstr("another table"));
}

TEST_F(VerifyTableSnapshotsTest, ChecksPagesThatAnotherTryMayTakeUp) {
  const auto appender = archive_.Open();
  Must(appender->PutSnapshotDefinition({0x4900}, "{}", "state", 1, 150018));
  const Relation more = Table("more", 16386);
  const SnapshotPart part =
      Must(appender->PutSnapshotPart(Rows({0x4900}, more, 3), {0x4900}, more, 0));
  const std::string pages =
      Must(appender->KeepPages({0x4900}, {part}, {.begin = 0, .end = 7}, 1, 150018));
  const VerifyReport unused = Report();
  EXPECT_THAT(unused.findings, IsEmpty());
  EXPECT_THAT(unused.notes, ElementsAre(Found("snapshots/0000000000004900", "never completed")));

  Must(appender->PutSnapshotDefinition({0x4A00}, "{}", "state", 1, 150018));
  const SnapshotPart rest =
      Must(appender->PutSnapshotPart(Rows({0x4A00}, more, 1), {0x4A00}, more, 0));
  Must(appender->CompleteTable({0x4A00}, {part, rest}, {}, 1, 150018));
  EXPECT_THAT(Report().findings, IsEmpty());
  EXPECT_THAT(Report().notes, IsEmpty());
  for (const std::string& object : {part.name, pages}) {
    FlipByte(object, Read(object).size() / 2);
    EXPECT_THAT(Findings(), ElementsAre(Field(&Finding::object, object)));
    FlipByte(object, Read(object).size() / 2);
  }
}

TEST_F(VerifyTableSnapshotsTest, NotesPartsOfTablesThatAreNotWhole) {
  const auto appender = archive_.Open();
  const Relation more = Table("more", 16386);
  Must(appender->PutSnapshotPart(Rows({0x4800}, more, 1), {0x4800}, more, 0));
  const VerifyReport report = Report();
  EXPECT_THAT(report.findings, IsEmpty());
  ASSERT_EQ(report.notes.size(), 1);
  EXPECT_EQ(report.notes[0].object, SnapshotPartName({0x4800}, "public", "more", 0));
}

}  // namespace
}  // namespace trunkline
