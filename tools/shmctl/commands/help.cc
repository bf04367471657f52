// SPDX-License-Identifier: Apache-2.0
// shmctl help, and the complaint about a word that is no sub-command.
#include <memory>
#include <string>
#include <vector>

#include "tools/shmctl/commands.h"
#include "tools/shmctl/io/complaint.h"
#include "tools/shmctl/io/streams.h"
#include "tools/shmctl/text/suggest.h"

namespace millrace::tool {
namespace {

int RunHelp(const CLI::App& app, const std::string& name) {
  if (name.empty())
    return Print(app.get_formatter()->make_help(&app, app.get_name(), CLI::AppFormatMode::Normal));
  for (const CLI::App* command : CommandsOf(app)) {
    if (command->check_name(name)) return Print(command->help(app.get_name()));
  }
  ComplainAboutCommand(app, name);
  return kUsage;
}

}  // namespace

std::vector<const CLI::App*> CommandsOf(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

void ComplainAboutCommand(const CLI::App& app, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::App* command : CommandsOf(app)) names.push_back(command->get_name());
  std::string meant = CommandOfOthers(word);
  if (meant.empty()) meant = NearestWord(word, names);
  Complain("there is no sub-command \"" + word + "\"" +
           (meant.empty() ? "" : "; did you mean `shmctl " + meant + "`?"));
}

void AddHelp(CLI::App& app, Globals& globals) {
  auto name = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("help", "Explain a sub-command");
  command->add_option("SUBCOMMAND", *name, "Sub-command to explain (default: the whole tool)");
  command->callback([name, &app, &globals] { globals.run = [name, &app] { return RunHelp(app, *name); }; });
}

}  // namespace millrace::tool
