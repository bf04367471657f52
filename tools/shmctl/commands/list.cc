// SPDX-License-Identifier: Apache-2.0
// shmctl list: shows all rings of a directory, a line each.
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "millrace/segment_manager.h"
#include "tools/shmctl/arguments/meant.h"
#include "tools/shmctl/commands.h"
#include "tools/shmctl/io/complaint.h"
#include "tools/shmctl/io/streams.h"
#include "tools/shmctl/text/describe.h"
#include "tools/shmctl/text/ring_json.h"
#include "tools/shmctl/text/size.h"
#include "tools/shmctl/text/table.h"

namespace millrace::tool {
namespace {

constexpr char kExamples[] =
    R"(Lists the rings. Listing takes no seat and disturbs no process. CONSUMERS counts the living consumers that hold a
seat; observers (shmctl tail) hold none. LAG is the lag of the slowest consumer.

States:
  live           a producer has it open; "blocked": it waits for room, "waiting": it waits for consumers
  closed         its producer closed it: the stream is complete
  producer gone  its producer ended without closing it; the next producer continues the stream
  never used     it has had no producer yet
  damaged        its contents contradict the protocol; `shmctl stat NAME` shows where
  unreadable     this user may not read it, or the system refused

OWNER is shown if another user owns one of the rings. Exit code 1: a ring of this user cannot be read; standard error
gives the reason.

Examples:
  shmctl list
  shmctl list 'quotes-*'
  shmctl list --json | jq '.[] | select(.stale) | .name'
)";

std::string ConsumersCell(const RingInfo& ring) {
  if (!ring.seats_readable) return "?";
  size_t living = 0;
  for (const SeatInfo& seat : ring.consumers) living += Consumes(seat) ? 1 : 0;
  return std::to_string(living);
}

std::string LagCell(const RingInfo& ring) {
  if (!ring.seats_readable) return "?";
  const SeatInfo* slowest = Slowest(ring, Among::kAll);
  return slowest == nullptr ? "-" : DescribeLag(*slowest);
}

// Returns true if one of the ring's files belongs to another user.
bool IsOthers(const RingInfo& ring) {
  const uid_t us = geteuid();
  return ring.uid != us || ring.seats_uid.value_or(us) != us || ring.lock_uid.value_or(us) != us;
}

std::string OwnersCell(const RingInfo& ring) {
  const bool one =
      ring.seats_uid.value_or(ring.uid) == ring.uid && ring.lock_uid.value_or(ring.uid) == ring.uid;
  return DescribeUser(ring.uid) + (one ? "" : ", differs: see stat");
}

std::string RingTable(const std::vector<RingInfo>& rings) {
  using enum Table::Align;
  std::vector<Table::Column> columns{
      {"NAME"}, {"STATE"},           {"CAPACITY", kRight}, {"NEXT", kRight}, {"CONSUMERS", kRight},
      {"LAG"},  {"DROPPED", kRight}, {"PRODUCER"},         {"STALE"}};
  const bool owners = std::any_of(rings.begin(), rings.end(), IsOthers);
  if (owners) columns.push_back({"OWNER"});
  Table table(std::move(columns));
  for (const RingInfo& ring : rings) {
    std::vector<std::string> row;
    if (!IsDescribed(ring)) {
      row = {ring.name, DescribeState(ring), "?", "?", "?", "?", "?", "?", ring.stale ? "yes" : "no"};
    } else {
      row = {ring.name,
             DescribeState(ring),
             HumanSize(ring.capacity),
             std::to_string(ring.next_sequence) + (ring.next_sequence_exact ? "" : "+"),
             ConsumersCell(ring),
             LagCell(ring),
             std::to_string(ring.dropped),
             DescribeProducer(ring.producer),
             ring.stale ? "yes" : "no"};
    }
    if (owners) row.push_back(OwnersCell(ring));
    table.AddRow(std::move(row));
  }
  return table.Text();
}

struct ListArguments {
  std::vector<std::string> names;
  bool as_json = false;
};

std::string NoRings(const std::string& directory) { return "no rings in " + directory + "\n"; }

int RunList(const ListArguments& arguments, const std::string& directory) {
  const SegmentManager manager(directory);
  std::vector<RingInfo> rings;
  int exit_code = kDone;
  if (arguments.names.empty()) {
    auto all = manager.List();
    if (!all.ok()) return Refuse(all.status());
    rings = *std::move(all);
    exit_code = ComplainOfUnreadable(rings);
  } else {
    exit_code = ForEachMeant(WithoutGuards(arguments.names), directory, [&](const std::string& name) {
      auto ring = manager.Inspect(name);
      if (ring.ok()) rings.push_back(*std::move(ring));
      return ring.status();
    });
    if (rings.empty() && exit_code != kDone && !arguments.as_json) return exit_code;
  }
  if (!arguments.as_json) {
    const int printed = Print(rings.empty() ? NoRings(directory) : RingTable(rings));
    return printed == kDone ? exit_code : printed;
  }
  auto json = nlohmann::ordered_json::array();
  for (const RingInfo& ring : rings) json.push_back(RingJson(ring));
  const int printed = Print(JsonText(json));
  return printed == kDone ? exit_code : printed;
}

}  // namespace

void AddList(CLI::App& app, Globals& globals) {
  auto arguments = std::make_shared<ListArguments>();
  CLI::App* command = app.add_subcommand("list", "List the rings and who uses them");
  command->add_option("NAME", arguments->names, std::string(kNamesHelp) + " (default: all)");
  command->add_flag("--json", arguments->as_json, "One array of objects, for programs");
  command->footer(std::string(kExamples) + '\n' + kCommonHelp);
  command->callback([arguments, &globals] {
    globals.run = [arguments, &globals] { return RunList(*arguments, globals.directory); };
  });
}

}  // namespace millrace::tool
