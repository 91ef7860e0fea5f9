#include "archive/directory_store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <vector>

#include "archive/atomic_file.h"
#include "tests/unit/archive/store_conformance.h"
#include "tests/unit/archive/temporary_folder.h"

namespace trunkline {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class DirectoryPlace : public StorePlace {
 public:
  std::unique_ptr<Store> Connect() override {
    return NewDirectoryStore(folder_ / "new/archive", "/new/archive");
  }

 private:
  TemporaryFolder folder_;
};

class SymlinkPlace : public StorePlace {
 public:
  SymlinkPlace() {
    fs::create_directory(folder_ / "real");
    fs::create_directory_symlink("real", folder_ / "link");
  }
  std::unique_ptr<Store> Connect() override { return NewDirectoryStore(folder_ / "link", "/link"); }

 private:
  TemporaryFolder folder_;
};

INSTANTIATE_TEST_SUITE_P(
    Directory, StoreConformance,
    testing::Values(StoreKind{"directory", [] { return std::make_unique<DirectoryPlace>(); }},
                    StoreKind{"symlinked_root", [] { return std::make_unique<SymlinkPlace>(); }}),
    StoreKindName);

class DirectoryStoreTest : public testing::Test {
 protected:
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    const auto objects = store_->List("");
    if (!objects) return {objects.error().ToString()};
    for (const ObjectInfo& object : *objects) names.push_back(object.name);
    return names;
  }

  TemporaryFolder folder_;
  std::string root_ = folder_ / "archive";
  std::unique_ptr<Store> store_ = NewDirectoryStore(root_, root_);
};

// Runs `check` as an ordinary user: root may write anywhere.
void AsNobody(const std::function<bool()>& check) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(2);
    _exit(check() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(DirectoryStoreTest, RemovesWhatACrashLeft) {
  WriteFile(root_ + "/changes/.tmp-dead", "half");
  WriteFile(root_ + "/snapshots/0000000000000001/.tmp-dead", "half");
  EXPECT_THAT(Names(), IsEmpty());
  ASSERT_TRUE(PutObject(store_.get(), "changes/a", "x"));
  EXPECT_FALSE(fs::exists(root_ + "/changes/.tmp-dead"));
  EXPECT_FALSE(fs::exists(root_ + "/snapshots/0000000000000001"));
  EXPECT_THAT(Names(), ElementsAre("changes/a"));
}

TEST_F(DirectoryStoreTest, RemovesWhatACrashLeftBelowALink) {
  WriteFile(folder_ / "real/changes/.tmp-dead", "half");
  fs::create_directory_symlink("real", root_);
  ASSERT_TRUE(PutObject(store_.get(), "changes/a", "x"));
  EXPECT_FALSE(fs::exists(folder_ / "real/changes/.tmp-dead"));
}

TEST_F(DirectoryStoreTest, LeavesWhatAnotherProcessIsWriting) {
  const std::string path = root_ + "/changes/.tmp-alive";
  WriteFile(path, "half");
  const int fd = open(path.c_str(), O_RDWR);
  ASSERT_EQ(flock(fd, LOCK_EX), 0);
  ASSERT_TRUE(PutObject(store_.get(), "changes/a", "x"));
  EXPECT_TRUE(fs::exists(path));
  close(fd);
}

TEST_F(DirectoryStoreTest, LeavesNoTemporaryFiles) {
  ASSERT_TRUE(PutObject(store_.get(), "changes/a", "x"));
  ASSERT_FALSE(PutObject(store_.get(), "changes/a", "y"));
  EXPECT_EQ(std::distance(fs::directory_iterator(root_ + "/changes"), {}), 1);
}

TEST_F(DirectoryStoreTest, ReadsATreeItMayNotWrite) {
  ASSERT_TRUE(PutObject(store_.get(), "changes/a", "x"));
  fs::permissions(folder_.path(), fs::perms(0555));
  fs::permissions(root_, fs::perms(0555));
  fs::permissions(root_ + "/changes", fs::perms(0555));
  AsNobody([&] {
    const auto bytes = GetObject(*store_, "changes/a", 10);
    const auto objects = store_->List("");
    const auto put = PutObject(store_.get(), "changes/b", "x");
    return bytes && *bytes == "x" && objects && objects->size() == 1 && !put &&
           put.error().kind == ErrorKind::kDenied && !put.error().hint.empty();
  });
  fs::permissions(folder_.path(), fs::perms(0755));
}

TEST_F(DirectoryStoreTest, AFolderItMayNotReadIsAnError) {
  ASSERT_TRUE(PutObject(store_.get(), "changes/a", "x"));
  fs::permissions(folder_.path(), fs::perms(0755));
  fs::permissions(root_ + "/changes", fs::perms(0));
  AsNobody([&] {
    const auto objects = store_->List("");
    const auto object = store_->Open("changes/a");
    return !objects && objects.error().kind == ErrorKind::kDenied && !object &&
           object.error().kind == ErrorKind::kDenied;
  });
}

TEST_F(DirectoryStoreTest, SaysThatTheRootIsAFile) {
  WriteFile(root_, "");
  const auto objects = store_->List("");
  ASSERT_FALSE(objects);
  EXPECT_EQ(objects.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(objects.error().message, HasSubstr("is a file, not a folder"));
  EXPECT_EQ(store_->Open("identity").error().kind, ErrorKind::kInvalidArgument);
  const auto put = PutObject(store_.get(), "identity", "x");
  ASSERT_FALSE(put);
  EXPECT_THAT(put.error().message, HasSubstr("is a file, not a folder"));
}

TEST_F(DirectoryStoreTest, SaysThatAFileStandsWhereAFolderShould) {
  WriteFile(root_ + "/changes", "");
  const auto put = PutObject(store_.get(), "changes/a", "x");
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().kind, ErrorKind::kInvalidArgument);
}

TEST_F(DirectoryStoreTest, FollowsLinksButNotRoundForEver) {
  WriteFile(folder_ / "elsewhere/a", "x");
  fs::create_directories(root_);
  fs::create_directory_symlink(folder_ / "elsewhere", root_ + "/changes");
  fs::create_directory_symlink(root_, folder_ / "elsewhere/back");
  fs::create_symlink("nowhere", root_ + "/dangling");
  fs::create_symlink("itself", root_ + "/itself");
  EXPECT_THAT(Names(), ElementsAre("changes/a"));
}

TEST_F(DirectoryStoreTest, SaysHowToReadALazyInput) {
  fs::create_directories(root_);
  ASSERT_EQ(mkfifo((root_ + "/identity").c_str(), 0666), 0);
  const auto object = store_->Open("identity");
  ASSERT_FALSE(object);
  EXPECT_EQ(object.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(object.error().hint, HasSubstr("lazy"));
}

// Runs `check` where `folder` is a file system of its own, of 1 MiB. Needs the right to mount.
void OnASmallDisk(const std::string& folder, const std::function<bool()>& check) {
  fs::create_directories(folder);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (unshare(CLONE_NEWNS) != 0 || mount("", "/", "", MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("none", folder.c_str(), "tmpfs", 0, "size=1m") != 0) {
      _exit(77);
    }
    _exit(check() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << "may not mount";
  EXPECT_EQ(status, 0);
}

TEST_F(DirectoryStoreTest, AFullDiskCanBeTriedAgain) {
  OnASmallDisk(root_, [&] {
    const std::string content(600 << 10, 'x');
    const bool first = PutObject(store_.get(), "changes/a", content).has_value();
    const auto second = PutObject(store_.get(), "changes/b", content);
    if (!first || second || second.error().kind != ErrorKind::kUnavailable) return false;
    if (second.error().hint.find("free space") == std::string::npos) return false;
    const std::string name = "changes/a";
    return store_->Remove({&name, 1}) && PutObject(store_.get(), "changes/b", content);
  });
}

TEST_F(DirectoryStoreTest, SaysThatTheDiskIsReadOnly) {
  OnASmallDisk(root_, [&] {
    if (!PutObject(store_.get(), "changes/a", "x")) return false;
    if (mount("none", root_.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, nullptr) != 0) _exit(77);
    const auto put = PutObject(store_.get(), "changes/b", "x");
    return !put && put.error().kind == ErrorKind::kDenied &&
           put.error().hint.find("read-only") != std::string::npos &&
           GetObject(*store_, "changes/a", 1);
  });
}

TEST(FileErrorTest, SaysWhatCanBeTriedAgain) {
  EXPECT_EQ(FileError("x", ENOSPC).kind, ErrorKind::kUnavailable);
  EXPECT_EQ(FileError("x", EDQUOT).kind, ErrorKind::kUnavailable);
  EXPECT_EQ(FileError("x", EIO).kind, ErrorKind::kUnavailable);
  EXPECT_EQ(FileError("x", EROFS).kind, ErrorKind::kDenied);
  EXPECT_EQ(FileError("x", EACCES).kind, ErrorKind::kDenied);
  EXPECT_EQ(FileError("x", ENOTDIR).kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(FileError("x", ENAMETOOLONG).kind, ErrorKind::kFailed);
  for (const int number : {ENOSPC, EIO, EROFS, EACCES, EMFILE, EFBIG}) {
    EXPECT_NE(FileError("x", number).hint, "") << number;
  }
}

TEST_F(DirectoryStoreTest, AFileThatMayNotGrowFailsWholly) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1 << 20, 1 << 20};
    setrlimit(RLIMIT_FSIZE, &limit);
    const auto put = PutObject(store_.get(), "changes/a", std::string(2 << 20, 'x'));
    _exit(!put && put.error().hint.find("ulimit -f") != std::string::npos ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_THAT(Names(), IsEmpty());
  EXPECT_TRUE(fs::is_empty(root_ + "/changes"));
}

TEST(OpenStoreTest, TakesPathsAndFileUrls) {
  TemporaryFolder folder;
  WriteFile(folder / "with space/a", "x");
  for (const std::string& url :
       {folder / "with space", folder / "with space/", "file://" + (folder / "with%20space")}) {
    const auto store = OpenStore(url);
    ASSERT_TRUE(store) << url;
    EXPECT_EQ((*store)->url(), url);
    EXPECT_TRUE(GetObject(**store, "a", 1)) << url;
  }
}

TEST(OpenStoreTest, KeepsARelativePathWhereItWas) {
  TemporaryFolder folder;
  WriteFile(folder / "archive/a", "x");
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  const auto store = OpenStore("archive");
  fs::current_path(before);
  ASSERT_TRUE(store);
  EXPECT_TRUE(GetObject(**store, "a", 1));
}

TEST(OpenStoreTest, MakesNothing) {
  TemporaryFolder folder;
  const auto store = OpenStore(folder / "archive");
  ASSERT_TRUE(store);
  EXPECT_TRUE((*store)->List("")->empty());
  EXPECT_FALSE(fs::exists(folder / "archive"));
}

TEST(OpenStoreTest, NamesWhatItUnderstands) {
  for (const char* url : {"", "ftp://host/x", "://x", "s3:bucket/x", "file:/x", "file://host/x",
                          "file://", "file:///a%zz", "file:///a%00"}) {
    const auto store = OpenStore(url);
    ASSERT_FALSE(store) << url;
    EXPECT_EQ(store.error().kind, ErrorKind::kInvalidArgument) << url;
  }
  EXPECT_THAT(OpenStore("ftp://host/x").error().hint, HasSubstr("file:///"));
}

TEST(OpenStoreTest, SaysWhatIsNotSupportedWithoutSecrets) {
  for (const char* url :
       {"pfs://user:secret@host:30650/repo@master", "pfs+tls://user:secret@host/repo@master"}) {
    const auto store = OpenStore(url);
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().kind, ErrorKind::kUnsupported);
    EXPECT_THAT(store.error().ToString(), Not(HasSubstr("secret")));
    EXPECT_THAT(store.error().message, HasSubstr("not supported in this version"));
  }
}

}  // namespace
}  // namespace trunkline
