// What an operator is told, and whether the daemon would wait or stop.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "archive/pfs_status.h"
#include "tests/support/files.h"
#include "tests/support/program.h"
#include "tests/support/source.h"
#include "tests/unit/stores/pfs_rig.h"

namespace trunkline::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kToken[] = "secret-token";
constexpr char kReaderToken[] = "secret-reader-token";

Error PutError(Store* store) {
  const Result<void> put = PutObject(store, "identity", "x");
  EXPECT_FALSE(put);
  return put ? Error{} : put.error();
}

void ExpectError(const Error& error, ErrorKind kind, const std::string& hint) {
  EXPECT_EQ(error.kind, kind) << error.ToString();
  EXPECT_THAT(error.hint, HasSubstr(hint)) << error.ToString();
  EXPECT_THAT(error.ToString(), Not(HasSubstr("secret")));
}

TEST(PfsErrorsTest, NoServer) {
  const auto store = NewPfsStore(
      Must(ParsePfsAddress("pfs://127.0.0.1:" + std::to_string(FreePort()) + "/archive@master")),
      {});
  ExpectError(PutError(store.get()), ErrorKind::kUnavailable, "check that pachd runs");
  EXPECT_EQ(store->List("").error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(store->Open("identity").error().kind, ErrorKind::kUnavailable);
}

TEST(PfsErrorsTest, TokensAndRights) {
  PfsRig rig({.token = kToken, .reader_token = kReaderToken});
  ExpectError(PutError(rig.Connect().get()), ErrorKind::kDenied, "PACH_TOKEN");
  ExpectError(PutError(rig.Connect("secret-other").get()), ErrorKind::kDenied, "PACH_TOKEN");
  ExpectError(PutError(rig.Connect(kReaderToken).get()), ErrorKind::kDenied,
              "pachctl auth set repo");
  ASSERT_TRUE(PutObject(rig.Connect(kToken).get(), "identity", "x"));
  EXPECT_EQ(Must(GetObject(*rig.Connect(kReaderToken), "identity", 1)), "x");
  const auto reader = rig.Connect(kReaderToken);
  EXPECT_EQ(PutObject(reader.get(), "a", "x").error().kind, ErrorKind::kDenied);
  EXPECT_EQ(reader->Remove(std::vector<std::string>{"identity"}).error().kind, ErrorKind::kDenied);
}

TEST(PfsErrorsTest, AFullServer) {
  PfsRig rig({.repos = {.quota_bytes = 10}});
  const auto store = rig.Connect();
  Must(PutObject(store.get(), "identity", "x"));
  const auto put = PutObject(store.get(), "a", "more than ten bytes");
  ASSERT_FALSE(put);
  ExpectError(put.error(), ErrorKind::kUnavailable, "make room");
  EXPECT_TRUE(PutObject(store.get(), "b", "few"));
}

TEST(PfsErrorsTest, AServerWithoutProjects) {
  PfsRig rig;
  PfsAddress address = rig.address();
  address.project = "shop";
  rig.faults().Set({.method = "CreateProject",
                    .point = FaultPoint::kEntry,
                    .answer = {RpcCode::kUnimplemented, "unknown method CreateProject"}});
  ExpectError(PutError(NewPfsStore(address, {}).get()), ErrorKind::kUnsupported,
              "2.5 for projects");
}

TEST(PfsErrorsTest, NoRightToMakeAProject) {
  PfsRig rig;
  PfsAddress address = rig.address();
  address.project = "shop";
  rig.faults().Set(
      {.method = "CreateProject",
       .answer = {RpcCode::kUnknown, "x is not authorized to perform this operation"}});
  const Error error = PutError(NewPfsStore(address, {}).get());
  ExpectError(error, ErrorKind::kDenied, "needs the right to make one");
  EXPECT_THAT(error.message, HasSubstr("project shop"));
}

// A certificate and its key, of an authority of its own.
class Certificate {
 public:
  explicit Certificate(const std::string& alternative_name) {
    const Outcome made =
        RunProgram({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj", "/CN=test",
                    "-addext", "subjectAltName=" + alternative_name, "-keyout", folder_ / "key",
                    "-out", folder_ / "pem"});
    if (made.exit_code != 0) throw std::runtime_error(made.err);
  }
  std::string file() const { return folder_ / "pem"; }
  std::string pem() const { return ReadFile(folder_ / "pem"); }
  std::string key() const { return ReadFile(folder_ / "key"); }

 private:
  TempFolder folder_;
};

TEST(PfsErrorsTest, Certificates) {
  const Certificate ours("IP:127.0.0.1");
  const Certificate of_another_host("DNS:another.example");
  PfsRig rig({.certificate = ours.pem(), .private_key = ours.key()});
  const PfsAddress address = rig.address("pfs+tls");
  const auto store = NewPfsStore(address, {.ca_certificates = ours.pem()});
  ASSERT_TRUE(PutObject(store.get(), "identity", "x"));
  const auto by_file = Must(OpenStore(address.url + "?ca=" + ours.file()));
  EXPECT_EQ(Must(GetObject(*by_file, "identity", 1)), "x");

  ExpectError(PutError(NewPfsStore(address, {}).get()), ErrorKind::kDenied, "?ca=FILE");
  ExpectError(PutError(NewPfsStore(address, {.ca_certificates = of_another_host.pem()}).get()),
              ErrorKind::kDenied, "?ca=FILE");
  PfsRig other({.certificate = of_another_host.pem(), .private_key = of_another_host.key()});
  ExpectError(
      PutError(
          NewPfsStore(other.address("pfs+tls"), {.ca_certificates = of_another_host.pem()}).get()),
      ErrorKind::kDenied, "of the host 127.0.0.1");
  EXPECT_EQ(PutError(NewPfsStore(rig.address(), {}).get()).kind, ErrorKind::kUnavailable);
}

TEST(PfsErrorsTest, TlsWhereThereIsNone) {
  PfsRig rig;
  ExpectError(PutError(NewPfsStore(rig.address("pfs+tls"), {}).get()), ErrorKind::kDenied,
              "write pfs://");
}

TEST(PfsErrorsTest, EveryCodeIsSomething) {
  const PfsAddress address = Must(ParsePfsAddress("pfs://host/archive@master"));
  const auto kind = [&](RpcCode code, const char* words = "") {
    return PfsError(code, words, "write", address).kind;
  };
  EXPECT_EQ(kind(RpcCode::kUnavailable), ErrorKind::kUnavailable);
  EXPECT_EQ(kind(RpcCode::kDeadlineExceeded), ErrorKind::kUnavailable);
  EXPECT_EQ(kind(RpcCode::kResourceExhausted), ErrorKind::kUnavailable);
  EXPECT_EQ(kind(RpcCode::kInternal), ErrorKind::kUnavailable);
  EXPECT_EQ(kind(RpcCode::kNotFound), ErrorKind::kNotFound);
  EXPECT_EQ(kind(RpcCode::kUnauthenticated), ErrorKind::kDenied);
  EXPECT_EQ(kind(RpcCode::kPermissionDenied), ErrorKind::kDenied);
  EXPECT_EQ(kind(RpcCode::kUnimplemented), ErrorKind::kUnsupported);
  EXPECT_EQ(kind(RpcCode::kUnknown, "etcdserver: leader changed"), ErrorKind::kUnavailable);
  EXPECT_EQ(kind(RpcCode::kUnknown, "repos default/x not found"), ErrorKind::kNotFound);
  EXPECT_EQ(
      kind(RpcCode::kUnknown, "the branch master has no head (create one with 'start commit')"),
      ErrorKind::kNotFound);
  EXPECT_EQ(kind(RpcCode::kUnknown, "cannot start a commit on an output branch: x"),
            ErrorKind::kInvalidArgument);
  const Error error =
      PfsError(RpcCode::kInternal, "two\nlines\x01" + std::string(1000, 'x'), "write", address);
  EXPECT_EQ(error.message.find_first_of("\n\x01"), std::string::npos);
  EXPECT_LT(error.message.size(), 500U);
  EXPECT_THAT(error.message, HasSubstr("cannot write at host:30650"));
}

TEST(PfsErrorsTest, FaultsAreWrittenDown) {
  const Fault fault = Must(ParseFault("ModifyFile 2-4 after unavailable"));
  EXPECT_EQ(fault.method, "ModifyFile");
  EXPECT_EQ(fault.first, 2);
  EXPECT_EQ(fault.last, 4);
  EXPECT_EQ(fault.point, FaultPoint::kAfter);
  EXPECT_EQ(fault.answer.code, RpcCode::kUnavailable);
  EXPECT_EQ(Must(ParseFault("GetFile 1- entry delay 20")).delay.count(), 20);
  EXPECT_EQ(Must(ParseFault("ModifyFile 1 before finish-error no space")).finish_error, "no space");
  for (const char* text : {"", "ModifyFile", "ModifyFile x before unavailable",
                           "ModifyFile 1 during unavailable", "ModifyFile 1 after gone",
                           "ModifyFile 1 before delay", "ModifyFile 1 before finish-error"}) {
    EXPECT_FALSE(ParseFault(text)) << text;
  }
}

}  // namespace
}  // namespace trunkline::test
