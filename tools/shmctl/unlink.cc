// shmctl unlink: removes rings.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "millrace/segment_manager.h"
#include "tools/shmctl/commands.h"
#include "tools/shmctl/complaint.h"
#include "tools/shmctl/ring_options.h"

namespace millrace::tool {
namespace {

struct UnlinkArguments {
  std::vector<std::string> names;
  bool force = false;
};

constexpr char kExamples[] =
    R"(Removes rings by name. Whoever still has one open is told so. A ring that a living producer or consumer uses
is refused, and the others are still removed. Files that are not rings are never touched.

Examples:
  shmctl unlink quotes
  shmctl unlink quotes jobs --force      although somebody uses them
)";

int RunUnlink(const UnlinkArguments& arguments, const std::string& directory) {
  for (const std::string& name : arguments.names) {  // before anything is removed
    if (name.find('/') == std::string::npos) continue;
    Complain("unlink removes rings, by their name; \"" + name +
             "\" is a path. A recording is a file: use rm");
    return kUsage;
  }
  const SegmentManager manager(directory);
  const auto force = arguments.force ? SegmentManager::Force::kYes : SegmentManager::Force::kNo;
  int exit_code = kDone;
  for (const std::string& name : arguments.names) {
    const absl::Status status = manager.Unlink(name, force);
    if (!status.ok()) exit_code = std::max(exit_code, Refuse(status));
  }
  return exit_code;
}

}  // namespace

void AddUnlink(CLI::App& app, Globals& globals) {
  auto arguments = std::make_shared<UnlinkArguments>();
  CLI::App* command = app.add_subcommand("unlink", "Remove rings");
  command->add_option("NAME", arguments->names, "The rings' names")->required();
  command->add_flag("--force", arguments->force, "Although a producer or consumer uses it");
  command->footer(std::string(kExamples) + '\n' + kCommonHelp);
  command->callback([arguments, &globals] {
    globals.run = [arguments, &globals] { return RunUnlink(*arguments, globals.directory); };
  });
}

}  // namespace millrace::tool
