// SPDX-License-Identifier: Apache-2.0
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
    R"(Removes rings by name. Refuses a ring that a living producer or consumer uses, and still removes the others. With
--force removes such a ring too; the next call of each process that has it open reports the removal. Never touches files
that are not rings. A name without a ring, or a pattern that matches none, is an error: exit code 3.

Examples:
  shmctl unlink quotes
  shmctl unlink 'test-*'                 in quotes: the shell must not expand it
  shmctl unlink quotes jobs --force      even while processes use them
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
  command->add_flag("--force", arguments->force, "Remove it even while a producer or consumer uses it");
  command->footer(std::string(kExamples) + '\n' + kCommonHelp);
  command->callback([arguments, &globals] {
    globals.run = [arguments, &globals] { return RunUnlink(*arguments, globals.directory); };
  });
}

}  // namespace millrace::tool
