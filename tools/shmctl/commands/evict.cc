// SPDX-License-Identifier: Apache-2.0
// shmctl evict: takes a consumer's seat away.
#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "millrace/segment_manager.h"
#include "tools/shmctl/commands.h"
#include "tools/shmctl/io/complaint.h"
#include "tools/shmctl/text/describe.h"

namespace millrace::tool {
namespace {

struct EvictArguments {
  std::string name, seat, label, group;
  std::optional<pid_t> pid;
};

constexpr char kExamples[] =
    R"(Takes a consumer's seat away. The consumer no longer holds the producer back, and its next call reports the
eviction. Name the consumer by its seat, SEAT#GENERATION as stat prints it; the generation protects a consumer that
takes the seat later. Or name it by its process (--pid) or label, if only one consumer has it. Messages that a member
of a group has not acknowledged go to another member.

With --group, removes a group that has no living member, even a durable one. The messages that the group has not read
are lost to it.

Examples:
  shmctl stat quotes                    shows   SEAT 3#17
  shmctl evict quotes 3#17
  shmctl evict quotes --pid 4711
  shmctl evict quotes --label recorder
  shmctl evict quotes --group archive   a durable group that no member will read again
)";

std::optional<uint32_t> Number(std::string_view text) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Returns seat and generation of "3#17".
std::pair<uint32_t, uint32_t> SeatArgument(const std::string& text) {
  const size_t hash = text.find('#');
  if (hash != std::string::npos) {
    const auto seat = Number(std::string_view(text).substr(0, hash));
    const auto generation = Number(std::string_view(text).substr(hash + 1));
    if (seat && generation) return {*seat, *generation};
  }
  throw CLI::ValidationError("SEAT", "\"" + text + "\" is not a seat; write it as stat prints it, like 3#17");
}

// Returns the one consumer with that process or label. If there is none or more than one, complains and lists
// what there is.
std::optional<SeatInfo> Find(const EvictArguments& arguments, const RingInfo& ring) {
  const std::string what =
      arguments.pid ? "pid " + std::to_string(*arguments.pid) : "label \"" + arguments.label + "\"";
  std::vector<const SeatInfo*> there, meant;
  for (const SeatInfo& seat : ring.consumers) {
    if (seat.evicted) continue;
    there.push_back(&seat);
    if (arguments.pid ? seat.pid == arguments.pid : seat.label == arguments.label) meant.push_back(&seat);
  }
  if (meant.size() == 1) return *meant.front();
  const auto list = [](const std::vector<const SeatInfo*>& seats) {
    constexpr size_t kMost = 16;
    std::string text;
    for (size_t i = 0; i < std::min(seats.size(), kMost); ++i)
      text += (i == 0 ? "" : ", ") + DescribeHolder(*seats[i]);
    return seats.size() > kMost ? text + " and " + std::to_string(seats.size() - kMost) + " more" : text;
  };
  const std::string evict = "evict \"" + arguments.name + "\": ";
  if (!ring.seats_readable) {
    Complain(evict + "this user may not read its seats; run it as the ring's owner");
  } else if (meant.empty()) {
    Complain(evict + "no consumer has " + what + "; " +
             (there.empty() ? "the ring has no consumer" : "its consumers are " + list(there)));
  } else {
    Complain(evict + std::to_string(meant.size()) + " consumers have " + what +
             "; name one by its seat: " + list(meant));
  }
  return std::nullopt;
}

int RunEvict(const EvictArguments& arguments, const std::string& directory) {
  if (!arguments.group.empty())
    return Refuse(SegmentManager(directory).RemoveGroup(arguments.name, arguments.group));
  const SegmentManager manager(directory);
  if (arguments.pid || !arguments.label.empty()) {
    const auto ring = manager.Inspect(arguments.name);
    if (!ring.ok()) return Refuse(ring.status());
    const std::optional<SeatInfo> seat = Find(arguments, *ring);
    return seat ? Refuse(manager.Evict(arguments.name, seat->seat, seat->generation)) : kEnvironment;
  }
  if (arguments.seat.empty()) {
    throw CLI::ValidationError(
        "SEAT", "is missing; write it as stat prints it, like 3#17, or use --pid, --label or --group");
  }
  const auto [seat, generation] = SeatArgument(arguments.seat);
  return Refuse(manager.Evict(arguments.name, seat, generation));
}

}  // namespace

void AddEvict(CLI::App& app, Globals& globals) {
  auto arguments = std::make_shared<EvictArguments>();
  CLI::App* command = app.add_subcommand("evict", "Take a consumer's seat away, or remove a group");
  command->add_option("NAME", arguments->name, "The ring's name")->required();
  CLI::Option* seat = command->add_option("SEAT", arguments->seat, "SEAT#GENERATION, as stat prints it");
  CLI::Option* group =
      command->add_option("--group", arguments->group, "Remove this group instead")->type_name("GROUP");
  CLI::Option* pid =
      command->add_option("--pid", arguments->pid, "The consumer of this process")->type_name("PID");
  CLI::Option* label =
      command->add_option("--label", arguments->label, "The consumer with this label")->type_name("TEXT");
  seat->excludes(group)->excludes(pid)->excludes(label);
  pid->excludes(group)->excludes(label);
  label->excludes(group);
  command->footer(std::string(kExamples) + '\n' + kCommonHelp);
  command->callback([arguments, &globals] {
    globals.run = [arguments, &globals] { return RunEvict(*arguments, globals.directory); };
  });
}

}  // namespace millrace::tool
