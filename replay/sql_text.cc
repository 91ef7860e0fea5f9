#include "replay/sql_text.h"

#include "postgres/connection.h"

namespace trunkline {
namespace {

// Between dollars nothing has a meaning but their end.
std::string DollarQuoted(std::string_view text, const std::string& word) {
  std::string tag = "$" + word + "$";
  for (int i = 1; text.find(tag) != std::string_view::npos; ++i) {
    tag = "$" + word + std::to_string(i) + "$";
  }
  return tag + "\n" + std::string(text) + "\n" + tag;
}

bool MayFail(const Statement& statement) {
  return statement.may_exist || !statement.lacking.empty() || !statement.instead.empty();
}

// Whether psql might find something of its own in it. A cast is none.
bool ConcernsPsql(std::string_view sql) {
  for (size_t i = 0; i < sql.size(); ++i) {
    if (sql[i] == '\\') return true;
    if (sql[i] != ':') continue;
    if (sql.substr(i, 2) != "::") return true;
    ++i;
  }
  return false;
}

// A PL/pgSQL block: the statement, and what follows its failure.
std::string Block(const Statement& statement) {
  std::string block = "BEGIN EXECUTE " + DollarQuoted(statement.sql, "sql") + ";\n";
  if (MayFail(statement)) block += "EXCEPTION\n";
  if (statement.may_exist) {
    block += "WHEN duplicate_object OR duplicate_table OR duplicate_schema THEN NULL;\n";
  }
  if (!statement.lacking.empty() || !statement.instead.empty()) {
    block += "WHEN OTHERS THEN\n";
    for (const Statement& other : statement.instead) block += Block(other) + ";\n";
    block += statement.lacking.empty()
                 ? "NULL;\n"
                 : "RAISE WARNING 'rebuilt without %: %', " +
                       postgres::QuoteLiteral(statement.lacking) + ", SQLERRM;\n";
  }
  return block + "END";
}

}  // namespace

void AppendComment(std::string_view text, std::string* out) {
  *out += "-- ";
  for (const char c : text) *out += c == '\n' || c == '\r' ? ' ' : c;
  *out += '\n';
}

void AppendStatement(const Statement& statement, std::string* out) {
  if (!MayFail(statement) && !ConcernsPsql(statement.sql)) {
    *out += statement.sql + ";\n";
    return;
  }
  *out += "DO " + DollarQuoted(Block(statement), "do") + ";\n";
}

}  // namespace trunkline
