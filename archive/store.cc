#include "archive/store.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "archive/directory_store.h"
#include "archive/s3_store.h"
#include "base/percent.h"

namespace trunkline {
namespace {

constexpr std::string_view kAddressHint =
    "an archive's address is a path, such as /var/lib/archive, file:///var/lib/archive, or "
    "s3://bucket/prefix";

Result<std::unique_ptr<Store>> OpenPath(const std::string& path, const std::string& url) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  if (error) return Fail(ErrnoError("cannot resolve " + path, error.value()));
  return NewDirectoryStore(absolute.native(), url);
}

Result<std::unique_ptr<Store>> OpenFileUrl(std::string_view path, const std::string& url) {
  if (!path.starts_with('/')) {
    return Fail(ErrorKind::kInvalidArgument, "\"" + url + "\" does not name a path",
                "write three slashes: file:///path");
  }
  ASSIGN_OR_RETURN(const std::string decoded, PercentDecode(path));
  if (decoded.find('\0') != std::string::npos) {
    return Fail(ErrorKind::kInvalidArgument, "\"" + url + "\" does not name a path");
  }
  return OpenPath(decoded, url);
}

}  // namespace

Result<std::unique_ptr<Store>> OpenStore(const std::string& url) {
  const size_t scheme_end = url.find("://");
  const std::string scheme = url.substr(0, scheme_end == std::string::npos ? 0 : scheme_end);
  if (scheme == "file") return OpenFileUrl(std::string_view(url).substr(7), url);
  if (scheme == "s3") return OpenS3Store(url);
  if (scheme == "pfs" || scheme == "pfs+tls") {
    // The address may hold a secret: it is not repeated.
    return Fail(ErrorKind::kUnsupported,
                "archives at " + scheme + ":// are not supported in this version",
                std::string(kAddressHint));
  }
  if (!scheme.empty()) {
    return Fail(ErrorKind::kInvalidArgument,
                "\"" + scheme + "://\" is not an address of an archive", std::string(kAddressHint));
  }
  // A colon in front of the first slash is a scheme mistyped, rather than a folder's name.
  if (url.empty() || url.substr(0, url.find('/')).find(':') != std::string::npos ||
      url.find('\0') != std::string::npos) {
    return Fail(ErrorKind::kInvalidArgument, "\"" + url + "\" is not an address of an archive",
                std::string(kAddressHint));
  }
  return OpenPath(url, url);
}

Result<std::string> GetObject(const Store& store, std::string_view name, uint64_t limit) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ByteSource> source, store.Open(name));
  Result<std::string> bytes = ReadAll(*source, limit);
  if (!bytes) return Fail(std::move(bytes).error().WithContext(name));
  return bytes;
}

Result<void> PutObject(Store* store, std::string name, std::string content) {
  const std::unique_ptr<ByteSource> source = NewMemorySource(std::move(content));
  const NewObject object{std::move(name), source.get()};
  return store->Put({&object, 1});
}

}  // namespace trunkline
