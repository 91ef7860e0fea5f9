// The store while the server, the network and other writers fail it.
#include "archive/pfs_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/pattern_source.h"
#include "tests/unit/stores/pfs_rig.h"

namespace trunkline::test {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class PfsStoreTest : public testing::Test {
 protected:
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    for (const ObjectInfo& object : Must(rig_.Connect()->List(""))) names.push_back(object.name);
    return names;
  }
  std::string Get(const std::string& name) { return Must(GetObject(*rig_.Connect(), name, 1000)); }
  Error ErrorOf(const Result<void>& result) {
    EXPECT_FALSE(result);
    return result ? Error{} : result.error();
  }
  void Set(FaultPoint point, RpcCode code, const std::string& method = "ModifyFile") {
    rig_.faults().Set({.method = method, .point = point, .answer = {code, "as the test has it"}});
  }

  PfsRig rig_;
  std::unique_ptr<Store> store_ = rig_.Connect();
};

TEST_F(PfsStoreTest, ALostAnswerIsFoundOutAbout) {
  for (const RpcCode code : {RpcCode::kUnavailable, RpcCode::kDeadlineExceeded, RpcCode::kUnknown,
                             RpcCode::kInternal, RpcCode::kAborted, RpcCode::kCancelled}) {
    rig_.faults().Clear();
    Set(FaultPoint::kAfter, code);
    const std::string name = "object-" + std::to_string(static_cast<int>(code));
    const int calls = rig_.faults().calls("ModifyFile");
    EXPECT_TRUE(PutObject(store_.get(), name, "content")) << name;
    EXPECT_EQ(Get(name), "content") << "neither lost nor doubled";
    EXPECT_EQ(rig_.faults().calls("ModifyFile"), calls + 1);
  }
}

TEST_F(PfsStoreTest, ALostAnswerOfARemovalIsFoundOutAbout) {
  Must(PutObject(store_.get(), "a", "x"));
  Set(FaultPoint::kAfter, RpcCode::kUnavailable);
  EXPECT_TRUE(store_->Remove(std::vector<std::string>{"a"}));
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(PfsStoreTest, WhatDidNotHappenIsReportedAndCanBeTriedAgain) {
  for (const auto point : {FaultPoint::kEntry, FaultPoint::kBefore}) {
    for (const RpcCode code : {RpcCode::kUnavailable, RpcCode::kUnknown, RpcCode::kInternal}) {
      rig_.faults().Clear();
      Set(point, code);
      EXPECT_EQ(ErrorOf(PutObject(store_.get(), "a", "x")).kind, ErrorKind::kUnavailable);
      EXPECT_THAT(Names(), IsEmpty());
    }
  }
  Must(PutObject(store_.get(), "a", "x"));
  Set(FaultPoint::kBefore, RpcCode::kUnavailable);
  EXPECT_EQ(ErrorOf(store_->Remove(std::vector<std::string>{"a"})).kind, ErrorKind::kUnavailable);
  EXPECT_THAT(Names(), ElementsAre("a"));
}

TEST_F(PfsStoreTest, IsDurableOnlyOnceFinished) {
  PfsRig slow({.repos = {.finishing_time = milliseconds(300)}});
  const auto store = slow.Connect();
  const auto begun = std::chrono::steady_clock::now();
  ASSERT_TRUE(PutObject(store.get(), "a", "x"));
  EXPECT_GE(std::chrono::steady_clock::now() - begun, milliseconds(300));
  EXPECT_EQ(Must(GetObject(*store, "a", 1)), "x");
}

TEST_F(PfsStoreTest, ReadersDoNotWaitForWhatIsFinishing) {
  PfsRig slow({.repos = {.finishing_time = milliseconds(400)}});
  Must(PutObject(slow.Connect().get(), "a", "x"));
  ASSERT_TRUE(
      slow.repos().Modify(PfsRig::branch(), {{"/b", std::make_shared<std::string>("y")}}, "").ok());
  EXPECT_THAT(Must(slow.Connect()->List("")), ElementsAre(ObjectInfo{"a", 1}));
}

TEST_F(PfsStoreTest, AnErrorOfThePfsCommitIsOurs) {
  Must(PutObject(store_.get(), "a", "x"));
  rig_.faults().Set({.method = "ModifyFile", .finish_error = "the disk is on fire"});
  const Error error = ErrorOf(PutObject(store_.get(), "b", "y"));
  EXPECT_EQ(error.kind, ErrorKind::kUnavailable);
  EXPECT_THAT(error.message, HasSubstr("the disk is on fire"));
  EXPECT_THAT(Names(), ElementsAre("a"));
  EXPECT_TRUE(PutObject(store_.get(), "b", "y"));
  EXPECT_THAT(Names(), ElementsAre("a", "b"));
}

TEST_F(PfsStoreTest, AnErrorOfARemovalsPfsCommitIsOurs) {
  Must(PutObject(store_.get(), "a", "x"));
  rig_.faults().Set({.method = "ModifyFile", .finish_error = "the disk is on fire"});
  EXPECT_THAT(ErrorOf(store_->Remove(std::vector<std::string>{"a"})).message, HasSubstr("fire"));
  EXPECT_THAT(Names(), ElementsAre("a"));
}

TEST_F(PfsStoreTest, AFileWhereAFolderBelongsIsAnErrorOfThePfsCommit) {
  Must(PutObject(store_.get(), "changes", "no folder"));
  EXPECT_THAT(ErrorOf(PutObject(store_.get(), "changes/a", "x")).message,
              HasSubstr("file / directory path collision"));
  EXPECT_THAT(Names(), ElementsAre("changes"));
}

TEST_F(PfsStoreTest, OpenedBetweenLookAndWriteIsNotTakenForDone) {
  Must(PutObject(store_.get(), "a", "x"));
  std::string id;
  rig_.faults().Set({.method = "ModifyFile", .act = [&] {
                       ASSERT_TRUE(rig_.repos().StartCommit(PfsRig::branch(), "", &id).ok());
                     }});
  const Error error = ErrorOf(PutObject(store_.get(), "b", "y"));
  EXPECT_EQ(error.kind, ErrorKind::kUnavailable);
  EXPECT_THAT(error.message, HasSubstr(id));
  EXPECT_THAT(Names(), ElementsAre("a"));
  ASSERT_TRUE(rig_.repos().FinishCommit({{"default", "archive"}, "", id}, "").ok());
  EXPECT_TRUE(PutObject(store_.get(), "b", "y"));
  EXPECT_EQ(Get("b"), "y");
}

TEST_F(PfsStoreTest, AHeadOfAnotherBranchIsRefused) {
  Must(PutObject(store_.get(), "a", "x"));
  BranchView master;
  const RepoName repo{"default", "archive"};
  ASSERT_TRUE(rig_.repos().InspectBranch(repo, "master", &master).ok());
  ASSERT_TRUE(rig_.repos().CreateBranch(repo, "copy", master.head, {}).ok());
  PfsAddress copy = rig_.address();
  copy.branch = "copy";
  const Error error = ErrorOf(PutObject(NewPfsStore(copy, {}).get(), "b", "y"));
  EXPECT_EQ(error.kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(error.message, HasSubstr("branch master"));
}

TEST_F(PfsStoreTest, MakesProjectAndRepoOnTheFirstPut) {
  PfsAddress address = rig_.address();
  address.project = "shop";
  const auto store = NewPfsStore(address, {});
  EXPECT_THAT(Must(store->List("")), IsEmpty());
  EXPECT_EQ(store->Open("a").error().kind, ErrorKind::kNotFound);
  EXPECT_TRUE(store->Remove(std::vector<std::string>{"a"}));
  EXPECT_EQ(rig_.faults().calls("CreateRepo"), 0) << "a reader makes nothing";
  EXPECT_TRUE(PutObject(store.get(), "a", "x"));
  EXPECT_EQ(rig_.faults().calls("CreateProject"), 1);
  EXPECT_EQ(Must(store->List("")).size(), 1U);
}

TEST_F(PfsStoreTest, MakesNothingWhereAnArchiveWasBefore) {
  const auto content = NewMemorySource("x");
  const NewObject object{"changes/1-2", content.get(), "identity"};
  EXPECT_EQ(ErrorOf(store_->Put({&object, 1})).kind, ErrorKind::kUnavailable);
  EXPECT_EQ(rig_.faults().calls("CreateRepo"), 0);
}

TEST_F(PfsStoreTest, SequentialReadsShareCalls) {
  const PatternSource content(8 << 20, 3);
  const NewObject object{"a", &content};
  Must(store_->Put({&object, 1}));
  const auto source = Must(store_->Open("a"));
  const int before = rig_.faults().calls("GetFile");
  std::string piece(64 << 10, '\0');
  for (uint64_t offset = 0; offset < content.size(); offset += piece.size()) {
    Must(source->Read(offset, piece.data(), piece.size()));
  }
  EXPECT_LE(rig_.faults().calls("GetFile") - before, 10);
}

TEST_F(PfsStoreTest, GoesOnWhenTheServerIsBack) {
  Must(PutObject(store_.get(), "a", "x"));
  const std::string address = "127.0.0.1:" + std::to_string(rig_.server().port());
  rig_.server().Stop();
  EXPECT_EQ(ErrorOf(PutObject(store_.get(), "b", "y")).kind, ErrorKind::kUnavailable);
  Must(rig_.server().Start(address));
  Result<void> put;
  for (int i = 0; i < 100; ++i) {
    put = PutObject(store_.get(), "b", "y");
    if (put) break;
    std::this_thread::sleep_for(milliseconds(100));
  }
  EXPECT_TRUE(put);
}

// --- rivals ---

class PfsRivalsTest : public PfsStoreTest {
 protected:
  PfsRivalsTest() { Must(PutObject(store_.get(), "identity", "x")); }

  Result<void> Append(Store* store, const std::string& name, const std::string& content = "ours") {
    const auto source = NewMemorySource(content);
    const NewObject object{name, source.get(), "identity", name.substr(0, name.find('-') + 1)};
    return store->Put({&object, 1});
  }
  // What a rival does at the worst of moments: the last look is past, the PFS commit not made.
  void BeforeOurPfsCommit(std::function<void(Store*)> deed) {
    rig_.faults().Set({.method = "ModifyFile",
                       .act = [this, deed = std::move(deed)] { deed(rig_.Connect().get()); }});
  }
  int PfsCommits() {
    std::vector<std::string> ids;
    static_cast<void>(rig_.repos().AwaitCommits(
        PfsRig::branch(), 0, [] { return true; }, &ids));
    return static_cast<int>(ids.size());
  }
};

TEST_F(PfsRivalsTest, WhoseNameStandsInTheWayIsSeenAtTheLastLook) {
  const auto rival = rig_.Connect();
  class Content : public ByteSource {
   public:
    explicit Content(std::function<void()> act) : act_(std::move(act)) {}
    uint64_t size() const override { return 1; }
    Result<void> Read(uint64_t, char* buffer, size_t length) const override {
      act_();
      std::fill_n(buffer, length, 'x');
      return {};
    }

   private:
    std::function<void()> act_;
  };
  const Content content([&] { Must(Append(rival.get(), "changes/1-3")); });
  const NewObject object{"changes/1-2", &content, "identity", "changes/1-"};
  EXPECT_EQ(ErrorOf(store_->Put({&object, 1})).kind, ErrorKind::kAlreadyExists);
  EXPECT_EQ(PfsCommits(), 2) << "nothing of ours was ever there";
}

TEST_F(PfsRivalsTest, WhoComesSecondWithdraws) {
  BeforeOurPfsCommit([this](Store* rival) { Must(Append(rival, "changes/1-3")); });
  const Error error = ErrorOf(Append(store_.get(), "changes/1-2"));
  EXPECT_EQ(error.kind, ErrorKind::kAlreadyExists);
  EXPECT_THAT(error.message, HasSubstr("changes/1-3"));
  EXPECT_THAT(Names(), ElementsAre("changes/1-3", "identity"));
}

TEST_F(PfsRivalsTest, WhoComesSecondUnderOneNameGivesItBack) {
  BeforeOurPfsCommit([this](Store* rival) { Must(Append(rival, "changes/1-2", "theirs")); });
  EXPECT_EQ(ErrorOf(Append(store_.get(), "changes/1-2")).kind, ErrorKind::kAlreadyExists);
  EXPECT_EQ(Get("changes/1-2"), "theirs");
}

TEST_F(PfsRivalsTest, TheSameBytesAreDoneByBoth) {
  BeforeOurPfsCommit([this](Store* rival) { Must(Append(rival, "changes/1-2")); });
  EXPECT_TRUE(Append(store_.get(), "changes/1-2"));
  EXPECT_EQ(Get("changes/1-2"), "ours");
}

TEST_F(PfsRivalsTest, WhatIsUnrelatedDisturbsNobody) {
  BeforeOurPfsCommit([](Store* rival) { Must(PutObject(rival, "snapshots/1/complete", "")); });
  EXPECT_TRUE(Append(store_.get(), "changes/1-2"));
  EXPECT_THAT(Names(), ElementsAre("changes/1-2", "identity", "snapshots/1/complete"));
}

TEST_F(PfsRivalsTest, APredecessorThatWentMeanwhileMeansWithdrawal) {
  BeforeOurPfsCommit(
      [](Store* rival) { Must(rival->Remove(std::vector<std::string>{"identity"})); });
  EXPECT_EQ(ErrorOf(Append(store_.get(), "changes/1-2")).kind, ErrorKind::kUnavailable);
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(PfsRivalsTest, AWholeBatchIsWithdrawn) {
  BeforeOurPfsCommit([this](Store* rival) { Must(Append(rival, "changes/1-3")); });
  const auto content = NewMemorySource("ours");
  const NewObject batch[] = {{"changes/1-2", content.get(), "identity", "changes/1-"},
                             {"changes/2-3", content.get(), "changes/1-2", "changes/2-"}};
  EXPECT_EQ(ErrorOf(store_->Put(batch)).kind, ErrorKind::kAlreadyExists);
  EXPECT_THAT(Names(), ElementsAre("changes/1-3", "identity"));
}

TEST_F(PfsRivalsTest, WhatARivalHadBeforeIsNotWithdrawn) {
  BeforeOurPfsCommit([this](Store* rival) {
    Must(Append(rival, "changes/2-3"));
    Must(Append(rival, "changes/1-3"));
  });
  const auto content = NewMemorySource("ours");
  const NewObject batch[] = {{"changes/1-2", content.get(), "identity", "changes/1-"},
                             {"changes/2-3", content.get(), "changes/1-2", "changes/2-"}};
  EXPECT_EQ(ErrorOf(store_->Put(batch)).kind, ErrorKind::kAlreadyExists);
  EXPECT_THAT(Names(), ElementsAre("changes/1-3", "changes/2-3", "identity"));
}

TEST_F(PfsRivalsTest, AWithdrawalThatFailsIsMadeUpFor) {
  BeforeOurPfsCommit([this](Store* rival) { Must(Append(rival, "changes/1-3")); });
  // Our Put, then the rival's within it, then the withdrawal's attempts.
  rig_.faults().Set(
      {.method = "ModifyFile", .first = 3, .last = 100, .answer = {RpcCode::kUnavailable, "away"}});
  EXPECT_EQ(ErrorOf(Append(store_.get(), "changes/1-2")).kind, ErrorKind::kUnavailable);
  EXPECT_THAT(Names(), ElementsAre("changes/1-2", "changes/1-3", "identity"));
  rig_.faults().Clear();
  EXPECT_EQ(ErrorOf(Append(store_.get(), "changes/1-2")).kind, ErrorKind::kAlreadyExists);
  EXPECT_THAT(Names(), ElementsAre("changes/1-3", "identity"));
}

TEST_F(PfsRivalsTest, TheFirstOneRestoresWhatARivalOverwrote) {
  rig_.faults().Set({.method = "ModifyFile", .point = FaultPoint::kAfter, .act = [this] {
                       ASSERT_TRUE(
                           rig_.repos()
                               .Modify(PfsRig::branch(),
                                       {{"/changes/1-2", nullptr},
                                        {"/changes/1-2", std::make_shared<std::string>("theirs")}},
                                       "")
                               .ok());
                     }});
  EXPECT_TRUE(Append(store_.get(), "changes/1-2"));
  EXPECT_EQ(Get("changes/1-2"), "ours");
}

TEST_F(PfsRivalsTest, WhatIsRemovedRightAfterwardsWasThere) {
  rig_.faults().Set(
      {.method = "ModifyFile", .point = FaultPoint::kAfter, .act = [this] {
         ASSERT_TRUE(rig_.repos().Modify(PfsRig::branch(), {{"/changes/1-2", nullptr}}, "").ok());
       }});
  EXPECT_TRUE(Append(store_.get(), "changes/1-2"));
  EXPECT_THAT(Names(), ElementsAre("identity"));
}

TEST_F(PfsRivalsTest, ALostAnswerAndARivalAtOnce) {
  BeforeOurPfsCommit([this](Store* rival) { Must(Append(rival, "changes/1-3")); });
  Set(FaultPoint::kAfter, RpcCode::kUnavailable);
  EXPECT_EQ(ErrorOf(Append(store_.get(), "changes/1-2")).kind, ErrorKind::kAlreadyExists);
  EXPECT_THAT(Names(), ElementsAre("changes/1-3", "identity"));
}

}  // namespace
}  // namespace trunkline::test
