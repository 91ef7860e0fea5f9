#include "cli/value_form.h"

#include <algorithm>

namespace trunkline {
namespace {

bool EndsLiteral(char c) { return (c >= 'A' && c <= 'Z') || c == '[' || c == '<' || c == '"'; }

ValueForm ParseForm(std::string_view form) {
  size_t end =
      static_cast<size_t>(std::find_if(form.begin(), form.end(), EndsLiteral) - form.begin());
  end = std::min(end, form.find("..."));
  const std::string_view rest = form.substr(end);
  ValueForm parsed{.literal = std::string(form.substr(0, end)), .follows = Follows::kOther};
  if (rest.empty()) parsed.follows = Follows::kNothing;
  if (rest == "FILE") parsed.follows = Follows::kFile;
  if (rest == "DIR") parsed.follows = Follows::kDirectory;
  return parsed;
}

}  // namespace

std::vector<ValueForm> ParseForms(std::string_view forms) {
  std::vector<ValueForm> parsed;
  while (!forms.empty()) {
    const size_t bar = std::min(forms.find('|'), forms.size());
    parsed.push_back(ParseForm(forms.substr(0, bar)));
    forms.remove_prefix(std::min(bar + 1, forms.size()));
  }
  return parsed;
}

}  // namespace trunkline
