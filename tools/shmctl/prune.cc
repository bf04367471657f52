// shmctl prune: removes what nobody uses.
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "millrace/error.h"
#include "millrace/segment_manager.h"
#include "tools/shmctl/commands.h"
#include "tools/shmctl/complaint.h"
#include "tools/shmctl/duration.h"
#include "tools/shmctl/size.h"
#include "tools/shmctl/table.h"

namespace millrace::tool {
namespace {

struct PruneArguments {
  bool dry_run = false, yes = false;
  std::string older_than = "1m";
};

constexpr char kExamples[] =
    R"(Removes rings whose producer and consumers are gone, and what killed processes left behind. Who is alive is asked
of the kernel, again for each ring when it is removed. Never removed: rings that somebody uses, kept rings (shmctl
create, shmctl set --keep), rings that had no producer yet, and files that are not millrace's.

Shows what it would remove and asks; where standard input is no terminal, --yes must say so beforehand.

Examples:
  shmctl prune --dry-run                 only show: exit code 1 if there is something
  shmctl prune --yes --older-than 1h     from a script
)";

void Show(const std::vector<Stale>& stale) {
  Table table({{"NAME"}, {"SIZE", Table::Align::kRight}, {"WHY"}});
  for (const Stale& one : stale) table.AddRow({one.name, HumanSize(one.bytes), one.why});
  std::cout << table.Text() << std::flush;
}

bool Agreed(size_t count) {
  std::cout << "Remove " << (count == 1 ? "it" : "these " + std::to_string(count)) << "? [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

int RemoveAll(const SegmentManager& manager, const std::vector<Stale>& stale) {
  int exit_code = kDone;
  size_t removed = 0;
  uint64_t bytes = 0;
  for (const Stale& one : stale) {
    const absl::Status status = manager.Remove(one);
    if (status.ok()) ++removed, bytes += one.bytes;
    else if (ErrorOf(status) != Error::kNotFound) exit_code = std::max(exit_code, Refuse(status));
  }
  std::cout << "removed " << removed << " of " << stale.size() << ", " << HumanSize(bytes) << "\n";
  return exit_code;
}

int RunPrune(const PruneArguments& arguments, const std::string& directory) {
  const std::optional<Nanos> age = ParseDuration(arguments.older_than);
  if (!age) {
    throw CLI::ValidationError("--older-than", "\"" + arguments.older_than + "\" is no duration; write 30s, 5m or 1h");
  }
  const SegmentManager manager(directory);
  const absl::StatusOr<std::vector<Stale>> stale = manager.FindStale(*age);
  if (!stale.ok()) return Refuse(stale.status());
  if (stale->empty()) {
    std::cout << "nothing to remove in " << directory << "\n";
    return kDone;
  }
  Show(*stale);
  if (arguments.dry_run) return kFinding;
  if (!arguments.yes && !isatty(STDIN_FILENO)) {
    Complain("prune asks before it removes, and there is no terminal to ask: say --yes, or --dry-run to look only");
    return kUsage;
  }
  if (!arguments.yes && !Agreed(stale->size())) return kDone;
  return RemoveAll(manager, *stale);
}

}  // namespace

void AddPrune(CLI::App& app, Globals& globals) {
  auto arguments = std::make_shared<PruneArguments>();
  CLI::App* command = app.add_subcommand("prune", "Remove what nobody uses");
  command->add_flag("--dry-run", arguments->dry_run, "Only show it");
  command->add_flag("--yes", arguments->yes, "Do not ask");
  command->add_option("--older-than", arguments->older_than, "Unused for at least that long")
      ->type_name("TIME")
      ->capture_default_str();
  command->footer(std::string(kExamples) + '\n' + kCommonHelp);
  command->callback([arguments, &globals] {
    globals.run = [arguments, &globals] { return RunPrune(*arguments, globals.directory); };
  });
}

}  // namespace millrace::tool
