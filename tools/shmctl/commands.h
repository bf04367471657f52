// The sub-commands. Each file <name>.cc defines one of these: it declares the options and, when the command
// line names it, leaves in Globals what is to run.
#ifndef MILLRACE_TOOLS_SHMCTL_COMMANDS_H_
#define MILLRACE_TOOLS_SHMCTL_COMMANDS_H_

#include <functional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "tools/shmctl/exit_code.h"

namespace millrace::tool {

// CLI11 takes "[ab]" for a list where several values may be given; here it is a pattern. A character that
// no argument can hold keeps the two apart.
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
  std::function<int()> run;  // gives the exit code; may throw CLI::ValidationError
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
// Says that `word` is no sub-command, and which one may be meant.
void ComplainAboutCommand(const CLI::App& app, const std::string& word);

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_COMMANDS_H_
