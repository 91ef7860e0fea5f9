#include "archive/pfs_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "archive/store.h"
#include "tests/support/files.h"
#include "tests/support/must.h"

namespace trunkline::test {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(PfsAddressTest, HasItsParts) {
  const PfsAddress plain = Must(ParsePfsAddress("pfs://pachd/archive@master"));
  EXPECT_FALSE(plain.tls);
  EXPECT_EQ(plain.endpoint(), "pachd:30650");
  EXPECT_EQ(plain.project, "default");
  EXPECT_EQ(plain.repo, "archive");
  EXPECT_EQ(plain.branch, "master");
  EXPECT_EQ(plain.place(), "archive@master");

  const PfsAddress full =
      Must(ParsePfsAddress("pfs+tls://[::1]:443/shop/a-b_c@v1.2?ca=/a%20b.pem"));
  EXPECT_TRUE(full.tls);
  EXPECT_EQ(full.endpoint(), "[::1]:443");
  EXPECT_EQ(full.project, "shop");
  EXPECT_EQ(full.repo, "a-b_c");
  EXPECT_EQ(full.branch, "v1.2");
  EXPECT_EQ(full.ca_file, "/a b.pem");
  EXPECT_EQ(full.place(), "shop/a-b_c@v1.2");
}

TEST(PfsAddressTest, WhatIsMissingOrMisspeltIsNamed) {
  for (const auto& [url, words] : std::vector<std::pair<std::string, std::string>>{
           {"pfs://", "names no repo"},
           {"pfs://host", "names no repo"},
           {"pfs:///archive@master", "names no host"},
           {"pfs://host/archive", "names no branch"},
           {"pfs://host/archive@", "has a branch"},
           {"pfs://host/@master", "has a repo"},
           {"pfs://host//archive@master", "has a project"},
           {"pfs://host/a/b/c@master", "has a repo"},
           {"pfs://host/arch ive@master", "has a repo"},
           {"pfs://host/archive@ma/ster", "has a branch"},
           {"pfs://host/archive@0123456789abcdef0123456789abcdef", "a PFS commit"},
           {"pfs://host:0/archive@master", "port"},
           {"pfs://host:65536/archive@master", "port"},
           {"pfs://host:/archive@master", "port"},
           {"pfs://host:1x/archive@master", "port"},
           {"pfs://[::1/archive@master", "']'"},
           {"pfs://[::1]30650/archive@master", "no port"},
           {"pfs://ho st/archive@master", "names no host"},
           {"pfs://host/archive@master?ca=x", "TLS only"},
           {"pfs+tls://host/archive@master?ca=", "empty ca"},
           {"pfs+tls://host/archive@master?ca=x&y=z", "no parameter but ca"},
           {"pfs+tls://host/archive@master?token=x", "no parameter but ca"}}) {
    const auto address = ParsePfsAddress(url);
    ASSERT_FALSE(address) << url;
    EXPECT_EQ(address.error().kind, ErrorKind::kInvalidArgument) << url;
    EXPECT_THAT(address.error().message, HasSubstr(words)) << url;
    EXPECT_NE(address.error().hint, "") << url;
    EXPECT_FALSE(OpenStore(url)) << url;
  }
}

TEST(PfsAddressTest, ATokenInItIsRefusedAndNotRepeated) {
  const auto address = ParsePfsAddress("pfs://secret@host/archive@master");
  ASSERT_FALSE(address);
  EXPECT_THAT(address.error().ToString(), Not(HasSubstr("secret")));
  EXPECT_THAT(address.error().hint, HasSubstr("PACH_TOKEN"));
}

constexpr char kConfig[] = R"({"user_id": "x", "v2": {"active_context": "shop", "contexts": {
    "shop": {"pachd_address": "grpcs://pachd.example:443", "session_token": "shop-token",
             "server_cas": "UEVNCg=="},
    "other": {"pachd_address": "grpc://other:30650", "session_token": "other-token"}}}})";

TEST(PfsCredentialsTest, AreThoseOfTheActiveContext) {
  const auto of = [](const char* url) {
    return Must(PfsCredentialsOfConfig(kConfig, Must(ParsePfsAddress(url))));
  };
  EXPECT_EQ(of("pfs+tls://pachd.example:443/a@b").token, "shop-token");
  EXPECT_EQ(of("pfs+tls://pachd.example:443/a@b").ca_certificates, "PEM\n");
  EXPECT_EQ(of("pfs+tls://pachd.example/a@b").token, "") << "another port";
  EXPECT_EQ(of("pfs+tls://elsewhere.example:443/a@b").token, "");
  EXPECT_EQ(of("pfs://other/a@b").token, "") << "not active";
}

TEST(PfsCredentialsTest, AConfigurationMayLackAnything) {
  const PfsAddress address = Must(ParsePfsAddress("pfs://h/a@b"));
  for (const char* json : {"{}", R"({"v2": 1})", R"({"v2": {}})", R"({"v2": {"contexts": {}}})",
                           R"({"v2": {"active_context": "x", "contexts": {"x": 1}}})",
                           R"({"v2": {"active_context": 1, "contexts": {"x": {}}}})"}) {
    EXPECT_EQ(Must(PfsCredentialsOfConfig(json, address)).token, "") << json;
  }
  EXPECT_FALSE(PfsCredentialsOfConfig("no JSON", address));
  EXPECT_FALSE(PfsCredentialsOfConfig(R"({"v2": {"active_context": "x", "contexts": {"x":
      {"pachd_address": "h:30650", "server_cas": "!"}}}})",
                                      address));
}

// Sets variables of the environment for as long as it lives.
class Environment {
 public:
  Environment(std::initializer_list<std::pair<const char*, std::string>> variables) {
    for (const auto& [name, value] : variables) {
      const char* before = std::getenv(name);
      before_.emplace_back(name, before == nullptr ? "" : before);
      setenv(name, value.c_str(), 1);
    }
  }
  ~Environment() {
    for (const auto& [name, value] : before_) setenv(name.c_str(), value.c_str(), 1);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  std::vector<std::pair<std::string, std::string>> before_;
};

TEST(PfsCredentialsTest, TheEnvironmentComesFirst) {
  TempFolder folder;
  WriteFile(folder / "config.json", kConfig);
  WriteFile(folder / "ca.pem", "OTHER PEM");
  const PfsAddress address = Must(ParsePfsAddress("pfs+tls://pachd.example:443/a@b"));
  const Environment config({{"PACH_CONFIG", folder / "config.json"}, {"PACH_TOKEN", ""}});
  EXPECT_EQ(Must(FindPfsCredentials(address)).token, "shop-token");
  const Environment more({{"PACH_TOKEN", "mine"}, {"PACH_CA_CERTS", folder / "ca.pem"}});
  EXPECT_EQ(Must(FindPfsCredentials(address)).token, "mine");
  EXPECT_EQ(Must(FindPfsCredentials(address)).ca_certificates, "OTHER PEM");
  PfsAddress with_ca = address;
  with_ca.ca_file = folder / "config.json";
  EXPECT_EQ(Must(FindPfsCredentials(with_ca)).ca_certificates, kConfig);
}

TEST(PfsCredentialsTest, AFileThatIsNamedHasToBeThere) {
  PfsAddress address = Must(ParsePfsAddress("pfs+tls://h/a@b"));
  {
    const Environment missing({{"PACH_CONFIG", "/nowhere/config.json"}, {"PACH_TOKEN", ""}});
    EXPECT_EQ(FindPfsCredentials(address).error().kind, ErrorKind::kNotFound);
  }
  const Environment none({{"PACH_CONFIG", ""}, {"HOME", "/nowhere"}, {"PACH_TOKEN", ""}});
  EXPECT_EQ(Must(FindPfsCredentials(address)).token, "");
  address.ca_file = "/nowhere/ca.pem";
  const auto found = FindPfsCredentials(address);
  EXPECT_EQ(found.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(found.error().hint, HasSubstr("PACH_CA_CERTS"));
}

}  // namespace
}  // namespace trunkline::test
