#include "replay/index_records.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "replay/fold_row.h"

namespace trunkline {
namespace {

constexpr char kChainTag = 'c';
constexpr char kNameTag = 'n';
constexpr char kTableTag = 't';
constexpr char kRowTag = 'r';
constexpr char kStateTag = 's';

// Codes of values: 0 and 1, else the size and 2.
constexpr uint64_t kNullCode = 0;
constexpr uint64_t kUnchangedCode = 1;
constexpr uint64_t kFirstSizeCode = 2;

constexpr uint64_t kMaxItems = 1 << 20;  // columns, labels, snapshots: far more than there can be

void PutBigEndian(uint64_t value, size_t bytes, std::string* out) {
  for (size_t i = bytes; i-- > 0;) out->push_back(static_cast<char>(value >> (8 * i)));
}

uint64_t GetBigEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

void PutVarint(uint64_t value, std::string* out) {
  for (; value >= 0x80; value >>= 7) out->push_back(static_cast<char>(value | 0x80));
  out->push_back(static_cast<char>(value));
}

void PutString(std::string_view text, std::string* out) {
  PutVarint(text.size(), out);
  out->append(text);
}

void PutSigned(int64_t value, std::string* out) {
  PutVarint(static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63), out);
}

// Reads what the functions above put; after a malformed piece everything is 0 and empty.
class Input {
 public:
  explicit Input(std::string_view bytes) : bytes_(bytes) {}

  uint64_t Varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (bytes_.empty()) return Bad();
      const auto byte = static_cast<unsigned char>(bytes_.front());
      bytes_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    return Bad();
  }
  int64_t Signed() {
    const uint64_t code = Varint();
    return static_cast<int64_t>(code >> 1) ^ -static_cast<int64_t>(code & 1);
  }
  std::string_view Bytes(uint64_t size) {
    if (size > bytes_.size()) {
      Bad();
      return {};
    }
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  std::string_view String() { return Bytes(Varint()); }
  // How many items follow, each of at least a byte.
  uint64_t Count() {
    const uint64_t count = Varint();
    return count <= kMaxItems && count <= bytes_.size() ? count : Bad();
  }

  bool ok() const { return ok_; }
  bool done() const { return ok_ && bytes_.empty(); }

 private:
  uint64_t Bad() {
    ok_ = false;
    bytes_ = {};
    return 0;
  }

  std::string_view bytes_;
  bool ok_ = true;
};

tl::unexpected<Error> Malformed() {
  return Fail(ErrorKind::kCorrupt, "a record of the index is not what was written",
              "remove the index: trunkline index makes it anew");
}

void PutRelation(const Relation& relation, std::string* out) {
  PutVarint(relation.oid, out);
  PutString(relation.schema, out);
  PutString(relation.name, out);
  out->push_back(static_cast<char>(relation.identity));
  PutVarint(relation.columns.size(), out);
  for (const RelationColumn& column : relation.columns) {
    PutString(column.name, out);
    PutVarint(column.type_oid, out);
    PutSigned(column.type_modifier, out);
    out->push_back(column.key ? 1 : 0);
    PutString(column.type_schema, out);
    PutString(column.type_name, out);
  }
}

Relation GetRelation(Input* input) {
  Relation relation;
  relation.oid = static_cast<uint32_t>(input->Varint());
  relation.schema = input->String();
  relation.name = input->String();
  relation.identity = static_cast<ReplicaIdentity>(input->Varint());
  relation.columns.resize(input->Count());
  for (RelationColumn& column : relation.columns) {
    column.name = input->String();
    column.type_oid = static_cast<uint32_t>(input->Varint());
    column.type_modifier = static_cast<int32_t>(input->Signed());
    column.key = input->Varint() != 0;
    column.type_schema = input->String();
    column.type_name = input->String();
  }
  return relation;
}

void PutShape(const TableShape& shape, std::string* out) {
  PutRelation(shape.relation, out);
  PutVarint(shape.key.size(), out);
  for (const uint16_t column : shape.key) PutVarint(column, out);
  PutVarint(shape.mapping ? 1 : 0, out);
  if (!shape.mapping) return;
  PutVarint(shape.mapping->unchanged ? 1 : 0, out);
  PutVarint(shape.mapping->sources.size(), out);
  for (const ColumnMapping::Source& source : shape.mapping->sources) {
    PutSigned(source.old_column, out);
    PutVarint(source.constant ? 1 : 0, out);
    if (source.constant) PutString(*source.constant, out);
  }
}

// `before` is the shape that the mapping leads from.
std::shared_ptr<const TableShape> GetShape(const TableShape* before, Input* input) {
  auto shape = std::make_shared<TableShape>();
  shape->relation = GetRelation(input);
  const size_t columns = shape->relation.columns.size();
  bool fits = true;
  shape->key.resize(input->Count());
  for (uint16_t& column : shape->key) {
    column = static_cast<uint16_t>(input->Varint());
    fits = fits && column < columns;
  }
  if (input->Varint() != 0) {
    ColumnMapping& mapping = shape->mapping.emplace();
    mapping.unchanged = input->Varint() != 0;
    mapping.sources.resize(input->Count());
    fits = fits && before != nullptr && mapping.sources.size() == columns;
    for (ColumnMapping::Source& source : mapping.sources) {
      source.old_column = static_cast<int>(input->Signed());
      if (input->Varint() != 0) source.constant = input->String();
      fits = fits && source.old_column >= ColumnMapping::kAdded &&
             source.old_column < static_cast<int>(before->relation.columns.size());
    }
  }
  return fits && input->done() ? shape : nullptr;
}

Result<void> PutRow(const Relation& relation, Tuple row, std::string* out) {
  for (size_t i = 0; i < row.size(); ++i) {
    switch (row[i].state) {
      case ValueState::kNull:
        PutVarint(kNullCode, out);
        break;
      case ValueState::kUnchangedToast:
        PutVarint(kUnchangedCode, out);
        break;
      case ValueState::kText:
        PutVarint(row[i].bytes.size() + kFirstSizeCode, out);
        out->append(row[i].bytes);
        break;
      case ValueState::kBinary:
        return Fail(ErrorKind::kUnsupported, "column \"" + relation.columns[i].name +
                                                 "\" of the table " + relation.schema + "." +
                                                 relation.name + " has values in binary format");
    }
  }
  return {};
}

Value GetValue(Input* input) {
  const uint64_t code = input->Varint();
  if (code == kNullCode) return {};
  if (code == kUnchangedCode) return {.state = ValueState::kUnchangedToast, .bytes = {}};
  return {.state = ValueState::kText, .bytes = input->Bytes(code - kFirstSizeCode)};
}

void PutKeyOf(const TableShape& shape, Tuple row, std::string* out) {
  out->append(EncodeKey(shape, row));
}

// Of a row's key, written as EncodeKey does.
void GetKey(const TableShape& shape, Input* input, std::vector<Value>* row) {
  row->assign(shape.relation.columns.size(), Value{});
  for (const uint16_t column : shape.key) {
    const uint64_t code = input->Varint();
    if (code == 0) continue;
    (*row)[column] = {.state = ValueState::kText, .bytes = input->Bytes(code - 1)};
  }
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
  Input input(bytes);
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
  if (!input.done()) return Malformed();
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
  Input input(bytes);
  const uint64_t chain = input.Varint();
  if (!input.done()) return Malformed();
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
  Input input(bytes);
  NameRecord record;
  record.oid = static_cast<uint32_t>(input.Varint());
  record.gone = input.Varint() != 0;
  record.schema = input.String();
  record.name = input.String();
  if (!input.done()) return Malformed();
  return record;
}

Result<std::string> EncodeEvent(const TableShape& shape, const RowEvent& event, bool key_moved) {
  std::string out(1, static_cast<char>(event.kind));
  PutVarint(event.at.xid.value, &out);
  PutSigned(event.at.time.micros, &out);
  switch (event.kind) {
    case RowEventKind::kShape:
      PutShape(*event.shape, &out);
      break;
    case RowEventKind::kRelabel:
      PutVarint(event.column, &out);
      PutVarint(event.labels->size(), &out);
      for (const auto& [old_label, new_label] : *event.labels) {
        PutString(old_label, &out);
        PutString(new_label, &out);
      }
      break;
    case RowEventKind::kDoubt:
      PutString(event.text, &out);
      break;
    case RowEventKind::kDelete:
      PutKeyOf(shape, event.old_row, &out);
      break;
    case RowEventKind::kUpdate:
      PutVarint(key_moved ? 1 : 0, &out);
      if (key_moved) PutKeyOf(shape, event.old_row, &out);
      TRY(PutRow(shape.relation, event.row, &out));
      break;
    case RowEventKind::kRow:
    case RowEventKind::kInsert:
      TRY(PutRow(shape.relation, event.row, &out));
      break;
    case RowEventKind::kTruncate:
    case RowEventKind::kGone:
    case RowEventKind::kLoad:
      break;
  }
  return out;
}

Result<void> DecodeEvent(const TableShape* shape, std::string_view bytes, DecodedEvent* decoded) {
  Input input(bytes);
  RowEvent& event = decoded->event;
  const Moment at = event.at;
  event = RowEvent{};
  event.at = at;
  event.kind = static_cast<RowEventKind>(input.Varint());
  event.at.xid = Xid{static_cast<uint32_t>(input.Varint())};
  event.at.time = Timestamp{input.Signed()};
  const bool of_row = event.kind >= RowEventKind::kRow || event.kind == RowEventKind::kRelabel;
  if (of_row && shape == nullptr) return Malformed();
  switch (event.kind) {
    case RowEventKind::kShape:
      event.shape = GetShape(shape, &input);
      if (event.shape == nullptr) return Malformed();
      break;
    case RowEventKind::kRelabel: {
      event.column = static_cast<uint16_t>(input.Varint());
      decoded->labels.clear();
      for (uint64_t left = input.Count(); left > 0; --left) {
        std::string old_label(input.String());
        decoded->labels[std::move(old_label)] = input.String();
      }
      event.labels = &decoded->labels;
      if (event.column >= shape->relation.columns.size()) return Malformed();
      break;
    }
    case RowEventKind::kDoubt:
      event.text = input.String();
      break;
    case RowEventKind::kDelete:
      GetKey(*shape, &input, &decoded->old_row);
      event.old_row = decoded->old_row;
      break;
    case RowEventKind::kUpdate:
      if (input.Varint() != 0) {
        GetKey(*shape, &input, &decoded->old_row);
        event.old_row = decoded->old_row;
      }
      [[fallthrough]];
    case RowEventKind::kRow:
    case RowEventKind::kInsert:
      decoded->row.resize(shape->relation.columns.size());
      for (Value& value : decoded->row) value = GetValue(&input);
      event.row = decoded->row;
      break;
    case RowEventKind::kTruncate:
    case RowEventKind::kGone:
    case RowEventKind::kLoad:
      break;
    default:
      return Malformed();
  }
  if (!input.done()) return Malformed();
  return {};
}

}  // namespace trunkline
