// ValueForm: one way to write an option's value, such as "csv:DIR" or "latest".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace trunkline {

// What follows a form's literal text.
enum class Follows {
  kNothing,    // the literal is the value
  kFile,       // FILE
  kDirectory,  // DIR
  kOther,      // anything else, which nothing can be offered for
};

struct ValueForm {
  std::string literal;  // may be empty
  Follows follows = Follows::kNothing;

  friend bool operator==(const ValueForm&, const ValueForm&) = default;
};

// A name for the values of several options, and the forms that they take. The strings are
// constants of the program.
struct ValueType {
  std::string_view name;      // as the options' type_name says, for example "TARGET"
  std::string_view forms;     // "latest|lsn:LSN|name:POINT"; empty: none that are known
  std::string_view meaning;   // a sentence for the man page; empty: the name says it
  std::string_view options;   // "--at --from": names that mean this type where they name none
  bool may_be_empty = false;  // else "" is refused
};

// Reads "latest|lsn:LSN|csv:DIR|pfs://...": forms with | between, each some literal text up to a
// word in capitals, a bracket or dots.
std::vector<ValueForm> ParseForms(std::string_view forms);

}  // namespace trunkline
