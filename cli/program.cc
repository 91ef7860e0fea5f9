#include "cli/program.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <utility>
#include <vector>

#include "base/error.h"
#include "cli/command_description.h"
#include "cli/completion.h"
#include "cli/man_page.h"

namespace trunkline {
namespace {

namespace fs = std::filesystem;

constexpr int kUsageError = 2;

// CLI11's help, with values as the man pages write them.
class HelpFormat final : public CLI::Formatter {
 public:
  explicit HelpFormat(std::span<const ValueType> types) : types_(types) {}

  std::string make_option_opts(const CLI::Option* option) const override {
    std::string text;
    const std::string value = ShownValue(*option, types_);
    const bool says_enough = option->get_positional() && value == "TEXT";
    if (option->get_expected_max() > 0 && !says_enough) text += " " + value;
    if (!option->get_default_str().empty()) text += "=" + option->get_default_str();
    if (option->get_required()) text += " REQUIRED";
    if (!option->get_envname().empty()) text += " (Env:" + option->get_envname() + ")";
    return text;
  }

 private:
  std::span<const ValueType> types_;
};

void SetFormat(CLI::App* app, const std::shared_ptr<HelpFormat>& format) {
  app->formatter(format);
  for (CLI::App* child : app->get_subcommands([](CLI::App*) { return true; })) {
    SetFormat(child, format);
  }
}

// An empty value is an empty variable of a script more often than it is meant.
void RefuseEmptyValues(CLI::App* app, std::span<const ValueType> types) {
  for (CLI::Option* option : app->get_options()) {
    if (option->get_expected_max() == 0) continue;
    const std::string value = ShownValue(*option, types);
    const auto type = std::find_if(types.begin(), types.end(),
                                   [&](const ValueType& each) { return each.name == value; });
    if (type == types.end() || type->may_be_empty) continue;
    option->check(CLI::Validator(
        [](const std::string& text) {
          return text.empty() ? std::string("is empty") : std::string();
        },
        ""));
  }
  for (CLI::App* child : app->get_subcommands([](CLI::App*) { return true; })) {
    RefuseEmptyValues(child, types);
  }
}

std::string CompletionFor(const std::string& shell, const CommandDescription& program) {
  if (shell == "bash") return BashCompletion(program);
  if (shell == "zsh") return ZshCompletion(program);
  return FishCompletion(program);
}

Result<void> WriteFile(const fs::path& path, const std::string& text) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (file) return {};
  return Fail(ErrorKind::kFailed, "cannot write " + path.native());
}

// `folder` is the share of an installation.
Result<void> WriteManual(const CommandDescription& described, const Program& program,
                         const fs::path& folder) {
  const Manual manual{program.manual_section, program.version, program.types};
  for (const ManPage& page : ManPages(described, manual)) {
    TRY(WriteFile(folder / ("man" + manual.section) / page.name, page.text));
  }
  const std::string& name = described.name;
  TRY(WriteFile(folder / "bash-completion/completions" / name, BashCompletion(described)));
  TRY(WriteFile(folder / "zsh/site-functions" / ("_" + name), ZshCompletion(described)));
  return WriteFile(folder / "fish/vendor_completions.d" / (name + ".fish"),
                   FishCompletion(described));
}

// Both commands act while the command line is parsed, so that nothing else of it is required.
void AddCompletion(CLI::App* app, const Program& program) {
  CLI::App* command = app->add_subcommand("completion", "Print a shell's completion script");
  auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "The shell")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->footer("source <(" + app->get_name() +
                  " completion bash) completes in this session; zsh likewise,\n" +
                  "and in fish: " + app->get_name() + " completion fish | source");
  command->immediate_callback();
  command->callback(
      [=] { throw CLI::CallForVersion(CompletionFor(*shell, Describe(*app, program.types)), 0); });
}

void AddManual(CLI::App* app, const Program& program) {
  CLI::App* command = app->add_subcommand("manual", "Write man pages and completions");
  auto folder = std::make_shared<std::string>();
  command->add_option("DIR", *folder, "The share folder of an installation")->required();
  command->group("");
  command->immediate_callback();
  command->callback([=] {
    const Result<void> written = WriteManual(Describe(*app, program.types), program, *folder);
    if (!written) throw CLI::FileError(written.error().ToString());
    throw CLI::Success();
  });
}

}  // namespace

void AddSelfDescription(CLI::App* app, const Program& program) {
  app->set_version_flag("--version", app->get_name() + " " + program.version,
                        "Print the version and exit");
  AddCompletion(app, program);
  AddManual(app, program);
  const auto format = std::make_shared<HelpFormat>(program.types);
  format->column_width(34);
  SetFormat(app, format);
  RefuseEmptyValues(app, program.types);
}

std::optional<int> ParseArguments(CLI::App* app, int argc, const char* const* argv) {
  try {
    app->parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      app->exit(error);
      return std::cout.flush() ? 0 : 1;
    }
    std::fprintf(stderr, "%s: %s (%s --help shows the usage)\n", app->get_name().c_str(),
                 error.what(), app->get_name().c_str());
    return kUsageError;
  }
}

}  // namespace trunkline
