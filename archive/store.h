// Store: where an archive lives. Directory, PFS and S3 implement it; tests/unit/archive holds the
// conformance suite that each of them passes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "archive/byte_source.h"
#include "base/error.h"

namespace trunkline {

struct ObjectInfo {
  std::string name;  // relative to the archive's root, '/' between parts
  uint64_t size = 0;

  friend bool operator==(const ObjectInfo&, const ObjectInfo&) = default;
};

struct NewObject {
  std::string name;
  const ByteSource* content = nullptr;  // not owned
  // Conditions, none where empty. They are checked and the object published in one step: of two
  // writers with conditions, in whatever processes, the second one sees what the first one did.
  std::string predecessor{};    // published only after the object of this name, else kUnavailable
  std::string unique_prefix{};  // no other object's name starts so, else kAlreadyExists
};

// Objects are immutable: written once as a whole, perhaps removed, never changed. Methods may be
// called from several threads at once.
class Store {
 public:
  virtual ~Store() = default;

  // The address as the user gave it, without secrets: for messages.
  virtual std::string url() const = 0;

  // Objects whose name starts with `prefix`, in the byte order of their names. What is being
  // written is not listed. An archive that does not exist yet is empty.
  virtual Result<std::vector<ObjectInfo>> List(std::string_view prefix) const = 0;

  // kNotFound when there is no such object.
  virtual Result<std::unique_ptr<ByteSource>> Open(std::string_view name) const = 0;

  // Publishes objects, durable when this returns. Each one appears whole or not at all; they appear
  // in the order given, so that a marker goes last. A store with transactions does all or none. An
  // object that exists with the same bytes is done already, whatever its conditions, with other
  // bytes kAlreadyExists. A failed Put may have happened: put again.
  virtual Result<void> Put(std::span<const NewObject> objects) = 0;

  // No error when an object does not exist.
  virtual Result<void> Remove(std::span<const std::string> names) = 0;
};

// Opens the store of `url`: /path, file:///path, pfs://host/repo@branch, s3://bucket/prefix.
// Neither creates nor contacts anything. kInvalidArgument for an address that is not understood.
Result<std::unique_ptr<Store>> OpenStore(const std::string& url);

// Composed of the methods above.
Result<std::string> GetObject(const Store& store, std::string_view name, uint64_t limit);
Result<void> PutObject(Store* store, std::string name, std::string content);

}  // namespace trunkline
