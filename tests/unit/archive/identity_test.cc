#include "archive/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "archive/directory_store.h"
#include "tests/unit/archive/temporary_folder.h"

namespace trunkline {
namespace {

using testing::HasSubstr;

Identity Shop() {
  Identity identity;
  identity.system_identifier = "7300000000000000001";
  identity.database = "shop \"é\"\n";
  identity.publication = "trunkline";
  identity.slot = "trunkline";
  return identity;
}

ErrorKind ParseError(std::string_view bytes) {
  const auto identity = Identity::Parse(bytes);
  EXPECT_FALSE(identity) << bytes;
  return identity ? ErrorKind::kCancelled : identity.error().kind;
}

TEST(IdentityTest, ComesBackFromItsBytes) {
  const auto parsed = Identity::Parse(Shop().Serialize());
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, Shop());
  EXPECT_EQ(parsed->Serialize(), Shop().Serialize());
}

TEST(IdentityTest, IsJsonThatAPersonCanRead) {
  Identity identity = Shop();
  identity.database = "shop";
  EXPECT_EQ(identity.Serialize(),
            "{\n"
            "  \"format_version\": 1,\n"
            "  \"system_identifier\": \"7300000000000000001\",\n"
            "  \"database\": \"shop\",\n"
            "  \"publication\": \"trunkline\",\n"
            "  \"slot\": \"trunkline\"\n"
            "}\n");
}

TEST(IdentityTest, DigestFollowsEveryField) {
  EXPECT_EQ(Shop().Digest().size(), 32);
  EXPECT_EQ(Shop().Digest(), Shop().Digest());
  for (std::string Identity::*field : {&Identity::system_identifier, &Identity::database,
                                       &Identity::publication, &Identity::slot}) {
    Identity other = Shop();
    other.*field += "x";
    EXPECT_NE(other.Digest(), Shop().Digest());
  }
}

TEST(IdentityTest, RefusesWhatIsNoIdentity) {
  for (const char* bytes :
       {"", "{", "[]", "null", "{}", "{\"format_version\": \"1\"}", "{\"format_version\": -1}",
        "{\"format_version\": 1}", "{\"format_version\": 1, \"system_identifier\": 7}"}) {
    EXPECT_EQ(ParseError(bytes), ErrorKind::kCorrupt);
  }
  const std::string whole = Shop().Serialize();
  for (size_t length = 0; length + 2 < whole.size(); ++length) {
    EXPECT_EQ(ParseError(whole.substr(0, length)), ErrorKind::kCorrupt);
  }
}

TEST(IdentityTest, SaysThatALaterFormatIsNotKnown) {
  Identity later = Shop();
  later.format_version = 2;
  EXPECT_EQ(ParseError(later.Serialize()), ErrorKind::kUnsupported);
}

TEST(IdentityTest, NamesEachFieldThatDiffers) {
  EXPECT_TRUE(CheckSameSource(Shop(), Shop()));
  Identity other = Shop();
  other.system_identifier = "7300000000000000002";
  other.slot = "second";
  const auto result = CheckSameSource(Shop(), other);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kWrongSource);
  EXPECT_EQ(
      result.error().message,
      "the archive belongs to another source: system identifier is \"7300000000000000001\" in "
      "the archive and \"7300000000000000002\" at the source, slot is \"trunkline\" in the "
      "archive and \"second\" at the source");
}

TEST(IdentityTest, SaysWhereThereIsNoArchive) {
  TemporaryFolder folder;
  const auto store = NewDirectoryStore(folder / "none", "file:///none");
  const auto identity = ReadIdentity(*store);
  ASSERT_FALSE(identity);
  EXPECT_EQ(identity.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(identity.error().message, HasSubstr("file:///none"));
  EXPECT_NE(identity.error().hint, "");
}

}  // namespace
}  // namespace trunkline
