// The S3 store on a server that fails: what it says, and that nothing is lost or believed.
#include <gmock/gmock.h>

#include "archive/s3_store.h"
#include "tests/s3_server/server.h"
#include "tests/support/program.h"

namespace trunkline {
namespace {

using test::Behaviour;
using test::S3Fault;
using test::S3Server;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

constexpr uint64_t kPartBytes = 1 << 20;

std::string ErrorDocument(const std::string& code, const std::string& more = {}) {
  return "<?xml version=\"1.0\"?>\n<Error><Code>" + code + "</Code><Message>it says so</Message>" +
         more + "<AWSAccessKeyId>hidden</AWSAccessKeyId></Error>";
}

class S3FaultsTest : public testing::Test {
 protected:
  explicit S3FaultsTest(Behaviour behaviour = {}) : server_(std::move(behaviour)) {
    test::UseS3Credentials();
    store_ = Connect();
  }

  std::unique_ptr<Store> Connect() const {
    return NewS3Store(*ParseS3Address(test::S3Url(server_.endpoint(), "root"), {}), "",
                      {.part_bytes = kPartBytes});
  }
  void AnswerOnce(int status, const std::string& body,
                  std::vector<std::pair<std::string, std::string>> headers = {}) {
    server_.Inject({.status = status, .headers = std::move(headers), .body = body});
  }
  Error ListError() const {
    const auto listed = store_->List("");
    EXPECT_FALSE(listed);
    return listed ? Error() : listed.error();
  }
  // That of a Put of "a" with the content given.
  Error PutError(const std::string& content = "content") const {
    const auto put = PutObject(store_.get(), "a", content);
    EXPECT_FALSE(put);
    return put ? Error() : put.error();
  }
  Result<void> PutAlone(Store* store, const std::string& name, const std::string& content) const {
    const auto source = NewMemorySource(content);
    const NewObject object{name, source.get(), {}, "changes/1-"};
    return store->Put({&object, 1});
  }
  std::string Stored(const std::string& name) {
    const auto object = server_.bucket().Get("root/" + name);
    return object ? *object->bytes : "nothing";
  }

  S3Server server_;
  std::unique_ptr<Store> store_;
};

TEST_F(S3FaultsTest, WhatMayPassIsUnavailable) {
  for (const int status : {500, 502, 503, 429, 408, 409}) {
    AnswerOnce(status, "not even XML");
    EXPECT_EQ(ListError().kind, ErrorKind::kUnavailable) << status;
  }
  AnswerOnce(503, ErrorDocument("SlowDown"));
  EXPECT_THAT(ListError().message, HasSubstr("SlowDown: it says so"));
  EXPECT_TRUE(store_->List(""));
}

TEST_F(S3FaultsTest, SaysWhoIsDenied) {
  AnswerOnce(403, ErrorDocument("AccessDenied"));
  EXPECT_EQ(ListError().kind, ErrorKind::kDenied);
  AnswerOnce(403, ErrorDocument("AccessDenied"));
  EXPECT_THAT(ListError().ToString(), AllOf(HasSubstr("s3:ListBucket"), Not(HasSubstr("hidden"))));
  AnswerOnce(401, "");
  EXPECT_THAT(ListError().hint, HasSubstr("AWS_ACCESS_KEY_ID"));
  AnswerOnce(403, "");  // a HEAD: nothing but headers
  AnswerOnce(403, ErrorDocument("ExpiredToken"));
  EXPECT_THAT(store_->Open("a").error().message, HasSubstr("ExpiredToken"));
  AnswerOnce(403, ErrorDocument("RequestTimeTooSkewed"));
  EXPECT_THAT(ListError().hint, HasSubstr("clock"));
}

TEST_F(S3FaultsTest, NamesTheRegion) {
  AnswerOnce(301, ErrorDocument("PermanentRedirect"), {{"x-amz-bucket-region", "eu-west-1"}});
  Error error = ListError();
  EXPECT_EQ(error.kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(error.hint, HasSubstr("region=eu-west-1"));
  AnswerOnce(400, ErrorDocument("AuthorizationHeaderMalformed", "<Region>eu-west-2</Region>"));
  EXPECT_THAT(ListError().hint, HasSubstr("region=eu-west-2"));
  AnswerOnce(301, "", {{"x-amz-bucket-region", "eu-west-3"}});
  const auto opened = store_->Open("a");
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().hint, HasSubstr("region=eu-west-3"));
}

TEST_F(S3FaultsTest, TellsAMissingBucketFromAnEmptyOne) {
  const auto elsewhere = OpenStore("s3://nowhere/x?endpoint=" + server_.endpoint());
  ASSERT_TRUE(elsewhere);
  const auto listed = (*elsewhere)->List("");
  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(listed.error().hint, HasSubstr("create the bucket"));
  const std::string name = "a";
  EXPECT_FALSE((*elsewhere)->Remove({&name, 1}));
}

TEST_F(S3FaultsTest, BelievesNoListingThatIsNone) {
  for (const char* body :
       {"", "<html>hello</html>", "<ListBucketResult><Contents>", "\xFF\xFE<",
        "<ListBucketResult><Contents><Key>a</Key><Size>-1</Size></Contents>"
        "</ListBucketResult>",
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"}) {
    AnswerOnce(200, body);
    EXPECT_EQ(ListError().kind, ErrorKind::kUnavailable) << body;
  }
  server_.Inject({.kind = S3Fault::Kind::kCut});
  EXPECT_EQ(ListError().kind, ErrorKind::kUnavailable);
  server_.Inject({.kind = S3Fault::Kind::kEndless});
  EXPECT_THAT(ListError().message, HasSubstr("more bytes than were asked for"));
}

TEST_F(S3FaultsTest, ReadsWholeObjectsOrNone) {
  ASSERT_TRUE(PutObject(store_.get(), "a", std::string(100'000, 'x')));
  for (const auto kind : {S3Fault::Kind::kCut, S3Fault::Kind::kShort, S3Fault::Kind::kEndless}) {
    server_.Inject({.kind = kind, .method = "GET"});
    const auto read = GetObject(*store_, "a", 1 << 20);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().kind, ErrorKind::kUnavailable) << read.error().ToString();
  }
  EXPECT_TRUE(GetObject(*store_, "a", 1 << 20));
}

TEST_F(S3FaultsTest, ALostAnswerIsMadeGoodByPuttingAgain) {
  server_.Inject({.kind = S3Fault::Kind::kLoseAnswer, .method = "PUT"});
  EXPECT_EQ(PutError().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(Stored("a"), "content");
  EXPECT_TRUE(PutObject(store_.get(), "a", "content"));
  EXPECT_EQ(PutError("other").kind, ErrorKind::kAlreadyExists);
}

TEST_F(S3FaultsTest, AFailedUploadInPartsIsAborted) {
  const std::string content(3 * kPartBytes, 'x');
  for (const char* part : {"partNumber=1", "partNumber=3"}) {
    server_.Inject({.method = "PUT", .path = part, .status = 500});
    EXPECT_EQ(PutError(content).kind, ErrorKind::kUnavailable);
    EXPECT_EQ(server_.bucket().uploads(), 0U);
  }
  server_.Inject({.method = "POST",
                  .path = "uploadId=",
                  .status = 200,
                  .body = ErrorDocument("InternalError")});
  EXPECT_EQ(PutError(content).kind, ErrorKind::kUnavailable) << "an error under the status 200";
  EXPECT_EQ(server_.bucket().uploads(), 0U);
  EXPECT_EQ(Stored("a"), "nothing");
  server_.Inject({.kind = S3Fault::Kind::kLoseAnswer, .method = "POST", .path = "uploadId="});
  EXPECT_EQ(PutError(content).kind, ErrorKind::kUnavailable);
  EXPECT_TRUE(PutObject(store_.get(), "a", content));
  EXPECT_TRUE(Stored("a") == content);
}

TEST_F(S3FaultsTest, GoesWithoutConditionsWhereTheyAreRefused) {
  S3Server refusing({.conditions = Behaviour::Conditions::kRefused});
  const auto store = OpenStore(test::S3Url(refusing.endpoint(), "root"));
  ASSERT_TRUE(store);
  EXPECT_TRUE(PutObject(store->get(), "a", "1"));
  EXPECT_TRUE(PutObject(store->get(), "b", "2"));
  EXPECT_EQ(GetObject(**store, "b", 9).value_or("nothing"), "2");
}

TEST_F(S3FaultsTest, ListsPageByPage) {
  S3Server paged({.page_keys = 2});
  const auto store = OpenStore(test::S3Url(paged.endpoint(), "root"));
  ASSERT_TRUE(store);
  for (const char* name : {"a", "b c", "b+c", "d", "e"}) {
    ASSERT_TRUE(PutObject(store->get(), name, ""));
  }
  const auto listed = (*store)->List("");
  ASSERT_TRUE(listed) << listed.error().ToString();
  EXPECT_EQ(*listed,
            (std::vector<ObjectInfo>{{"a", 0}, {"b c", 0}, {"b+c", 0}, {"d", 0}, {"e", 0}}));
}

// Another writer's object that comes just when ours is written.
TEST_F(S3FaultsTest, GivesWayToAnObjectThatCameMeanwhile) {
  server_.Inject(
      {.kind = S3Fault::Kind::kShort, .method = "PUT", .path = "changes/1-b", .then = [&] {
         server_.bucket().Put("root/changes/1-a", "rival", false);
       }});
  const auto put = PutAlone(store_.get(), "changes/1-b", "ours");
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().kind, ErrorKind::kAlreadyExists);
  EXPECT_EQ(Stored("changes/1-a"), "rival");
  EXPECT_EQ(Stored("changes/1-b"), "nothing");
}

// The object of a Put whose answer was lost is not ours yet: a rival may not have seen it.
TEST_F(S3FaultsTest, GivesWayAlsoWhereTheAnswerWasLost) {
  server_.Inject(
      {.kind = S3Fault::Kind::kLoseAnswer, .method = "PUT", .path = "changes/1-b", .then = [&] {
         server_.bucket().Put("root/changes/1-a", "rival", false);
       }});
  EXPECT_EQ(PutAlone(store_.get(), "changes/1-b", "ours").error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(Stored("changes/1-b"), "ours");
  EXPECT_EQ(PutAlone(store_.get(), "changes/1-b", "ours").error().kind, ErrorKind::kAlreadyExists);
  EXPECT_EQ(Stored("changes/1-b"), "nothing");
  EXPECT_EQ(Stored("changes/1-a"), "rival");
}

// What was acknowledged once stays, whoever is beside it.
TEST_F(S3FaultsTest, WithdrawsNothingThatWasAcknowledged) {
  ASSERT_TRUE(PutAlone(store_.get(), "changes/1-b", "ours"));
  server_.bucket().Put("root/changes/1-a", "rival", false);
  EXPECT_EQ(PutAlone(store_.get(), "changes/1-b", "ours").error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(Stored("changes/1-b"), "ours");
  server_.bucket().Remove("root/changes/1-a");
  EXPECT_TRUE(PutAlone(store_.get(), "changes/1-b", "ours"));
}

// Reading from front to back costs few requests.
TEST_F(S3FaultsTest, ReadsAhead) {
  const std::string content(4 << 20, 'x');
  ASSERT_TRUE(PutObject(store_.get(), "a", content));
  const auto source = store_->Open("a");
  ASSERT_TRUE(source);
  const size_t before = server_.requests().size();
  char buffer[4096];
  for (uint64_t offset = 0; offset < content.size(); offset += sizeof buffer) {
    ASSERT_TRUE((*source)->Read(offset, buffer, sizeof buffer));
  }
  EXPECT_LE(server_.requests().size() - before, 8U);
}

TEST_F(S3FaultsTest, AnOpenObjectOutlivesItsStore) {
  ASSERT_TRUE(PutObject(store_.get(), "a", "content"));
  const auto source = store_->Open("a");
  ASSERT_TRUE(source);
  store_.reset();
  EXPECT_EQ(ReadAll(**source, 100).value_or("nothing"), "content");
}

TEST_F(S3FaultsTest, NobodyListensThere) {
  const auto store = OpenStore("s3://archive/x?endpoint=http://127.0.0.1:1");
  ASSERT_TRUE(store);
  const auto listed = (*store)->List("");
  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().kind, ErrorKind::kUnavailable);
  EXPECT_THAT(listed.error().hint, HasSubstr("endpoint"));
}

TEST_F(S3FaultsTest, TrustsNoUnknownCertificate) {
  const test::TempFolder folder;
  const std::string certificate = folder / "certificate.pem";
  const test::Outcome made =
      test::RunProgram({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=elsewhere.example", "-addext", "subjectAltName=DNS:localhost",
                        "-out", certificate, "-keyout", folder / "key.pem"});
  ASSERT_EQ(made.exit_code, 0) << made;
  S3Server secure({.certificate = certificate, .private_key = folder / "key.pem"});
  const std::string port = secure.endpoint().substr(secure.endpoint().rfind(':'));
  const auto error_of = [&](const std::string& host) {
    const auto listed =
        std::move(*OpenStore("s3://archive/x?endpoint=https://" + host + port))->List("");
    return listed ? Error{ErrorKind::kFailed, "listed", ""} : listed.error();
  };
  EXPECT_EQ(error_of("localhost").kind, ErrorKind::kDenied);
  EXPECT_THAT(error_of("localhost").hint, HasSubstr("AWS_CA_BUNDLE"));
  setenv("AWS_CA_BUNDLE", certificate.c_str(), 1);
  EXPECT_EQ(error_of("127.0.0.1").kind, ErrorKind::kDenied) << "a name of another host";
  EXPECT_EQ(error_of("localhost").message, "listed");
  setenv("AWS_CA_BUNDLE", "/nonexistent", 1);
  EXPECT_EQ(error_of("localhost").kind, ErrorKind::kDenied);
  test::UseS3Credentials();
}

}  // namespace
}  // namespace trunkline
