// SPDX-License-Identifier: Apache-2.0
// shmctl: inspects, feeds and empties millrace rings from a shell.
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "millrace/sigbus_guard.h"
#include "tools/shmctl/commands.h"
#include "tools/shmctl/completion/complete.h"
#include "tools/shmctl/io/complaint.h"
#include "tools/shmctl/io/exit_code.h"
#include "tools/shmctl/io/signals.h"
#include "tools/shmctl/io/streams.h"
#include "tools/shmctl/text/suggest.h"

namespace millrace::tool {
namespace {

constexpr char kExamples[] =
    R"(A ring is a named message queue in shared memory: one producer writes it, any number of consumers read it.

First steps, in two terminals, in either order:
  shmctl tail demo --lossless --until-closed > copy
  shmctl pub demo --create --wait-for 1 < file
  shmctl unlink demo

`shmctl help SUBCOMMAND` explains each, with examples.
Sizes: K, M, G are KiB, MiB, GiB; KB, MB, GB are decimal.
)";

// Refuses a directory that does not exist. A tail that waits for a ring in it would wait forever.
int CheckDirectory(const std::string& directory) {
  struct stat status = {};
  const int error = stat(directory.c_str(), &status) == -1 ? errno : S_ISDIR(status.st_mode) ? 0 : ENOTDIR;
  if (error == 0) return kDone;
  Complain("cannot use directory \"" + directory + "\": " + std::strerror(error));
  return kEnvironment;
}

void AddGlobals(CLI::App& app, Globals& globals) {
  app.require_subcommand(1);
  app.fallthrough();  // global options are accepted after the sub-command too
  app.set_version_flag("--version", "shmctl " SHMCTL_VERSION);
  app.add_option("--dir", globals.directory, "Directory of the rings")
      ->type_name("DIR")
      ->envname("MILLRACE_DIR")
      ->capture_default_str();
  app.footer(std::string(kExamples) + '\n' + kCommonHelp);
  app.get_formatter()->column_width(28);
}

// Reports that the sub-command has no such option, and which one may be meant.
void ComplainAboutOption(const CLI::App& command, const std::string& word) {
  std::vector<std::string> names = {"dir"};
  for (const CLI::Option* option : command.get_options())
    names.insert(names.end(), option->get_lnames().begin(), option->get_lnames().end());
  const size_t begin = std::min(word.find_first_not_of('-'), word.size());
  const std::string meant = NearestWord(word.substr(begin, word.find('=') - begin), names);
  Complain("shmctl " + command.get_name() + " has no option \"" + word + "\"" +
           (meant.empty() ? "" : "; did you mean --" + meant + "?"));
}

int Explain(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {  // --help, --version
    std::ostringstream text;
    app.exit(error, text, text);
    return Print(text.str());
  }
  const auto used = app.get_subcommands();
  const auto unknown = app.remaining(/*recurse=*/true);
  if (used.empty() && !unknown.empty()) {
    ComplainAboutCommand(app, unknown.front());
  } else if (!unknown.empty() && unknown.front().starts_with("-")) {
    ComplainAboutOption(*used.front(), unknown.front());
  } else {
    Complain(error.what());
  }
  const std::string command = used.empty() ? "shmctl" : "shmctl " + used.front()->get_name();
  Complain("`" + command + " --help` shows how it is used");
  return kUsage;
}

// Returns true if the first sub-command among `words` takes names of rings, possibly as patterns.
bool TakesPatterns(const CLI::App& app, const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    const auto named =
        app.get_subcommands([&](const CLI::App* command) { return command->check_name(word); });
    if (named.empty()) continue;
    constexpr std::string_view kTheirs[] = {"tail", "list", "stat", "unlink", "prune"};
    return std::find(std::begin(kTheirs), std::end(kTheirs), word) != std::end(kTheirs);
  }
  return false;
}

int Run(int argc, char** argv) {
  Globals globals;
  CLI::App app("Inspects, feeds and empties millrace rings", "shmctl");
  AddGlobals(app, globals);
  AddCreate(app, globals);
  AddList(app, globals);
  AddStat(app, globals);
  AddPub(app, globals);
  AddTail(app, globals);
  AddUnlink(app, globals);
  AddPrune(app, globals);
  AddEvict(app, globals);
  AddSet(app, globals);
  AddHelp(app, globals);
  try {
    std::vector<std::string> words(argv + 1, argv + std::max(argc, 1));
    if (!words.empty() && words.front() == kCompleteCommand) {
      const char* directory = std::getenv("MILLRACE_DIR");
      return Complete(app, {words.begin() + 1, words.end()},
                      directory != nullptr ? directory : globals.directory);
    }
    if (TakesPatterns(app, words)) std::transform(words.begin(), words.end(), words.begin(), WithGuard);
    std::reverse(words.begin(), words.end());
    app.parse(std::move(words));
    const int checked = app.got_subcommand("help") ? kDone : CheckDirectory(globals.directory);
    return checked == kDone ? globals.run() : checked;
  } catch (const CLI::ParseError& error) {
    return Explain(app, error);
  }
}

}  // namespace
}  // namespace millrace::tool

int main(int argc, char** argv) {
  using namespace millrace::tool;
  ReserveStandardDescriptors();
  InstallSignalHandlers();
  // A process that truncates a ring must not kill a tool that is reading it.
  millrace::InstallSigbusGuard().IgnoreError();
  try {
    return Run(argc, argv);
  } catch (const std::exception& error) {  // most likely out of memory
    Complain(error.what());
    return kEnvironment;
  }
}
