// SPDX-License-Identifier: Apache-2.0
// The sub-commands. Each file commands/<name>.cc defines one of these functions. The function declares the
// options of its command. If the command line names that command, Globals receives what is to run.
#ifndef MILLRACE_TOOLS_SHMCTL_COMMANDS_H_
#define MILLRACE_TOOLS_SHMCTL_COMMANDS_H_

#include <functional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "tools/shmctl/io/exit_code.h"

namespace millrace::tool {

// Marks a word in square brackets as a pattern. Where several values may be given, CLI11 reads "[ab]" as a
// list. The mark is a character that no argument can hold.
inline std::string WithGuard(std::string word) {
  if (word.starts_with('[') && word.ends_with(']')) word.push_back('\0');
  return word;
}
inline std::string WithoutGuard(std::string word) {
  if (word.ends_with('\0')) word.pop_back();
  return word;
}

struct Globals {
  std::string directory = "/dev/shm";
  std::function<int()> run;  // returns the exit code; may throw CLI::ValidationError
};

void AddCreate(CLI::App& app, Globals& globals);
void AddList(CLI::App& app, Globals& globals);
void AddStat(CLI::App& app, Globals& globals);
void AddPub(CLI::App& app, Globals& globals);
void AddTail(CLI::App& app, Globals& globals);
void AddUnlink(CLI::App& app, Globals& globals);
void AddPrune(CLI::App& app, Globals& globals);
void AddEvict(CLI::App& app, Globals& globals);
void AddSet(CLI::App& app, Globals& globals);
void AddHelp(CLI::App& app, Globals& globals);

std::vector<const CLI::App*> CommandsOf(const CLI::App& app);
// Reports that `word` is no sub-command, and which one may be meant.
void ComplainAboutCommand(const CLI::App& app, const std::string& word);

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_COMMANDS_H_
