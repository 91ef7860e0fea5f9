#include "replay/index_records.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "replay/index_codec.h"

namespace trunkline {
namespace {

constexpr char kChainTag = 'c';
constexpr char kNameTag = 'n';
constexpr char kTableTag = 't';
constexpr char kRowTag = 'r';
constexpr char kStateTag = 's';

void PutBigEndian(uint64_t value, size_t bytes, std::string* out) {
  for (size_t i = bytes; i-- > 0;) out->push_back(static_cast<char>(value >> (8 * i)));
}

uint64_t GetBigEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

void PutMoment(const Moment& at, std::string* key) {
  PutBigEndian(at.lsn.value, 8, key);
  PutBigEndian(at.order, 8, key);
}

}  // namespace

uint64_t ChainSegment(uint64_t chain, std::string_view name, uint64_t size) {
  std::string link;
  PutBigEndian(chain, 8, &link);
  PutBigEndian(size, 8, &link);
  link.append(name);
  return XXH3_64bits(link.data(), link.size());
}

std::string EncodeMark(const IndexMark& mark) {
  std::string out;
  PutVarint(kIndexVersion, &out);
  PutString(mark.identity_digest, &out);
  PutVarint(mark.begin.value, &out);
  PutVarint(mark.end.value, &out);
  PutVarint(mark.chain, &out);
  PutString(mark.digest, &out);
  PutVarint(mark.eras.size(), &out);
  for (const Lsn era : mark.eras) PutVarint(era.value, &out);
  PutVarint(mark.in_era ? 1 : 0, &out);
  PutVarint(mark.snapshots.size(), &out);
  for (const auto& [lsn, tables] : mark.snapshots) {
    PutVarint(lsn.value, &out);
    PutVarint(tables, &out);
  }
  PutVarint(mark.settled ? 1 : 0, &out);
  PutVarint(mark.settled.value_or(Lsn{}).value, &out);
  PutVarint(mark.writing_end.value, &out);
  PutVarint(mark.writing_chain, &out);
  return out;
}

Result<IndexMark> DecodeMark(std::string_view bytes) {
  IndexInput input(bytes);
  const uint64_t version = input.Varint();
  if (input.ok() && version != kIndexVersion) {
    return Fail(ErrorKind::kUnsupported, "the index is of version " + std::to_string(version));
  }
  IndexMark mark;
  mark.identity_digest = input.String();
  mark.begin = Lsn{input.Varint()};
  mark.end = Lsn{input.Varint()};
  mark.chain = input.Varint();
  mark.digest = input.String();
  mark.eras.resize(input.Count());
  for (Lsn& era : mark.eras) era = Lsn{input.Varint()};
  mark.in_era = input.Varint() != 0;
  mark.snapshots.resize(input.Count());
  for (auto& [lsn, tables] : mark.snapshots) {
    lsn = Lsn{input.Varint()};
    tables = input.Varint();
  }
  const bool settled = input.Varint() != 0;
  const Lsn since{input.Varint()};
  if (settled) mark.settled = since;
  mark.writing_end = Lsn{input.Varint()};
  mark.writing_chain = input.Varint();
  if (!input.done()) return MalformedRecord();
  return mark;
}

namespace index_key {

std::string StatePrefix() { return std::string(1, kStateTag); }

std::string State(Lsn end) {
  std::string key = StatePrefix();
  PutBigEndian(end.value, 8, &key);
  return key;
}

std::string Chain(Lsn end) {
  std::string key(1, kChainTag);
  PutBigEndian(end.value, 8, &key);
  return key;
}

std::string NamePrefix() { return std::string(1, kNameTag); }

std::string Name(const Moment& at, uint32_t number) {
  std::string key = AtMoment(NamePrefix(), at);
  PutBigEndian(number, 4, &key);
  return key;
}

std::string TablePrefix(uint32_t oid) {
  std::string key(1, kTableTag);
  PutBigEndian(oid, 4, &key);
  return key;
}

std::string Table(uint32_t oid, const Moment& at, uint32_t number) {
  std::string key = AtMoment(TablePrefix(oid), at);
  PutBigEndian(number, 4, &key);
  return key;
}

std::string RowPrefix(uint32_t oid, std::string_view key) {
  std::string prefix(1, kRowTag);
  PutBigEndian(oid, 4, &prefix);
  PutBigEndian(XXH3_64bits(key.data(), key.size()), 8, &prefix);
  return prefix;
}

std::string AtMoment(std::string_view prefix, const Moment& at) {
  std::string key(prefix);
  PutMoment(at, &key);
  return key;
}

std::string Row(uint32_t oid, std::string_view key, const Moment& at) {
  return AtMoment(RowPrefix(oid, key), at);
}

}  // namespace index_key

Moment MomentOf(std::string_view key, size_t prefix_size) {
  if (key.size() < prefix_size + 16) return {};
  return {.lsn = Lsn{GetBigEndian(key.substr(prefix_size, 8))},
          .order = GetBigEndian(key.substr(prefix_size + 8, 8))};
}

std::string EncodeChain(uint64_t chain) {
  std::string out;
  PutVarint(chain, &out);
  return out;
}

Result<uint64_t> DecodeChain(std::string_view bytes) {
  IndexInput input(bytes);
  const uint64_t chain = input.Varint();
  if (!input.done()) return MalformedRecord();
  return chain;
}

std::string EncodeName(uint32_t oid, const Relation* relation) {
  std::string out;
  PutVarint(oid, &out);
  PutVarint(relation == nullptr ? 1 : 0, &out);
  PutString(relation == nullptr ? std::string_view() : relation->schema, &out);
  PutString(relation == nullptr ? std::string_view() : relation->name, &out);
  return out;
}

Result<NameRecord> DecodeName(std::string_view bytes) {
  IndexInput input(bytes);
  NameRecord record;
  record.oid = static_cast<uint32_t>(input.Varint());
  record.gone = input.Varint() != 0;
  record.schema = input.String();
  record.name = input.String();
  if (!input.done()) return MalformedRecord();
  return record;
}

}  // namespace trunkline
