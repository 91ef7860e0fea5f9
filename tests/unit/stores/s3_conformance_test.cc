// The S3 store passes the suite of all stores: on our own server, as Amazon's S3 and as lesser ones
// behave, and on one that others wrote; on any other with
//
//   TRUNKLINE_TEST_S3=s3://BUCKET/PREFIX?... build/bin/stores_test --gtest_filter='*/Given'
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <set>

#include "archive/s3_store.h"
#include "tests/s3_server/process.h"
#include "tests/s3_server/server.h"
#include "tests/unit/archive/store_conformance.h"
#include "tests/unit/stores/s3rver.h"

// What is freed would count as memory in use otherwise.
extern "C" const char* __asan_default_options() { return "quarantine_size_mb=8"; }

namespace trunkline {
namespace {

constexpr const char* kUnreachable = "http://127.0.0.1:1";

// A folder of its own in the server's bucket.
class S3Place : public StorePlace {
 public:
  explicit S3Place(const std::string& endpoint) {
    static std::atomic<int> places{0};
    test::UseS3Credentials();
    url_ = test::S3Url(endpoint, "place" + std::to_string(++places) + "/archive");
  }
  std::unique_ptr<Store> Connect() override { return std::move(*OpenStore(url_)); }

 private:
  std::string url_;
};

// Marks the test that is about to run as skipped when it is one of `names`.
void Skip(const std::set<std::string>& names, const char* reason) {
  const std::string test = testing::UnitTest::GetInstance()->current_test_info()->name();
  if (names.contains(test.substr(0, test.find('/')))) GTEST_SKIP() << reason;
}

std::unique_ptr<StorePlace> OnOurServer() {
  static const test::S3TestServer server;
  return std::make_unique<S3Place>(server.endpoint());
}

// As Pachyderm's gateway: no conditions, and only the first version of listings.
std::unique_ptr<StorePlace> OnALesserServer() {
  static const test::S3TestServer server(
      {"--conditions", "ignored", "--first-version", "--page-keys", "3"});
  Skip({"OneOfTwoRivalsWins"}, "needs a server that honours If-None-Match");
  Skip({"HoldsBigObjectsInLittleMemory"}, "holds on the other server");
  return std::make_unique<S3Place>(server.endpoint());
}

std::unique_ptr<StorePlace> OnS3rver() {
  if (!S3rver::fetched()) {
    [] { GTEST_SKIP() << "tests/s3rver/fetch.sh has not fetched it"; }();
    return std::make_unique<S3Place>(kUnreachable);
  }
  static const S3rver server;
  Skip({"OneOfTwoRivalsWins"}, "needs a server that honours If-None-Match");
  Skip({"TakesNamesAsTheyAre"}, "needs a server whose names are not those of files");
  Skip({"NothingHalfWrittenIsSeenAfterAKill", "TakesPutsFromManyThreads", "OneOfTwoRivalsAppends",
        "PutsWhileItsFolderIsRemoved"},
       "needs a server whose objects appear whole");
  return std::make_unique<S3Place>(server.endpoint());
}

// An own folder of the address in TRUNKLINE_TEST_S3, with the credentials of the environment.
class GivenPlace : public StorePlace {
 public:
  explicit GivenPlace(std::string url) : url_(std::move(url)) {
    static std::atomic<int> places{0};
    const std::string folder =
        "/trunkline-test-" + std::to_string(getpid()) + "-" + std::to_string(++places);
    url_.insert(std::min(url_.find('?'), url_.size()), folder);
  }
  ~GivenPlace() override {
    const std::unique_ptr<Store> store = Connect();
    const auto objects = store->List("");
    EXPECT_TRUE(objects);
    if (!objects) return;
    for (const ObjectInfo& object : *objects) EXPECT_TRUE(store->Remove({&object.name, 1}));
  }
  std::unique_ptr<Store> Connect() override { return std::move(*OpenStore(url_)); }

 private:
  std::string url_;
};

std::vector<StoreKind> Kinds() {
  std::vector<StoreKind> kinds = {
      {"OurServer", OnOurServer}, {"LesserServer", OnALesserServer}, {"S3rver", OnS3rver}};
  const char* given = std::getenv("TRUNKLINE_TEST_S3");
  if (given != nullptr) {
    kinds.push_back({"Given", [url = std::string(given)]() -> std::unique_ptr<StorePlace> {
                       return std::make_unique<GivenPlace>(url);
                     }});
  }
  return kinds;
}

INSTANTIATE_TEST_SUITE_P(S3, StoreConformance, testing::ValuesIn(Kinds()), StoreKindName);

// The signatures of requests for keys that have to be encoded.
TEST(S3rverTest, UnderstandsNamesOfEveryKind) {
  if (!S3rver::fetched()) GTEST_SKIP() << "tests/s3rver/fetch.sh has not fetched it";
  const S3rver server;
  S3Place place(server.endpoint());
  const std::unique_ptr<Store> store = place.Connect();
  for (const std::string name :
       {"snapshots/public.a%2Eb%20c.0.seg", "long~0123456789abcdef", "with space+plus", "a=b&c",
        "quote'(x)!*", "\xC3\xA4\xE2\x82\xAC", "semi;colon,comma:at@$"}) {
    const auto put = PutObject(store.get(), name, name);
    ASSERT_TRUE(put) << name << ": " << put.error().ToString();
    const auto read = GetObject(*store, name, 1000);
    ASSERT_TRUE(read) << name << ": " << read.error().ToString();
    EXPECT_EQ(*read, name);
    // It signs these in a query, and writes that in XML, as nobody else does.
    const bool may_be_listed = name.find_first_of("'&") == std::string::npos;
    if (may_be_listed) {
      const auto listed = store->List(name);
      ASSERT_TRUE(listed) << name << ": " << listed.error().ToString();
      EXPECT_EQ(*listed, (std::vector<ObjectInfo>{{name, name.size()}}));
    }
    ASSERT_TRUE(store->Remove({&name, 1}));
    EXPECT_FALSE(store->Open(name)) << name;
  }
}

TEST(S3rverTest, RefusesAWrongKey) {
  if (!S3rver::fetched()) GTEST_SKIP() << "tests/s3rver/fetch.sh has not fetched it";
  const S3rver server;
  S3Place place(server.endpoint());
  setenv("AWS_SECRET_ACCESS_KEY", "another-secret", 1);
  const std::unique_ptr<Store> store = place.Connect();
  const auto listed = store->List("");
  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().kind, ErrorKind::kDenied);
  EXPECT_NE(listed.error().message.find("SignatureDoesNotMatch"), std::string::npos)
      << listed.error().ToString();
  // The credentials are looked up again after they were refused.
  test::UseS3Credentials();
  EXPECT_TRUE(store->List(""));
}

TEST(S3rverTest, TakesAnObjectInParts) {
  if (!S3rver::fetched()) GTEST_SKIP() << "tests/s3rver/fetch.sh has not fetched it";
  const S3rver server;
  test::UseS3Credentials();
  auto address = ParseS3Address(test::S3Url(server.endpoint(), "parts"), {});
  ASSERT_TRUE(address);
  const auto store = NewS3Store(*address, "", {.part_bytes = 5 << 20});
  std::string content(11 << 20, 'a');
  content[5 << 20] = 'b';
  content.back() = 'c';
  ASSERT_TRUE(PutObject(store.get(), "big", content));
  const auto read = GetObject(*store, "big", content.size());
  ASSERT_TRUE(read);
  EXPECT_TRUE(*read == content);
}

}  // namespace
}  // namespace trunkline
