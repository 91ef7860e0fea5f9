// What the store relies on, asked of the server that the tests run on: also of a real pachd.
#include "tests/unit/stores/pfs_place.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/must.h"
#include "tests/support/pattern_source.h"

namespace trunkline::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class PfsPlaceTest : public testing::Test {
 protected:
  PfsPlace place_;
  PfsAdmin& admin_ = place_.admin();
  std::unique_ptr<Store> store_ = place_.Connect();
};

TEST_F(PfsPlaceTest, ContentIsAppendedUnlessTheFileIsRemovedFirst) {
  Must(PutObject(store_.get(), "a", "first"));
  EXPECT_EQ(admin_.Modify("", {{"/a", "+more"}}), RpcCode::kOk);
  EXPECT_EQ(Must(GetObject(*place_.Connect(), "a", 100)), "first+more");
  EXPECT_EQ(admin_.Modify("", {{"/a", std::nullopt}, {"/a", "new"}, {"/a", "er"}}), RpcCode::kOk);
  EXPECT_EQ(Must(GetObject(*place_.Connect(), "a", 100)), "newer");
}

TEST_F(PfsPlaceTest, RefusesForeignPathsAndMessagesOfMoreThan20MiB) {
  Must(PutObject(store_.get(), "a", "x"));
  EXPECT_NE(admin_.Modify("", {{"/wild*card", "x"}}), RpcCode::kOk);
  EXPECT_NE(admin_.Modify("", {{"/big", std::string(21 << 20, 'x')}}), RpcCode::kOk);
  EXPECT_EQ(Must(store_->List("")).size(), 1U);
}

TEST_F(PfsPlaceTest, WhatIsWrittenGoesIntoAnOpenHead) {
  Must(PutObject(store_.get(), "a", "x"));
  std::string id;
  ASSERT_EQ(admin_.StartCommit(&id), RpcCode::kOk);
  EXPECT_EQ(admin_.Modify("", {{"/b", "y"}}), RpcCode::kOk);
  EXPECT_THAT(Must(store_->List("")), ElementsAre(ObjectInfo{"a", 1}));
  ASSERT_EQ(admin_.FinishCommit(id, ""), RpcCode::kOk);
  ASSERT_THAT(admin_.Subscribe("", 2), ElementsAre(testing::_, id));
  EXPECT_THAT(Must(store_->List("")), ElementsAre(ObjectInfo{"a", 1}, ObjectInfo{"b", 1}));
}

TEST_F(PfsPlaceTest, AnOpenHeadIsRefusedWithAdvice) {
  Must(PutObject(store_.get(), "a", "x"));
  std::string id;
  ASSERT_EQ(admin_.StartCommit(&id), RpcCode::kOk);
  for (const auto& refused :
       {PutObject(store_.get(), "b", "y"), store_->Remove(std::vector<std::string>{"a"})}) {
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::kUnavailable);
    EXPECT_THAT(refused.error().message, HasSubstr(id));
    EXPECT_THAT(refused.error().hint, HasSubstr("pachctl finish commit"));
  }
  ASSERT_EQ(admin_.FinishCommit(id, ""), RpcCode::kOk);
  EXPECT_TRUE(PutObject(store_.get(), "b", "y"));
}

TEST_F(PfsPlaceTest, WhatFinishedWithAnErrorDoesNotCount) {
  Must(PutObject(store_.get(), "a", "x"));
  std::string id;
  ASSERT_EQ(admin_.StartCommit(&id), RpcCode::kOk);
  EXPECT_EQ(admin_.Modify(id, {{"/b", "y"}}), RpcCode::kOk);
  ASSERT_EQ(admin_.FinishCommit(id, "of no use"), RpcCode::kOk);
  EXPECT_THAT(Must(place_.Connect()->List("")), ElementsAre(ObjectInfo{"a", 1}));
  Must(PutObject(store_.get(), "c", "z"));
  EXPECT_THAT(Must(store_->List("")), ElementsAre(ObjectInfo{"a", 1}, ObjectInfo{"c", 1}));
}

TEST_F(PfsPlaceTest, TheOutputOfAPipelineIsRefused) {
  Must(PutObject(store_.get(), "a", "x"));
  PfsPlace output;
  ASSERT_EQ(output.admin().CreateRepo(), RpcCode::kOk);
  ASSERT_EQ(output.admin().CreateOutputBranch(place_.address()), RpcCode::kOk);
  const auto put = PutObject(output.Connect().get(), "b", "y");
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(put.error().message, HasSubstr("pipeline"));
}

TEST_F(PfsPlaceTest, TheOutputOfASpoutIsItsOwn) {
  ASSERT_EQ(admin_.CreateRepo(), RpcCode::kOk);
  if (admin_.CreateSpoutBranch() != RpcCode::kOk) GTEST_SKIP() << "a real pachd";
  EXPECT_TRUE(PutObject(store_.get(), "a", "x"));
  EXPECT_THAT(Must(place_.Connect()->List("")), ElementsAre(ObjectInfo{"a", 1}));
}

TEST_F(PfsPlaceTest, ListsFoldersAndPatterns) {
  for (const char* name : {"changes/1.seg", "changes/2.seg", "snapshots/1/complete", "identity"}) {
    Must(PutObject(store_.get(), name, ""));
  }
  EXPECT_THAT(admin_.ListFolder("/"), ElementsAre("/changes/", "/identity", "/snapshots/"));
  EXPECT_THAT(admin_.ListFolder("/changes"), ElementsAre("/changes/1.seg", "/changes/2.seg"));
  EXPECT_THAT(admin_.Glob("/changes/*"), ElementsAre("/changes/1.seg", "/changes/2.seg"));
  EXPECT_THAT(admin_.Glob("/snapshots/**"),
              testing::UnorderedElementsAre("/snapshots/1/", "/snapshots/1/complete"));
}

TEST_F(PfsPlaceTest, ASubscriptionLeavesOutOnePfsCommitOnly) {
  Must(PutObject(store_.get(), "a", "x"));
  Must(PutObject(store_.get(), "b", "x"));
  const std::vector<std::string> all = admin_.Subscribe("", 2);
  ASSERT_EQ(all.size(), 2U);
  Must(PutObject(store_.get(), "c", "x"));
  const std::vector<std::string> rest = admin_.Subscribe(all[1], 2);
  ASSERT_EQ(rest.size(), 2U);
  EXPECT_EQ(rest[0], all[0]);
  EXPECT_NE(rest[1], all[1]);
}

TEST_F(PfsPlaceTest, ABatchIsOnePfsCommit) {
  Must(PutObject(store_.get(), "identity", "x"));
  const auto content = NewMemorySource("content");
  const NewObject batch[] = {
      {"changes/1-2", content.get(), "identity", "changes/"},
      {"changes/2-3", content.get(), "changes/1-2", "changes/2-"},
      {"changes/3-4", content.get(), "changes/2-3", "changes/3-"},
  };
  ASSERT_TRUE(store_->Put(batch));
  EXPECT_TRUE(store_->Put(batch)) << "done already";
  EXPECT_EQ(Must(store_->List("changes/")).size(), 3U);
  const NewObject more[] = {{"changes/4-5", content.get(), "changes/3-4", "changes/4-"}};
  ASSERT_TRUE(store_->Put(more));
  EXPECT_EQ(admin_.Subscribe("", 3).size(), 3U) << "the identity, the batch, and the last";
  const NewObject overlapping[] = {{"changes/5-6", content.get(), "changes/4-5", "changes/5-"},
                                   {"changes/5-7", content.get(), "changes/4-5", "changes/5-"}};
  EXPECT_EQ(store_->Put(overlapping).error().kind, ErrorKind::kAlreadyExists);
  EXPECT_EQ(Must(store_->List("changes/")).size(), 4U) << "all or none";
}

TEST_F(PfsPlaceTest, ASourceKeepsReadingWhatItWasOpenedOn) {
  Must(PutObject(store_.get(), "a", "content"));
  const auto source = Must(store_->Open("a"));
  Must(store_->Remove(std::vector<std::string>{"a"}));
  EXPECT_EQ(Must(ReadAll(*source, 100)), "content");
  EXPECT_EQ(store_->Open("a").error().kind, ErrorKind::kNotFound);
}

TEST_F(PfsPlaceTest, FindsWhatCameAfterItsListing) {
  Must(PutObject(store_.get(), "a", "x"));
  const std::unique_ptr<Store> reader = place_.Connect();
  EXPECT_EQ(Must(reader->List("")).size(), 1U);
  Must(PutObject(store_.get(), "b", "y"));
  EXPECT_EQ(Must(GetObject(*reader, "b", 1)), "y");
}

TEST_F(PfsPlaceTest, NamesThatPfsDoesNotTakeAreRefused) {
  for (const char* name :
       {"a*", "a?b", "a[1]", "a{", "a!", "a(b)", "a@b", "a+b", "a^", "t\xC3\xA4"}) {
    EXPECT_EQ(PutObject(store_.get(), name, "").error().kind, ErrorKind::kInvalidArgument) << name;
    EXPECT_THAT(Must(store_->List(name)), IsEmpty());
  }
}

TEST_F(PfsPlaceTest, ReadsPiecesAnywhere) {
  const PatternSource content(3'000'001, 7);
  const NewObject object{"a", &content};
  Must(store_->Put({&object, 1}));
  const auto source = Must(store_->Open("a"));
  for (const uint64_t offset : {3'000'000U, 0U, 65'535U, 2'999'000U, 1'500'000U, 1'500'100U}) {
    for (const size_t length : {1U, 1000U, 70'000U, 1'500'001U}) {
      if (offset + length > content.size()) continue;
      std::string expected(length, '\0');
      std::string got(length, '\0');
      Must(content.Read(offset, expected.data(), length));
      ASSERT_TRUE(source->Read(offset, got.data(), length));
      ASSERT_TRUE(got == expected) << offset << " " << length;
    }
  }
}

}  // namespace
}  // namespace trunkline::test
