// SPDX-License-Identifier: Apache-2.0
// shmctl create: creates a ring without a producer.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "millrace/internal/schema.h"
#include "millrace/options.h"
#include "millrace/segment_manager.h"
#include "tools/shmctl/arguments/ring_options.h"
#include "tools/shmctl/arguments/values.h"
#include "tools/shmctl/commands.h"
#include "tools/shmctl/io/complaint.h"
#include "tools/shmctl/io/streams.h"
#include "tools/shmctl/text/describe.h"
#include "tools/shmctl/text/size.h"

namespace millrace::tool {
namespace {

struct CreateArguments {
  std::string name, capacity, max_message, access;
  std::optional<uint32_t> seats;
  std::optional<std::string> schema;
  bool no_keep = false;
};

constexpr char kExamples[] =
    R"(Creates a ring that producers (Open, OpenOrCreate, shmctl pub) and consumers find by its name. The ring is marked
to be kept: it never counts as stale, and stays until it is unlinked.

Access:
  private     only this user can read it (default)
  watchable   every user can observe it, but only this user can hold the producer back
  group[:GID] the group's members can read it and hold the producer back
  everyone    every user can read it and hold the producer back

Examples:
  shmctl create quotes                                 1 MiB, messages up to 128 KiB
  shmctl create quotes --capacity 64M --access watchable
  shmctl create jobs --max-message 4K --access group:audio
)";

// Checks the fields now. Otherwise fields that no program's type can have would be found only when a typed
// program opens the ring.
std::string SchemaArgument(const std::string& text) {
  if (internal::SchemaBytes(text) != internal::kBadSchema) return text;
  throw CLI::ValidationError(
      "--schema",
      "\"" + text +
          "\" is not a schema; write NAME:TYPE for each field, separated by one space, where TYPE is "
          "u8 to u64, i8 to i64, f32, f64, or an array like u8[16]: \"seq:u64 bid:f64 ask:f64\"");
}

RingOptions OptionsOf(const CreateArguments& arguments) {
  RingOptions options;
  if (!arguments.capacity.empty()) options.capacity = CapacityArgument(arguments.capacity);
  if (!arguments.max_message.empty())
    options.max_message = SizeArgument("--max-message", arguments.max_message);
  options.seats = arguments.seats;
  if (arguments.schema) options.schema = SchemaArgument(*arguments.schema);
  if (!arguments.access.empty()) options.access = AccessArgument(arguments.access);
  options.keep = !arguments.no_keep;
  return options;
}

int RunCreate(const CreateArguments& arguments, const std::string& directory) {
  const SegmentManager manager(directory);
  if (const absl::Status status = manager.Create(arguments.name, OptionsOf(arguments)); !status.ok()) {
    return Refuse(status);
  }
  // Shows the defaults that were chosen. If another process has already removed the ring, it was created all
  // the same.
  if (const auto ring = manager.Inspect(arguments.name); ring.ok()) {
    return Print("created " + arguments.name + ": " + HumanSize(ring->capacity) + ", messages up to " +
                 HumanSize(ring->max_message) + ", " + Counted(ring->seats, "seat") + "\n");
  }
  return kDone;
}

}  // namespace

void AddCreate(CLI::App& app, Globals& globals) {
  auto arguments = std::make_shared<CreateArguments>();
  CLI::App* command = app.add_subcommand("create", "Create a ring");
  command->add_option("NAME", arguments->name, kNameHelp)->required();
  command
      ->add_option("--capacity", arguments->capacity,
                   "Bytes for messages: a power of two, 4K to 8G (default 1M)")
      ->type_name("SIZE");
  command
      ->add_option("--max-message", arguments->max_message,
                   "Largest message (default: an eighth of the capacity)")
      ->type_name("SIZE");
  command
      ->add_option("--seats", arguments->seats,
                   "Most consumers at a time, not counting observers: 1 to 1024 (default 64)")
      ->type_name("N")
      ->check(Count(1, 1024));
  command
      ->add_option("--schema", arguments->schema,
                   "Fields of a message, like \"seq:u64 bid:f64\"; typed programs check it against theirs")
      ->type_name("FIELDS");
  command->add_option("--access", arguments->access, "private, watchable, group[:GID] or everyone")
      ->type_name("WHO");
  command->add_flag("--no-keep", arguments->no_keep, "Let prune remove it once no process uses it");
  command->footer(std::string(kExamples) + '\n' + kCommonHelp);
  command->callback([arguments, &globals] {
    globals.run = [arguments, &globals] { return RunCreate(*arguments, globals.directory); };
  });
}

}  // namespace millrace::tool
