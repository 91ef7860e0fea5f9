#include "replay/copy_binary.h"

#include <algorithm>
#include <string_view>

#include "replay/big_endian.h"

namespace trunkline {
namespace {

constexpr uint32_t kFirstOwnOid = 16384;  // FirstNormalObjectId

bool IsEnum(const Definition& definition, uint32_t oid) {
  return std::any_of(definition.types.begin(), definition.types.end(),
                     [&](const TypeDefinition& type) {
                       return type.oid == oid && type.kind == TypeDefinition::Kind::kEnum;
                     });
}

std::optional<BinaryEncoder> EncoderOf(const Definition& definition, uint32_t oid) {
  if (oid < kFirstOwnOid) return BinaryEncoder::For(oid);
  return IsEnum(definition, oid) ? std::optional(BinaryEncoder::ForText()) : std::nullopt;
}

}  // namespace

std::optional<BinaryCopy> BinaryCopy::For(const Relation& relation,
                                          const std::vector<size_t>& columns,
                                          const Definition& definition) {
  BinaryCopy copy;
  for (const size_t column : columns) {
    const RelationColumn& described = relation.columns[column];
    const auto encoder = EncoderOf(definition, described.type_oid);
    if (!encoder) return std::nullopt;
    copy.fields_.push_back({column, described.name, *encoder});
  }
  return copy;
}

void BinaryCopy::AppendHead(std::string* out) {
  constexpr std::string_view kSignature("PGCOPY\n\377\r\n\0", 11);
  out->append(kSignature);
  AppendBigEndian<uint32_t>(0, out);  // flags
  AppendBigEndian<uint32_t>(0, out);  // size of what may follow the header
}

Result<void> BinaryCopy::AppendRow(std::span<const Cell> row, std::string* out) {
  AppendBigEndian(static_cast<uint16_t>(fields_.size()), out);
  for (Field& field : fields_) {
    const Cell& cell = row[field.column];
    if (cell.is_null()) {
      AppendBigEndian<uint32_t>(UINT32_MAX, out);
    } else if (!field.encoder.Append(cell, out)) {
      return Fail(ErrorKind::kCorrupt,
                  "column " + field.name + " has a value that is none of its type");
    }
  }
  return {};
}

void BinaryCopy::AppendTail(std::string* out) { AppendBigEndian<uint16_t>(UINT16_MAX, out); }

}  // namespace trunkline
