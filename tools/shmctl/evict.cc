// shmctl evict: takes a consumer's seat away.
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "millrace/segment_manager.h"
#include "tools/shmctl/commands.h"
#include "tools/shmctl/complaint.h"

namespace millrace::tool {
namespace {

struct EvictArguments {
  std::string name, seat, group;
};

constexpr char kExamples[] =
    R"(Takes a consumer's seat away: it no longer holds the producer back, and its next call says that it was evicted.
The seat is named as list and stat print it, with its generation, so that a consumer that took the seat since is
never hit. What a member of a group had in hand goes to another member.

With --group a group that has no living member is removed, also a durable one: what it has not read is lost to it.

Examples:
  shmctl stat quotes                    shows   SEAT 3#17
  shmctl evict quotes 3#17
  shmctl evict quotes --group archive   a durable group that nobody will read for any more
)";

std::optional<uint32_t> Number(std::string_view text) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "3#17": seat and generation.
std::pair<uint32_t, uint32_t> SeatArgument(const std::string& text) {
  const size_t hash = text.find('#');
  if (hash != std::string::npos) {
    const auto seat = Number(std::string_view(text).substr(0, hash));
    const auto generation = Number(std::string_view(text).substr(hash + 1));
    if (seat && generation) return {*seat, *generation};
  }
  throw CLI::ValidationError("SEAT", "\"" + text + "\" names no seat; write it as stat prints it, like 3#17");
}

int RunEvict(const EvictArguments& arguments, const std::string& directory) {
  if (!arguments.group.empty())
    return Refuse(SegmentManager(directory).RemoveGroup(arguments.name, arguments.group));
  if (arguments.seat.empty()) {
    throw CLI::ValidationError("SEAT",
                               "is missing; write it as stat prints it, like 3#17 (or --group GROUP)");
  }
  const auto [seat, generation] = SeatArgument(arguments.seat);
  return Refuse(SegmentManager(directory).Evict(arguments.name, seat, generation));
}

}  // namespace

void AddEvict(CLI::App& app, Globals& globals) {
  auto arguments = std::make_shared<EvictArguments>();
  CLI::App* command = app.add_subcommand("evict", "Take a consumer's seat away, or remove a group");
  command->add_option("NAME", arguments->name, "The ring's name")->required();
  CLI::Option* seat = command->add_option("SEAT", arguments->seat, "SEAT#GENERATION, as stat prints it");
  CLI::Option* group =
      command->add_option("--group", arguments->group, "Remove this group instead")->type_name("GROUP");
  seat->excludes(group);
  command->footer(std::string(kExamples) + '\n' + kCommonHelp);
  command->callback([arguments, &globals] {
    globals.run = [arguments, &globals] { return RunEvict(*arguments, globals.directory); };
  });
}

}  // namespace millrace::tool
