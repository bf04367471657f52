// shmctl list: all rings of a directory, a line each.
#include <memory>
#include <string>
#include <vector>

#include "millrace/segment_manager.h"
#include "tools/shmctl/commands.h"
#include "tools/shmctl/complaint.h"
#include "tools/shmctl/describe.h"
#include "tools/shmctl/ring_json.h"
#include "tools/shmctl/size.h"
#include "tools/shmctl/streams.h"
#include "tools/shmctl/table.h"

namespace millrace::tool {
namespace {

constexpr char kExamples[] =
    R"(Lists the rings that this user may read. Looking takes no seat and disturbs nobody. CONSUMERS counts the
living ones that hold a seat; observers (shmctl tail) hold none. LAG is that of the slowest.

States:
  live           a producer has it open; "blocked": it waits for room now, "waiting": for consumers
  closed         its producer said that the stream is complete
  producer gone  its producer ended without saying so; the next one goes on
  never used     there was no producer yet
  damaged        its contents contradict the protocol; `shmctl stat NAME` says where

Examples:
  shmctl list
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

std::string RingTable(const std::vector<RingInfo>& rings) {
  using enum Table::Align;
  Table table({{"NAME"},
               {"STATE"},
               {"CAPACITY", kRight},
               {"NEXT", kRight},
               {"CONSUMERS", kRight},
               {"LAG"},
               {"DROPPED", kRight},
               {"PRODUCER"},
               {"STALE"}});
  for (const RingInfo& ring : rings) {
    if (!IsDescribed(ring)) {
      table.AddRow({ring.name, DescribeState(ring), "?", "?", "?", "?", "?", "?", ring.stale ? "yes" : "no"});
      continue;
    }
    table.AddRow({ring.name, DescribeState(ring), HumanSize(ring.capacity),
                  std::to_string(ring.next_sequence) + (ring.next_sequence_exact ? "" : "+"), ConsumersCell(ring),
                  LagCell(ring), std::to_string(ring.dropped), DescribeProducer(ring.producer), ring.stale ? "yes" : "no"});
  }
  return table.Text();
}

int RunList(bool as_json, const std::string& directory) {
  const auto rings = SegmentManager(directory).List();
  if (!rings.ok()) return Refuse(rings.status());
  if (as_json) {
    auto json = nlohmann::ordered_json::array();
    for (const RingInfo& ring : *rings) json.push_back(RingJson(ring));
    return Print(JsonText(json));
  }
  return Print(rings->empty() ? "no rings in " + directory + "\n" : RingTable(*rings));
}

}  // namespace

void AddList(CLI::App& app, Globals& globals) {
  auto as_json = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("list", "List the rings and who uses them");
  command->add_flag("--json", *as_json, "One array of objects, for programs");
  command->footer(std::string(kExamples) + '\n' + kCommonHelp);
  command->callback([as_json, &globals] {
    globals.run = [as_json, &globals] { return RunList(*as_json, globals.directory); };
  });
}

}  // namespace millrace::tool
