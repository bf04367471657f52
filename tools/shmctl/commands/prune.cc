// SPDX-License-Identifier: Apache-2.0
// shmctl prune: removes rings that no process uses.
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "millrace/error.h"
#include "millrace/segment_manager.h"
#include "tools/shmctl/arguments/meant.h"
#include "tools/shmctl/arguments/values.h"
#include "tools/shmctl/commands.h"
#include "tools/shmctl/io/complaint.h"
#include "tools/shmctl/io/signals.h"
#include "tools/shmctl/io/streams.h"
#include "tools/shmctl/text/describe.h"
#include "tools/shmctl/text/ring_json.h"
#include "tools/shmctl/text/size.h"
#include "tools/shmctl/text/table.h"

namespace millrace::tool {
namespace {

struct PruneArguments {
  std::vector<std::string> names;
  bool dry_run = false, yes = false, as_json = false;
  std::string older_than = "1m";
};

constexpr char kExamples[] =
    R"(Removes rings whose producer and consumers are gone, and the leftovers of killed processes. The kernel's locks
decide which processes are alive, and are checked again just before each removal. Never removed: rings in use, kept
rings (shmctl create, shmctl set --keep), rings that have had no producer yet, other users' rings (unless root), and
files that are not millrace's.

Shows what it would remove, and asks. Without a terminal it cannot ask: give --yes. Exit code 1: stale rings were found
and left (--dry-run, or the answer was no), or a ring of this user cannot be read.

Examples:
  shmctl prune                           show, ask, remove
  shmctl prune --dry-run                 only show
  shmctl prune 'test-*'                  only rings that match
  shmctl prune --yes --older-than 1h     from a script
)";

std::string TableOf(const std::vector<Stale>& stale) {
  Table table({{"NAME"}, {"SIZE", Table::Align::kRight}, {"WHY"}});
  for (const Stale& one : stale) table.AddRow({one.name, HumanSize(one.bytes), one.why});
  return table.Text();
}

std::string SizeOf(const std::vector<Stale>& stale) {
  uint64_t bytes = 0;
  for (const Stale& one : stale) bytes += one.bytes;
  return HumanSize(bytes);
}

nlohmann::ordered_json StaleJson(const Stale& stale, bool removed, const std::string& error) {
  const auto or_null = [](const std::string& text) -> nlohmann::ordered_json {
    return text.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(text);
  };
  return {{"name", stale.name},   {"incarnation", or_null(stale.incarnation)},
          {"bytes", stale.bytes}, {"why", stale.why},
          {"removed", removed},   {"error", or_null(error)}};
}

// Returns what this user may remove. Reports the other stale rings, which stay.
std::vector<Stale> WithoutOthers(std::vector<Stale> stale) {
  const uid_t us = geteuid();
  const auto others = std::stable_partition(stale.begin(), stale.end(),
                                            [us](const Stale& one) { return us == 0 || one.owner == us; });
  std::string names;
  for (auto one = others; one != stale.end(); ++one) names += (names.empty() ? "" : ", ") + one->name;
  if (!names.empty()) {
    Complain("not removed, because other users own " +
             std::string(stale.end() - others == 1 ? "it" : "them") +
             " (the owner or root can prune): " + names);
  }
  stale.erase(others, stale.end());
  return stale;
}

// Returns the first line of the answer. Returns nullopt if a signal arrived first.
std::optional<std::string> ReadAnswer() {
  std::string answer;
  char c = 0;
  for (;;) {
    const ssize_t n = ReadSome(STDIN_FILENO, &c, 1);
    if (n < 0 && CaughtSignal() != 0) return std::nullopt;
    if (n <= 0 || c == '\n') return answer;
    answer.push_back(c);
  }
}

// Asks on standard error, which is the terminal even if standard output goes to a file. Returns kDone if the
// user agreed.
int Ask(const std::vector<Stale>& stale) {
  if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1) {
    Complain("found something to remove (" + Counted(stale.size(), "ring") + ", " + SizeOf(stale) +
             "), but no terminal to ask on; give --yes, or --dry-run to only show it");
    return kUsage;
  }
  OutputBuffer terminal(STDERR_FILENO);
  terminal.pending() = TableOf(stale) + "Remove " +
                       (stale.size() == 1 ? "it" : "these " + std::to_string(stale.size())) + "? [y/N] ";
  terminal.Flush();
  const std::optional<std::string> answer = ReadAnswer();
  if (!answer) return kSignalBase + CaughtSignal();
  if (*answer == "y" || *answer == "Y" || *answer == "yes") return kDone;
  Complain("nothing was removed");
  return kFinding;
}

int RemoveAll(const SegmentManager& manager, const std::vector<Stale>& stale, bool as_json) {
  int exit_code = kDone;
  std::vector<Stale> removed;
  auto json = nlohmann::ordered_json::array();
  for (const Stale& one : stale) {
    const absl::Status status = manager.Prune(one);
    const std::string error(status.message().data(), status.message().size());
    json.push_back(StaleJson(one, status.ok(), error));
    if (status.ok()) {
      removed.push_back(one);
      continue;
    }
    switch (ErrorOf(status)) {
      case Error::kNotFound:  // another process has removed it already
        break;
      case Error::kInUse:  // a process uses it again, which is no failure
      case Error::kIncarnation:
        Complain(error);
        break;
      default:
        exit_code = std::max(exit_code, Refuse(status));
    }
  }
  const int printed = Print(as_json ? JsonText(json)
                                    : "removed " + std::to_string(removed.size()) + " of " +
                                          std::to_string(stale.size()) + ", " + SizeOf(removed) + "\n");
  return printed == kDone ? exit_code : printed;
}

int ShowOnly(const std::vector<Stale>& stale, bool as_json) {
  auto json = nlohmann::ordered_json::array();
  for (const Stale& one : stale) json.push_back(StaleJson(one, false, ""));
  const int printed = Print(as_json ? JsonText(json)
                                    : TableOf(stale) + "would remove " + std::to_string(stale.size()) + ", " +
                                          SizeOf(stale) + "\n");
  return printed == kDone ? kFinding : printed;
}

int RunPrune(const PruneArguments& arguments, const std::string& directory) {
  const Nanos age = TimeArgument("--older-than", arguments.older_than);
  const SegmentManager manager(directory);
  absl::StatusOr<std::vector<Stale>> found = manager.FindStale(age);
  if (!found.ok()) return Refuse(found.status());
  const auto words = WithoutGuards(arguments.names);
  std::erase_if(*found, [&](const Stale& one) { return !IsMeant(words, one.name); });
  const std::vector<Stale> stale = WithoutOthers(*std::move(found));
  absl::StatusOr<std::vector<RingInfo>> rings = manager.List();
  if (!rings.ok()) return Refuse(rings.status());
  std::erase_if(*rings, [&](const RingInfo& ring) { return !IsMeant(words, ring.name); });
  const int looked = ComplainOfUnreadable(*rings);
  if (stale.empty()) {
    const std::string nothing = "nothing to remove in " + directory + "\n";
    return std::max(looked, Print(arguments.as_json ? "[]\n" : nothing));
  }
  if (arguments.dry_run) return ShowOnly(stale, arguments.as_json);
  const int agreed = arguments.yes ? kDone : Ask(stale);
  return std::max(looked, agreed == kDone ? RemoveAll(manager, stale, arguments.as_json) : agreed);
}

}  // namespace

void AddPrune(CLI::App& app, Globals& globals) {
  auto arguments = std::make_shared<PruneArguments>();
  CLI::App* command = app.add_subcommand("prune", "Remove rings that no process uses");
  command->add_option("NAME", arguments->names, std::string(kNamesHelp) + " (default: all)");
  command->add_flag("--dry-run", arguments->dry_run, "Show what would be removed, remove nothing");
  command->add_flag("--yes", arguments->yes, "Do not ask");
  command->add_option("--older-than", arguments->older_than, "Only rings unused for at least this time")
      ->type_name("TIME")
      ->capture_default_str();
  command->add_flag("--json", arguments->as_json, "One array of objects, for programs");
  command->footer(std::string(kExamples) + '\n' + kCommonHelp);
  command->callback([arguments, &globals] {
    globals.run = [arguments, &globals] { return RunPrune(*arguments, globals.directory); };
  });
}

}  // namespace millrace::tool
