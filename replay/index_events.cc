#include "replay/index_events.h"

#include <utility>

#include "replay/index_codec.h"

namespace trunkline {
namespace {

// Codes of values: 0 and 1, else the size and 2.
constexpr uint64_t kNullCode = 0;
constexpr uint64_t kUnchangedCode = 1;
constexpr uint64_t kFirstSizeCode = 2;

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

Relation GetRelation(IndexInput* input) {
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
std::shared_ptr<const TableShape> GetShape(const TableShape* before, IndexInput* input) {
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

Value GetValue(IndexInput* input) {
  const uint64_t code = input->Varint();
  if (code == kNullCode) return {};
  if (code == kUnchangedCode) return {.state = ValueState::kUnchangedToast, .bytes = {}};
  return {.state = ValueState::kText, .bytes = input->Bytes(code - kFirstSizeCode)};
}

void PutKeyOf(const TableShape& shape, Tuple row, std::string* out) {
  out->append(EncodeKey(shape, row));
}

// Of a row's key, written as EncodeKey does.
void GetKey(const TableShape& shape, IndexInput* input, std::vector<Value>* row) {
  row->assign(shape.relation.columns.size(), Value{});
  for (const uint16_t column : shape.key) {
    const uint64_t code = input->Varint();
    if (code == 0) continue;
    (*row)[column] = {.state = ValueState::kText, .bytes = input->Bytes(code - 1)};
  }
}

}  // namespace

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
  IndexInput input(bytes);
  RowEvent& event = decoded->event;
  const Moment at = event.at;
  event = RowEvent{};
  event.at = at;
  event.kind = static_cast<RowEventKind>(input.Varint());
  event.at.xid = Xid{static_cast<uint32_t>(input.Varint())};
  event.at.time = Timestamp{input.Signed()};
  const bool of_row = event.kind >= RowEventKind::kRow || event.kind == RowEventKind::kRelabel;
  if (of_row && shape == nullptr) return MalformedRecord();
  switch (event.kind) {
    case RowEventKind::kShape:
      event.shape = GetShape(shape, &input);
      if (event.shape == nullptr) return MalformedRecord();
      break;
    case RowEventKind::kRelabel: {
      event.column = static_cast<uint16_t>(input.Varint());
      decoded->labels.clear();
      for (uint64_t left = input.Count(); left > 0; --left) {
        std::string old_label(input.String());
        decoded->labels[std::move(old_label)] = input.String();
      }
      event.labels = &decoded->labels;
      if (event.column >= shape->relation.columns.size()) return MalformedRecord();
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
      return MalformedRecord();
  }
  if (!input.done()) return MalformedRecord();
  return {};
}

}  // namespace trunkline
