// SPDX-License-Identifier: Apache-2.0
// shmctl set: changes a ring's keep mark, owner and modes.
#include <charconv>
#include <memory>
#include <optional>
#include <string>

#include "millrace/segment_manager.h"
#include "tools/shmctl/arguments/ring_options.h"
#include "tools/shmctl/commands.h"
#include "tools/shmctl/io/complaint.h"

namespace millrace::tool {
namespace {

struct SetArguments {
  std::string name;
  std::optional<std::string> mode, seats_mode, owner, group;
  std::string owned_by;
  bool keep = false, no_keep = false;
};

constexpr char kExamples[] =
    R"(Changes a ring's keep mark, owner or modes, even while processes use the ring.

Examples:
  shmctl set quotes --keep                              prune never removes it
  shmctl set quotes --mode 0644                         anyone may observe
  shmctl set quotes --mode 0640 --seats-mode 0660 --group feed
  shmctl set quotes --owner trader                      another user's producer may take it over (root only)
  shmctl set quotes --owned-by trader --owner feed      changes the ring only if trader owns it
)";

template <class T>
std::optional<T> Number(const std::string& text, int base) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<mode_t> ModeArgument(const std::string& option, const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  const auto mode = Number<mode_t>(*text, 8);
  if (!mode || (*mode & ~mode_t{0666}) != 0) {
    throw CLI::ValidationError(
        option, "\"" + *text + "\" is not a mode of a ring; write read and write bits in octal, like 0640");
  }
  if ((*mode & 0600) != 0600) {
    throw CLI::ValidationError(option, "\"" + *text +
                                           "\" would lock out the owner, whose producers write it; "
                                           "write at least 0600");
  }
  return mode;
}

int RunSet(const SetArguments& arguments, const std::string& directory) {
  RingChanges changes;
  if (arguments.keep || arguments.no_keep) changes.keep = arguments.keep;
  changes.ring_mode = ModeArgument("--mode", arguments.mode);
  changes.seats_mode = ModeArgument("--seats-mode", arguments.seats_mode);
  if (arguments.owner) changes.owner = UserArgument("--owner", *arguments.owner);
  if (arguments.group) changes.group = GroupArgument("--group", *arguments.group);
  changes.owned_by = OwnedByArgument(arguments.owned_by);
  if (!changes.keep && !changes.ring_mode && !changes.seats_mode && !changes.owner && !changes.group) {
    Complain(
        "set changes nothing: name at least one of --keep, --no-keep, --mode, --seats-mode, --owner, "
        "--group");
    return kUsage;
  }
  return Refuse(SegmentManager(directory).Set(arguments.name, changes));
}

}  // namespace

void AddSet(CLI::App& app, Globals& globals) {
  auto arguments = std::make_shared<SetArguments>();
  CLI::App* command = app.add_subcommand("set", "Change a ring's keep mark, owner or modes");
  command->add_option("NAME", arguments->name, "The ring's name")->required();
  CLI::Option* keep = command->add_flag("--keep", arguments->keep, "prune never removes it");
  command->add_flag("--no-keep", arguments->no_keep, "prune may remove it when it is stale")->excludes(keep);
  command->add_option("--mode", arguments->mode, "Mode of the messages (readers), octal")->type_name("MODE");
  command->add_option("--seats-mode", arguments->seats_mode, "Mode of the seats (consumers), octal")
      ->type_name("MODE");
  command->add_option("--owner", arguments->owner, "User whose producers may take it over")
      ->type_name("USER");
  command->add_option("--group", arguments->group, "Group of its files")->type_name("GROUP");
  AddOwnedBy(*command, arguments->owned_by);
  command->footer(std::string(kExamples) + '\n' + kCommonHelp);
  command->callback([arguments, &globals] {
    globals.run = [arguments, &globals] { return RunSet(*arguments, globals.directory); };
  });
}

}  // namespace millrace::tool
