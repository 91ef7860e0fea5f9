// The records of an index, as docs/index_format.md specifies them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "replay/row_event.h"

namespace trunkline {

inline constexpr uint32_t kIndexVersion = 1;

// What an index covers of which archive. Whoever reads it trusts nothing beyond it.
struct IndexMark {
  std::string identity_digest;  // of the archive
  Lsn begin;                    // of the first segment that was indexed
  Lsn end;                      // of the last one
  uint64_t chain = 0;           // over the names and sizes of all of them, see ChainSegment
  std::string digest;           // of the last one
  std::vector<Lsn> eras;        // where walks began: at the first snapshot, and after each gap
  bool in_era = false;          // the last one goes on at `end`
  // The snapshots that were there: LSN, and the tables of it that have a manifest of their own.
  std::vector<std::pair<Lsn, uint64_t>> snapshots;
  // From here on the rows of every table were told; none: of some they are not.
  std::optional<Lsn> settled;
  // Up to here, and over what, there may be records from a run that was cut short.
  Lsn writing_end;
  uint64_t writing_chain = 0;
};

std::string EncodeMark(const IndexMark& mark);
// kUnsupported for one of another version, kCorrupt for a malformed one.
Result<IndexMark> DecodeMark(std::string_view bytes);

// The chain up to a segment, from the one before: equal chains are over equal segments.
uint64_t ChainSegment(uint64_t chain, std::string_view name, uint64_t size);

namespace index_key {

inline constexpr std::string_view kMark = "mark";

std::string StatePrefix();
std::string State(Lsn end);  // of the walk, at a mark's end
std::string Chain(Lsn end);  // of the segment
std::string NamePrefix();
std::string Name(const Moment& at, uint32_t number);
std::string TablePrefix(uint32_t oid);
std::string Table(uint32_t oid, const Moment& at, uint32_t number);
std::string RowPrefix(uint32_t oid, std::string_view key);  // `key` as EncodeKey makes it
// What a key with that prefix begins with at a moment.
std::string AtMoment(std::string_view prefix, const Moment& at);
std::string Row(uint32_t oid, std::string_view key, const Moment& at);

}  // namespace index_key

// The LSN and order in the key of a name, table or row record, behind a prefix of the given size.
Moment MomentOf(std::string_view key, size_t prefix_size);

std::string EncodeChain(uint64_t chain);
Result<uint64_t> DecodeChain(std::string_view bytes);

std::string EncodeName(uint32_t oid, const Relation* relation);  // null: the table is gone
struct NameRecord {
  uint32_t oid = 0;
  bool gone = false;
  std::string schema;
  std::string name;
};
Result<NameRecord> DecodeName(std::string_view bytes);

}  // namespace trunkline
