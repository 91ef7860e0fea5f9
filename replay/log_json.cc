#include "replay/log_json.h"

#include "replay/log_format.h"

namespace trunkline {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

// Bytes of the UTF-8 character at the front of `text`, or 0 where none is. Overlong forms and
// surrogates are none.
size_t CharacterSize(std::string_view text) {
  const auto at = [text](size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto follows = [&](size_t i, unsigned char low, unsigned char high) {
    return i < text.size() && at(i) >= low && at(i) <= high;
  };
  const unsigned char lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return follows(1, 0x80, 0xBF) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const unsigned char low = lead == 0xE0 ? 0xA0 : 0x80;
    const unsigned char high = lead == 0xED ? 0x9F : 0xBF;
    return follows(1, low, high) && follows(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const unsigned char low = lead == 0xF0 ? 0x90 : 0x80;
    const unsigned char high = lead == 0xF4 ? 0x8F : 0xBF;
    return follows(1, low, high) && follows(2, 0x80, 0xBF) && follows(3, 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t size = CharacterSize(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

void AppendEscaped(char c, std::string* out) {
  switch (c) {
    case '"':
      out->append("\\\"");
      return;
    case '\\':
      out->append("\\\\");
      return;
    case '\n':
      out->append("\\n");
      return;
    case '\r':
      out->append("\\r");
      return;
    case '\t':
      out->append("\\t");
      return;
    default:
      if (static_cast<unsigned char>(c) < 0x20) {
        out->append("\\u00");
        AppendHex({&c, 1}, out);
      } else {
        out->push_back(c);
      }
  }
}

void AppendMember(std::string_view name, std::string* out) {
  out->append(",\"").append(name).append("\":");
}

void AppendTruncate(const Change& change, std::string* out) {
  AppendMember("tables", out);
  out->push_back('[');
  for (const Relation* relation : change.truncated) {
    if (out->back() != '[') out->push_back(',');
    out->append("{\"schema\":");
    AppendJson(relation->schema, out);
    AppendMember("table", out);
    AppendJson(relation->name, out);
    out->push_back('}');
  }
  out->push_back(']');
  AppendMember("cascade", out);
  out->append((change.truncate_flags & kTruncateCascade) != 0 ? "true" : "false");
  AppendMember("restart_identity", out);
  out->append((change.truncate_flags & kTruncateRestartIdentity) != 0 ? "true" : "false");
}

void AppendUnchanged(const Change& change, std::string* out) {
  bool first = true;
  for (size_t i = 0; i < change.new_tuple.size(); ++i) {
    if (change.new_tuple[i].state != ValueState::kUnchangedToast) continue;
    if (first) AppendMember("unchanged", out);
    out->push_back(first ? '[' : ',');
    AppendJson(change.relation->columns[i].name, out);
    first = false;
  }
  if (!first) out->push_back(']');
}

void AppendTransaction(const TransactionInfo& transaction, std::string* out) {
  out->append("{\"lsn\":\"").append(transaction.commit_lsn.ToString()).append("\",\"xid\":");
  if (transaction.xid.valid()) {
    out->append(std::to_string(transaction.xid.value)).append(",\"commit_time\":\"");
    out->append(transaction.commit_time.ToString()).append("\"");
  } else {
    out->append("null,\"commit_time\":null");
  }
}

class JsonLogFormat final : public LogFormat {
 public:
  Result<void> Add(const TransactionInfo& transaction, const Change& change,
                   std::string* out) override {
    AppendTransaction(transaction, out);
    AppendMember("op", out);
    out->append("\"").append(OperationName(change.operation)).append("\"");
    if (change.relation != nullptr) {
      AppendMember("schema", out);
      AppendJson(change.relation->schema, out);
      AppendMember("table", out);
      AppendJson(change.relation->name, out);
    }
    if (change.old_kind != OldTupleKind::kNone) {
      AppendMember("old", out);
      AppendJsonTuple(*change.relation, change.old_tuple, change.old_kind == OldTupleKind::kKey,
                      out);
    }
    if (change.operation == Operation::kInsert || change.operation == Operation::kUpdate) {
      AppendMember("new", out);
      AppendJsonTuple(*change.relation, change.new_tuple, false, out);
    }
    AppendJsonDetails(change, out);
    out->append("}\n");
    return {};
  }
};

}  // namespace

void AppendHex(std::string_view bytes, std::string* out) {
  for (const char c : bytes) {
    out->push_back(kHexDigits[static_cast<unsigned char>(c) >> 4]);
    out->push_back(kHexDigits[static_cast<unsigned char>(c) & 15]);
  }
}

void AppendJson(std::string_view text, std::string* out) {
  if (!IsUtf8(text)) {
    out->append("{\"hex\":\"");
    AppendHex(text, out);
    out->append("\"}");
    return;
  }
  out->push_back('"');
  for (const char c : text) AppendEscaped(c, out);
  out->push_back('"');
}

void AppendJsonTuple(const Relation& relation, Tuple tuple, bool skip_nulls, std::string* out) {
  out->push_back('{');
  for (size_t i = 0; i < tuple.size(); ++i) {
    const Value& value = tuple[i];
    if (value.state == ValueState::kUnchangedToast) continue;
    if (skip_nulls && value.state == ValueState::kNull) continue;
    if (out->back() != '{') out->push_back(',');
    AppendJson(relation.columns[i].name, out);
    out->push_back(':');
    if (value.state == ValueState::kNull) {
      out->append("null");
    } else if (value.state == ValueState::kText) {
      AppendJson(value.bytes, out);
    } else {
      out->append("{\"binary\":\"");
      AppendHex(value.bytes, out);
      out->append("\"}");
    }
  }
  out->push_back('}');
}

std::string_view OperationName(Operation operation) {
  switch (operation) {
    case Operation::kInsert:
      return "insert";
    case Operation::kUpdate:
      return "update";
    case Operation::kDelete:
      return "delete";
    case Operation::kTruncate:
      return "truncate";
    case Operation::kMessage:
      return "message";
    case Operation::kDefinition:
      return "definition";
    case Operation::kRaw:
      break;
  }
  return "unknown";
}

void AppendJsonDetails(const Change& change, std::string* out) {
  switch (change.operation) {
    case Operation::kUpdate:
      AppendUnchanged(change, out);
      return;
    case Operation::kTruncate:
      AppendTruncate(change, out);
      return;
    case Operation::kMessage:
      AppendMember("transactional", out);
      out->append(change.transactional ? "true" : "false");
      AppendMember("prefix", out);
      AppendJson(change.prefix, out);
      AppendMember("content", out);
      AppendJson(change.content, out);
      return;
    case Operation::kDefinition:
      AppendMember("definition", out);  // JSON itself
      out->append(change.content);
      return;
    case Operation::kRaw:
      AppendMember("content", out);
      out->append("{\"hex\":\"");
      AppendHex(change.content, out);
      out->append("\"}");
      return;
    case Operation::kInsert:
    case Operation::kDelete:
      return;
  }
}

std::unique_ptr<LogFormat> NewJsonLogFormat() { return std::make_unique<JsonLogFormat>(); }

}  // namespace trunkline
