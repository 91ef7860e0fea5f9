#include "cli/man_page.h"

#include <algorithm>
#include <sstream>
#include <string_view>

namespace trunkline {
namespace {

// Text that troff prints as it is: no escapes, and hyphens that can be copied into a shell.
std::string Escape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '\\':
        escaped += "\\e";
        break;
      case '-':
        escaped += "\\-";
        break;
      case '~':
        escaped += "\\(ti";
        break;
      case '^':
        escaped += "\\(ha";
        break;
      case '`':
        escaped += "\\(ga";
        break;
      case '\'':
        escaped += "\\(aq";
        break;
      case '\n':
        escaped += ' ';
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

// A line that is no request, whatever it begins with.
std::string Line(std::string_view text) {
  const std::string escaped = Escape(text);
  return (escaped.starts_with('.') ? "\\&" : "") + escaped + "\n";
}

// A line that ends a sentence ends a line of the page; others were broken for the terminal.
std::string Lines(const std::string& text) {
  std::string lines;
  bool ended = false;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    if (ended) lines += ".br\n";
    lines += Line(line);
    ended = line.ends_with('.');
  }
  return lines;
}

std::string Bold(std::string_view text) { return "\\fB" + Escape(text) + "\\fR"; }

// Words in capitals stand for something else: they are in italics.
std::string Value(std::string_view text) {
  std::string styled;
  while (!text.empty()) {
    const bool capital = text.front() >= 'A' && text.front() <= 'Z';
    const auto same = [&](char c) { return (c >= 'A' && c <= 'Z') == capital; };
    const auto end = std::find_if_not(text.begin(), text.end(), same);
    const auto size = static_cast<size_t>(end - text.begin());
    const std::string run = Escape(text.substr(0, size));
    styled += capital ? "\\fI" + run + "\\fR" : run;
    text.remove_prefix(size);
  }
  return styled;
}

std::string Sentence(std::string text) {
  if (!text.empty() && text.back() != '.' && text.back() != '!') text += '.';
  return text;
}

std::string NamesOf(const OptionDescription& option) {
  if (option.positional) return Value(option.names.front());
  std::string names;
  for (const std::string& name : option.names) names += (names.empty() ? "" : ", ") + Bold(name);
  return names;
}

std::string Signature(const OptionDescription& option, const std::string& names) {
  if (option.positional || option.takes == Takes::kNothing) return names;
  const bool bracketed = option.takes == Takes::kMaybeAValue && !option.value.starts_with('[');
  const std::string value = bracketed ? "[" + option.value + "]" : option.value;
  return names + " " + Value(value);
}

// "--at TARGET", by its longest name.
std::string InSynopsis(const OptionDescription& option) {
  if (option.positional) {
    const std::string name = Value(option.names.front());
    return option.required ? name : "[" + name + "]";
  }
  return Signature(option, Bold(option.names.back()));
}

std::string OneOf(const std::vector<OptionDescription>& options) {
  std::string text;
  for (const OptionDescription& option : options) {
    text += (text.empty() ? "{" : " | ") + InSynopsis(option);
  }
  return text + "}";
}

std::string Synopsis(const CommandDescription& command, const std::string& path) {
  std::string text = ".SH SYNOPSIS\n" + Bold(path);
  for (const OptionDescription& option : command.options) {
    if (option.positional) text += " " + InSynopsis(option);
  }
  for (const OptionDescription& option : command.options) {
    if (!option.positional && option.required) text += " " + InSynopsis(option);
  }
  for (const std::vector<OptionDescription>& group : command.one_of) text += " " + OneOf(group);
  if (!command.commands.empty()) text += " [\\fICOMMAND\\fR]";
  return text + " [\\fIOPTION\\fR]...\n";
}

std::string Option(const OptionDescription& option) {
  std::string text = ".TP\n" + Signature(option, NamesOf(option)) + "\n";
  text += Line(Sentence(option.description));
  if (!option.default_value.empty()) text += Line("Default: " + Sentence(option.default_value));
  if (!option.environment.empty()) text += Line("Environment: " + Sentence(option.environment));
  if (option.required) text += Line("Required.");
  return text;
}

std::string Options(const CommandDescription& command) {
  std::string text = ".SH OPTIONS\n";
  for (const bool positional : {true, false}) {
    for (const OptionDescription& option : command.options) {
      if (option.positional == positional) text += Option(option);
    }
  }
  return text;
}

// "trunkline-replay"
std::string PageOf(const std::string& path) {
  std::string name = path;
  std::replace(name.begin(), name.end(), ' ', '-');
  return name;
}

std::string Commands(const CommandDescription& command, const std::string& path,
                     const Manual& manual) {
  if (command.commands.empty()) return {};
  std::string text = ".SH COMMANDS\n";
  for (const CommandDescription& sub : command.commands) {
    text += ".TP\n" + Bold(path + " " + sub.name) + "\n" + Line(Sentence(sub.description)) +
            "See " + Bold(PageOf(path + " " + sub.name)) + "(" + manual.section + ").\n";
  }
  return text;
}

bool Uses(const CommandDescription& command, const ValueType& type) {
  return std::any_of(command.options.begin(), command.options.end(),
                     [&](const OptionDescription& option) {
                       return option.value == type.name || option.names.front() == type.name;
                     });
}

// What names of values mean that options of the command take.
std::string Values(const CommandDescription& command, const Manual& manual) {
  std::string text;
  for (const ValueType& type : manual.types) {
    if (type.meaning.empty() || !Uses(command, type)) continue;
    text += ".TP\n" + Value(type.name) + "\n" + Line(type.meaning);
    if (type.forms.empty()) continue;
    text += ".br\n";
    std::string forms(type.forms);
    for (size_t bar = 0; (bar = forms.find('|', bar)) != std::string::npos; bar += 3) {
      forms.replace(bar, 1, " | ");
    }
    text += Value(forms) + "\n";
  }
  return text.empty() ? text : ".SH VALUES\n" + text;
}

std::string SeeAlso(const CommandDescription& command, const std::string& path,
                    const std::string& parent, const Manual& manual) {
  std::string pages;
  const auto add = [&](const std::string& page) {
    pages += (pages.empty() ? "" : ",\n") + Bold(PageOf(page)) + "(" + manual.section + ")";
  };
  if (!parent.empty()) add(parent);
  for (const CommandDescription& sub : command.commands) add(path + " " + sub.name);
  return pages.empty() ? pages : ".SH SEE ALSO\n" + pages + "\n";
}

std::string Quoted(std::string_view text) { return "\"" + Escape(text) + "\""; }

void AddPages(const CommandDescription& command, const std::string& parent, const Manual& manual,
              std::vector<ManPage>* pages) {
  const std::string path = parent.empty() ? command.name : parent + " " + command.name;
  std::string title = PageOf(path);
  std::transform(title.begin(), title.end(), title.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  const std::string program = path.substr(0, path.find(' '));
  std::string text = ".TH " + Quoted(title) + " " + Quoted(manual.section) + " \"\" " +
                     Quoted(program + " " + manual.version) + " \"Trunkline\"\n.nh\n.ad l\n";
  std::string_view what = command.description;
  if (what.ends_with('.')) what.remove_suffix(1);
  text += ".SH NAME\n" + Escape(PageOf(path)) + " \\- " + Line(what);
  text += Synopsis(command, path);
  text += ".SH DESCRIPTION\n" + Line(Sentence(command.description));
  text += Commands(command, path, manual) + Options(command) + Values(command, manual);
  if (!command.footer.empty()) text += ".SH NOTES\n" + Lines(command.footer);
  text += SeeAlso(command, path, parent, manual);
  pages->push_back({PageOf(path) + "." + manual.section, std::move(text)});
  for (const CommandDescription& sub : command.commands) AddPages(sub, path, manual, pages);
}

}  // namespace

std::vector<ManPage> ManPages(const CommandDescription& program, const Manual& manual) {
  std::vector<ManPage> pages;
  AddPages(program, "", manual, &pages);
  return pages;
}

}  // namespace trunkline
