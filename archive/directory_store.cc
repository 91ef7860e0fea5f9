#include "archive/directory_store.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <mutex>
#include <set>
#include <utility>

#include "archive/atomic_file.h"
#include "archive/file_lock.h"
#include "base/fault.h"

namespace trunkline {
namespace {

// Taken to publish with conditions. Hidden, as what a crash leaves of it must not be listed.
constexpr std::string_view kLockName = ".tmp-lock";
// Held for a few system calls, or longer by a process that was stopped in the middle of them.
constexpr std::chrono::seconds kLockPatience{2};
// Others keep writing, at most so often between two readings of a folder.
constexpr int kMostReadings = 8;
// A folder can be removed, once empty, between being made and being used.
constexpr int kMaxPutAttempts = 8;

struct DirectoryCloser {
  void operator()(DIR* directory) const { closedir(directory); }
};
using DirectoryHandle = std::unique_ptr<DIR, DirectoryCloser>;

// An object's name must not lead out of the root, nor to a file in the making.
Result<void> CheckName(std::string_view name) {
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('/', begin), name.size());
    const std::string_view part = name.substr(begin, end - begin);
    if (part.empty() || part == "." || part == ".." || part.starts_with(kTemporaryPrefix) ||
        part.find('\0') != std::string_view::npos) {
      return Fail(ErrorKind::kInvalidArgument,
                  "no object can be named \"" + std::string(name) + "\"");
    }
    begin = end + 1;
  }
  return {};
}

bool IsMissing(const Result<void>& result) {
  return !result && result.error().kind == ErrorKind::kNotFound;
}

// A folder that is gone held nothing any more when it was removed.
Result<void> SyncIfThere(const std::string& directory) {
  Result<void> synced = SyncDirectory(directory);
  return IsMissing(synced) ? Result<void>() : synced;
}

// Whether an object below the folder `directory` ("" for the root, else ending in '/') can have a
// name that starts with `prefix`.
bool MayHold(std::string_view directory, std::string_view prefix) {
  return directory.starts_with(prefix) || prefix.starts_with(directory);
}

class DirectoryStore final : public Store {
 public:
  DirectoryStore(std::string root, std::string url)
      : root_(std::move(root)), url_(std::move(url)) {}

  std::string url() const override { return url_; }

  Result<std::vector<ObjectInfo>> List(std::string_view prefix) const override {
    std::vector<ObjectInfo> objects;
    Ancestors ancestors;
    TRY(ListDirectory("", prefix, &ancestors, &objects));
    std::sort(objects.begin(), objects.end(),
              [](const ObjectInfo& a, const ObjectInfo& b) { return a.name < b.name; });
    return objects;
  }

  Result<std::unique_ptr<ByteSource>> Open(std::string_view name) const override {
    TRY(CheckName(name));
    const std::string path = PathOf(name);
    struct stat status {};
    const bool exists = stat(path.c_str(), &status) == 0;
    const int error_number = errno;
    if (exists && S_ISREG(status.st_mode)) return OpenFileSource(path);
    if (exists && S_ISFIFO(status.st_mode)) {
      return Fail(ErrorKind::kUnsupported, path + " is a named pipe",
                  "an archive is read at random: set \"lazy\" to false in the pipeline's input");
    }
    if (exists || error_number == ENOENT) return Fail(ErrnoError(path, ENOENT));
    if (error_number == ENOTDIR) {
      TRY(CheckRoot());
      return Fail(ErrnoError(path, ENOENT));
    }
    return Fail(FileError("cannot open " + path, error_number));
  }

  Result<void> Put(std::span<const NewObject> objects) override {
    for (const NewObject& object : objects) TRY(CheckName(object.name));
    for (const NewObject& object : objects) TRY(PutOne(object));
    return {};
  }

  Result<void> Remove(std::span<const std::string> names) override {
    std::set<std::string> directories;
    for (const std::string& name : names) {
      TRY(CheckName(name));
      FAULT("store.remove");
      const std::string path = PathOf(name);
      if (unlink(path.c_str()) == 0) {
        directories.insert(path.substr(0, path.rfind('/')));
      } else if (errno != ENOENT && errno != ENOTDIR) {
        return Fail(FileError("cannot remove " + path, errno));
      }
    }
    for (const std::string& directory : directories) {
      TRY(SyncIfThere(directory));
      if (directory != root_) rmdir(directory.c_str());  // fails unless it is empty now
    }
    return {};
  }

 private:
  using Ancestors = std::vector<std::pair<dev_t, ino_t>>;

  std::string PathOf(std::string_view name) const { return root_ + "/" + std::string(name); }

  Result<void> CheckRoot() const {
    struct stat status {};
    if (stat(root_.c_str(), &status) != 0) {
      if (errno == ENOENT) return {};
      return Fail(FileError("cannot use " + root_, errno));
    }
    if (S_ISDIR(status.st_mode)) return {};
    return Fail(ErrorKind::kInvalidArgument, root_ + " is a file, not a folder",
                "an archive is a folder");
  }

  // Lists the folder `directory` and those below it. `ancestors` holds the folders above, so that
  // symbolic links do not lead round for ever.
  Result<void> ListDirectory(const std::string& directory, std::string_view prefix,
                             Ancestors* ancestors, std::vector<ObjectInfo>* objects) const {
    if (directory.empty()) TRY(CheckRoot());
    const DirectoryHandle handle(opendir(PathOf(directory).c_str()));
    if (!handle) {
      if (errno == ENOENT) return {};
      return Fail(FileError("cannot list " + PathOf(directory), errno));
    }
    struct stat status {};
    if (fstat(dirfd(handle.get()), &status) != 0) {
      return Fail(FileError("cannot list " + PathOf(directory), errno));
    }
    const std::pair<dev_t, ino_t> self(status.st_dev, status.st_ino);
    if (std::find(ancestors->begin(), ancestors->end(), self) != ancestors->end()) return {};

    ancestors->push_back(self);
    ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(handle.get(), directory));
    for (const std::string& name : names) {
      TRY(ListEntry(dirfd(handle.get()), name.c_str(), directory, prefix, ancestors, objects));
    }
    ancestors->pop_back();
    return {};
  }

  // Read until twice the same comes out: then it is what was there at one instant. Reading once
  // may miss both what was removed and what was published in its place before that.
  Result<std::vector<std::string>> NamesIn(DIR* handle, const std::string& directory) const {
    std::vector<std::string> names;
    for (int reading = 0; reading < kMostReadings; ++reading) {
      std::vector<std::string> before = std::exchange(names, {});
      rewinddir(handle);
      while (true) {
        errno = 0;
        const dirent* entry = readdir(handle);
        if (entry == nullptr && errno != 0) {
          return Fail(FileError("cannot list " + PathOf(directory), errno));
        }
        if (entry == nullptr) break;
        const std::string_view name(entry->d_name);
        if (name != "." && name != ".." && !name.starts_with(kTemporaryPrefix)) {
          names.emplace_back(name);
        }
      }
      std::sort(names.begin(), names.end());
      if (reading > 0 && names == before) break;
    }
    return names;
  }

  Result<void> ListEntry(int directory_fd, const char* entry_name, const std::string& directory,
                         std::string_view prefix, Ancestors* ancestors,
                         std::vector<ObjectInfo>* objects) const {
    const std::string_view entry(entry_name);
    // A file system's own, where the archive is a mount point.
    if (directory.empty() && entry == "lost+found") return {};
    const std::string name = directory + entry_name;
    if (!name.starts_with(prefix) && !MayHold(name + "/", prefix)) return {};
    struct stat status {};
    if (fstatat(directory_fd, entry_name, &status, 0) != 0) {
      if (errno == ENOENT || errno == ELOOP) return {};  // just removed, or a dangling link
      return Fail(FileError("cannot read " + PathOf(name), errno));
    }
    if (S_ISDIR(status.st_mode)) return ListDirectory(name + "/", prefix, ancestors, objects);
    if (name.starts_with(prefix)) {
      objects->push_back({name, static_cast<uint64_t>(std::max<off_t>(status.st_size, 0))});
    }
    return {};
  }

  Result<void> PutOne(const NewObject& object) {
    Result<void> put = CheckExisting(object);
    for (int attempt = 0; attempt < kMaxPutAttempts && IsMissing(put); ++attempt) {
      put = Publish(object);
    }
    if (!put && put.error().kind == ErrorKind::kAlreadyExists) {
      // Perhaps another thread or process was first with the same.
      Result<void> existing = CheckExisting(object);
      if (!IsMissing(existing)) put = std::move(existing);
    }
    TRY(put);
    TRY(SyncParents(object.name));
    FAULT("store.answer");
    return {};
  }

  Result<void> Publish(const NewObject& object) {
    // Ahead of all else: where the file system of an archive is not mounted, nothing is made.
    TRY(CheckConditions(object));
    const std::string path = PathOf(object.name);
    TRY(MakeDirectories(path.substr(0, path.rfind('/'))));
    std::call_once(prepared_, [this] { CleanUpAfterCrash(); });
    if (object.predecessor.empty() && object.unique_prefix.empty()) {
      return PublishFile(path, *object.content);
    }
    ASSIGN_OR_RETURN(StagedFile file, StagedFile::Write(path, *object.content));
    ASSIGN_OR_RETURN(const FileLock lock, FileLock::Take(PathOf(kLockName), kLockPatience));
    TRY(CheckConditions(object));
    return file.Publish();
  }

  Result<void> CheckConditions(const NewObject& object) const {
    if (!object.predecessor.empty()) {
      const Result<std::unique_ptr<ByteSource>> predecessor = Open(object.predecessor);
      if (!predecessor && predecessor.error().kind != ErrorKind::kNotFound) {
        return Fail(predecessor.error());
      }
      if (!predecessor) {
        return Fail(ErrorKind::kUnavailable,
                    PathOf(object.predecessor) + " is gone, which " + object.name + " follows",
                    "check that the archive's file system is mounted");
      }
    }
    if (object.unique_prefix.empty()) return {};
    ASSIGN_OR_RETURN(const std::vector<ObjectInfo> present, List(object.unique_prefix));
    for (const ObjectInfo& other : present) {
      if (other.name == object.name) continue;
      return Fail(ErrorKind::kAlreadyExists,
                  PathOf(other.name) + " stands where " + object.name + " would");
    }
    return {};
  }

  // Ok when the object is there with the bytes wanted; kNotFound when it is not there.
  Result<void> CheckExisting(const NewObject& object) const {
    ASSIGN_OR_RETURN(const std::unique_ptr<ByteSource> present, Open(object.name));
    ASSIGN_OR_RETURN(const bool same, SameContent(*present, *object.content));
    if (same) return {};
    return Fail(ErrorKind::kAlreadyExists,
                PathOf(object.name) + " exists already, with other content");
  }

  // An earlier attempt may have ended between making a name and syncing it.
  Result<void> SyncParents(std::string_view name) const {
    for (size_t slash = name.rfind('/'); slash != std::string_view::npos;
         slash = slash == 0 ? std::string_view::npos : name.rfind('/', slash - 1)) {
      TRY(SyncIfThere(PathOf(name.substr(0, slash))));
    }
    return SyncIfThere(root_);
  }

  void CleanUpAfterCrash() const {
    RemoveLeftovers(root_);
    // The process that made the root may have ended before this; the parent may not be ours to
    // open.
    static_cast<void>(SyncDirectory(root_ + "/.."));
  }

  const std::string root_;
  const std::string url_;
  std::once_flag prepared_;
};

}  // namespace

std::unique_ptr<Store> NewDirectoryStore(std::string root, std::string url) {
  while (root.size() > 1 && root.ends_with('/')) root.pop_back();
  return std::make_unique<DirectoryStore>(std::move(root), std::move(url));
}

}  // namespace trunkline
