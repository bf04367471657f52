// shmctl unlink: removes rings.
#include <memory>
#include <string>
#include <vector>

#include "millrace/segment_manager.h"
#include "tools/shmctl/arguments/meant.h"
#include "tools/shmctl/commands.h"
#include "tools/shmctl/io/complaint.h"

namespace millrace::tool {
namespace {

struct UnlinkArguments {
  std::vector<std::string> names;
  bool force = false;
};

constexpr char kExamples[] =
    R"(Removes rings by name. A process that still has one open gets an error that says so. A ring that a living producer or consumer uses
is refused, and the others are still removed. Files that are not rings are never touched. A name or a pattern that
means no ring is an error: exit code 3.

Examples:
  shmctl unlink quotes
  shmctl unlink 'test-*'                 in quotes: the shell must not expand it
  shmctl unlink quotes jobs --force      although somebody uses them
)";

int RunUnlink(const UnlinkArguments& arguments, const std::string& directory) {
  const std::vector<std::string> words = WithoutGuards(arguments.names);
  for (const std::string& name : words) {  // before anything is removed
    if (name.find('/') == std::string::npos) continue;
    Complain("\"" + name +
             "\" is a path, not the name of a ring; write `shmctl unlink quotes`, and --dir DIR if the "
             "ring is not in /dev/shm");
    return kUsage;
  }
  const SegmentManager manager(directory);
  const auto force = arguments.force ? SegmentManager::Force::kYes : SegmentManager::Force::kNo;
  return ForEachMeant(words, directory, [&](const std::string& name) { return manager.Unlink(name, force); });
}

}  // namespace

void AddUnlink(CLI::App& app, Globals& globals) {
  auto arguments = std::make_shared<UnlinkArguments>();
  CLI::App* command = app.add_subcommand("unlink", "Remove rings");
  command->add_option("NAME", arguments->names, kNamesHelp)->required();
  command->add_flag("--force", arguments->force, "Although a producer or consumer uses it");
  command->footer(std::string(kExamples) + '\n' + kCommonHelp);
  command->callback([arguments, &globals] {
    globals.run = [arguments, &globals] { return RunUnlink(*arguments, globals.directory); };
  });
}

}  // namespace millrace::tool
