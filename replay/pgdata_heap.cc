#include "replay/pgdata_heap.h"

#include <algorithm>
#include <string_view>

#include "replay/pgdata_page.h"

namespace trunkline {
namespace {

// access/htup_details.h
constexpr size_t kXminAt = 0;
constexpr size_t kAttributesAt = 18;
constexpr size_t kFlagsAt = 20;
constexpr size_t kHeadBytesAt = 22;
constexpr size_t kNullsAt = 23;
constexpr uint16_t kHasNull = 0x0001;
constexpr uint16_t kHasVarying = 0x0002;
constexpr uint16_t kFrozen = 0x0300;      // xmin committed and invalid
constexpr uint16_t kNotDeleted = 0x0800;  // xmax invalid

// Beyond, the server compresses values, and moves them out (TOAST_TUPLE_THRESHOLD).
constexpr size_t kLargestTuple = 2032;
constexpr size_t kMostAttributes = 1600;

constexpr size_t kLengthBytes = 4;  // ahead of a value in COPY's binary format

// pg_type.oid
enum class StoredType : uint32_t {
  kBool = 16,
  kBytea = 17,
  kInt8 = 20,
  kInt2 = 21,
  kInt4 = 23,
  kText = 25,
  kOid = 26,
  kJson = 114,
  kFloat4 = 700,
  kFloat8 = 701,
  kBpchar = 1042,
  kVarchar = 1043,
  kDate = 1082,
  kTime = 1083,
  kTimestamp = 1114,
  kTimestampTz = 1184,
  kNumeric = 1700,
  kUuid = 2950,
};

size_t Characters(std::string_view utf8) {
  return static_cast<size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

size_t DecimalsOf(std::string_view number) {
  const size_t point = number.find('.');
  return point == std::string_view::npos ? 0 : number.size() - point - 1;
}

// numeric(precision, scale). NaN and infinities are the server's to judge.
bool FitsNumeric(std::string_view number, int32_t modifier) {
  const int32_t precision = modifier >> 16 & 0xffff;
  const int32_t scale = modifier & 0x7ff;
  if (number.starts_with('-')) number.remove_prefix(1);
  if (number.empty() || number.front() < '0' || number.front() > '9') return false;
  if (scale > 1000 || DecimalsOf(number) != static_cast<size_t>(scale)) return false;
  const size_t whole = number.front() == '0' ? 0 : std::min(number.find('.'), number.size());
  return static_cast<int64_t>(whole) <= int64_t{precision} - scale;
}

uint16_t BigEndian16(std::string_view bytes, size_t at) {
  return static_cast<uint16_t>(static_cast<uint8_t>(bytes[at]) << 8 |
                               static_cast<uint8_t>(bytes[at + 1]));
}

void PadTo(size_t alignment, std::string* tuple) {
  tuple->resize(AlignTo(tuple->size(), alignment));
}

size_t AlignmentOf(char letter) {
  switch (letter) {
    case 'c':
      return 1;
    case 's':
      return 2;
    case 'i':
      return 4;
    default:
      return 8;
  }
}

}  // namespace

void AppendStoredNumeric(std::string_view binary, std::string* out) {
  constexpr size_t kHead = 8;
  constexpr uint16_t kSpecial = 0xc000;
  constexpr uint16_t kNegativeSign = 0x4000;
  constexpr uint16_t kShort = 0x8000;
  const auto append = [out](uint16_t value) {
    out->append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  const auto weight = static_cast<int16_t>(BigEndian16(binary, 2));
  const uint16_t sign = BigEndian16(binary, 4);
  const uint16_t scale = BigEndian16(binary, 6);
  if ((sign & kSpecial) == kSpecial) return append(sign);
  if (scale <= 63 && weight >= -64 && weight <= 63) {
    append(static_cast<uint16_t>(kShort | (sign == kNegativeSign ? 0x2000 : 0) | scale << 7 |
                                 (weight < 0 ? 0x40 : 0) | (weight & 0x3f)));
  } else {
    append(static_cast<uint16_t>(sign | scale));
    append(static_cast<uint16_t>(weight));
  }
  for (size_t at = kHead; at < binary.size(); at += 2) append(BigEndian16(binary, at));
}

std::optional<HeapFormat::Field> HeapFormat::FieldFor(const HeapAttribute& attribute) {
  Field field{.encoder = BinaryEncoder::For(attribute.type_oid),
              .not_null = attribute.not_null,
              .modifier = attribute.modifier,
              .type_oid = attribute.type_oid};
  char alignment = 'i';
  switch (static_cast<StoredType>(attribute.type_oid)) {
    case StoredType::kBool:
      field.size = 1;
      alignment = 'c';
      break;
    case StoredType::kInt2:
      field.size = 2;
      alignment = 's';
      field.is_key = true;
      break;
    case StoredType::kInt4:
    case StoredType::kDate:
      field.is_key = true;
      [[fallthrough]];
    case StoredType::kOid:
    case StoredType::kFloat4:
      field.size = 4;
      break;
    case StoredType::kInt8:
    case StoredType::kTimestamp:
    case StoredType::kTimestampTz:
      field.is_key = true;
      [[fallthrough]];
    case StoredType::kFloat8:
    case StoredType::kTime:
      field.size = 8;
      alignment = 'd';
      break;
    case StoredType::kUuid:
      field.kind = Kind::kBytes;
      field.size = 16;
      alignment = 'c';
      break;
    case StoredType::kBytea:
    case StoredType::kText:
    case StoredType::kJson:
    case StoredType::kBpchar:
    case StoredType::kVarchar:
      field.kind = Kind::kVarying;
      break;
    case StoredType::kNumeric:
      field.kind = Kind::kNumeric;
      break;
    default:
      return std::nullopt;
  }
  field.alignment = AlignmentOf(alignment);
  const bool varies = field.kind == Kind::kVarying || field.kind == Kind::kNumeric;
  const bool agrees = attribute.alignment == alignment &&
                      attribute.length == (varies ? -1 : static_cast<int>(field.size)) &&
                      (!varies || attribute.storage != 'p');
  return agrees && field.encoder ? std::optional(field) : std::nullopt;
}

std::optional<HeapFormat> HeapFormat::For(const Relation& relation, const std::vector<size_t>& sent,
                                          const std::vector<HeapAttribute>& attributes) {
  HeapFormat format;
  if (attributes.size() > kMostAttributes || attributes.size() != sent.size()) return std::nullopt;
  for (const HeapAttribute& attribute : attributes) {
    const auto column = std::find_if(sent.begin(), sent.end(), [&](size_t number) {
      return relation.columns[number].name == attribute.name &&
             relation.columns[number].type_oid == attribute.type_oid;
    });
    auto field = FieldFor(attribute);
    if (column == sent.end() || !field || attribute.generated) return std::nullopt;
    field->column = *column;
    format.fields_.push_back(*field);
  }
  return format;
}

bool HeapFormat::FitsModifier(const Field& field, std::string_view text) {
  constexpr int32_t kOffset = 4;  // VARHDRSZ
  const int32_t modifier = field.modifier - kOffset;
  switch (static_cast<StoredType>(field.type_oid)) {
    case StoredType::kNumeric:
      return FitsNumeric(text, modifier);
    case StoredType::kVarchar:
      return Characters(text) <= static_cast<size_t>(modifier);
    case StoredType::kBpchar:
      return Characters(text) == static_cast<size_t>(modifier);
    case StoredType::kTime:
    case StoredType::kTimestamp:
    case StoredType::kTimestampTz:
      return text.ends_with("infinity") || DecimalsOf(text.substr(0, text.find_last_of("+-"))) <=
                                               static_cast<size_t>(field.modifier);
    default:
      return false;
  }
}

size_t HeapFormat::KeyBytes(size_t attribute) const {
  return fields_[attribute].is_key ? fields_[attribute].size : 0;
}

std::optional<int64_t> HeapFormat::Key(size_t attribute) const { return fields_[attribute].key; }

void HeapFormat::AppendFixed(Field* field, std::string* tuple) {
  PadTo(field->alignment, tuple);
  const std::string_view value = std::string_view(scratch_).substr(kLengthBytes);
  if (field->kind == Kind::kBytes) {
    tuple->append(value);
    return;
  }
  uint64_t number = 0;
  for (const char byte : value) number = number << 8 | static_cast<uint8_t>(byte);
  tuple->append(reinterpret_cast<const char*>(&number), field->size);
  if (!field->is_key) return;
  const size_t unused = 8 * (sizeof number - field->size);
  field->key = static_cast<int64_t>(number << unused) >> unused;
}

void HeapFormat::AppendVarying(std::string_view content, std::string* tuple) const {
  constexpr size_t kLargestShort = 126;
  if (content.size() <= kLargestShort) {
    tuple->push_back(static_cast<char>((content.size() + 1) << 1 | 1));
  } else {
    PadTo(4, tuple);
    const auto head = static_cast<uint32_t>((content.size() + 4) << 2);
    tuple->append(reinterpret_cast<const char*>(&head), sizeof head);
  }
  tuple->append(content);
}

bool HeapFormat::Fits(const Field& field, const Cell& cell) {
  if (cell.kind == Cell::Kind::kText && cell.size > 8 * kLargestTuple) return false;
  if (field.modifier < 0) return true;
  char text[kMaxFormattedBytes];
  char* end = text;
  return FitsModifier(field, ValueOf(cell, &formatter_, &end).bytes);
}

bool HeapFormat::Form(std::span<const Cell> row, uint32_t xid, std::string* tuple) {
  const auto is_null = [&](const Field& field) { return row[field.column].is_null(); };
  const bool has_null = std::any_of(fields_.begin(), fields_.end(), is_null);
  const size_t head = MaxAlign(kNullsAt + (has_null ? (fields_.size() + 7) / 8 : 0));
  tuple->assign(head, '\0');
  uint16_t flags = kFrozen | kNotDeleted | (has_null ? kHasNull : 0);
  for (size_t i = 0; i < fields_.size(); ++i) {
    Field& field = fields_[i];
    field.key.reset();
    if (is_null(field)) {
      if (field.not_null) return false;
      continue;
    }
    if (has_null) (*tuple)[kNullsAt + i / 8] |= static_cast<char>(1 << i % 8);
    const Cell& cell = row[field.column];
    scratch_.clear();
    if (!Fits(field, cell) || !field.encoder->Append(cell, &scratch_)) return false;
    const std::string_view value = std::string_view(scratch_).substr(kLengthBytes);
    if (field.kind == Kind::kVarying) {
      AppendVarying(value, tuple);
    } else if (field.kind == Kind::kNumeric) {
      numeric_.clear();
      AppendStoredNumeric(value, &numeric_);
      AppendVarying(numeric_, tuple);
    } else {
      AppendFixed(&field, tuple);
    }
    const bool varies = field.kind == Kind::kVarying || field.kind == Kind::kNumeric;
    if (varies) flags |= kHasVarying;
  }
  if (tuple->size() > kLargestTuple) return false;
  char* bytes = tuple->data();
  PutAt(bytes + kXminAt, xid);
  PutAt(bytes + kAttributesAt, static_cast<uint16_t>(fields_.size()));
  PutAt(bytes + kFlagsAt, flags);
  PutAt(bytes + kHeadBytesAt, static_cast<uint8_t>(head));
  return true;
}

}  // namespace trunkline
