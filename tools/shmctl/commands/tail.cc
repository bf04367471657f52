// SPDX-License-Identifier: Apache-2.0
// shmctl tail: shows messages as lines or in the chosen format.
#include <unistd.h>

#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "millrace/consumer.h"
#include "millrace/error.h"
#include "millrace/segment_manager.h"
#include "tools/shmctl/arguments/ring_names.h"
#include "tools/shmctl/arguments/ring_options.h"
#include "tools/shmctl/arguments/values.h"
#include "tools/shmctl/commands.h"
#include "tools/shmctl/io/complaint.h"
#include "tools/shmctl/io/signals.h"
#include "tools/shmctl/io/streams.h"
#include "tools/shmctl/tail/format.h"
#include "tools/shmctl/tail/loop.h"
#include "tools/shmctl/tail/many.h"
#include "tools/shmctl/tail/start.h"
#include "tools/shmctl/text/duration.h"

namespace millrace::tool {
namespace {

struct TailArguments {
  std::vector<std::string> names;
  std::string from, since, format = "text";
  std::optional<uint64_t> last, count;
  bool stop_at_end = false, follow = false, lossless = false, until_closed = false, no_wait = false,
       as_json = false;
  std::string group, owned_by;
  bool durable = false;
};

constexpr char kExamples[] =
    R"(Writes messages to standard output as they are published, until a signal ends it. By default tail only observes:
it takes no seat, the producer does not wait for it, and if it is too slow it reports how many messages it lost. With
--lossless it takes a seat and misses nothing, and the producer waits for it. With --group it shares the messages with
the other members of that group. A message counts as done once it is written out; if tail is killed before that,
another member writes it. If the ring does not exist yet, tail waits for it.

Several names, or patterns with * ? and [ ] (quote them), are read as one stream of at most 128 rings, and each message
shows the name of its ring. Rings that match later, or are removed and created again, are shown from their first
message on. Each ring reports its own end and its own losses. -n and --from apply to each ring, -c to all together.
--until-closed, and each start that "ends", ends when every ring has been closed (also if that was earlier) and read to
its end. It waits for a name without a ring, and for a pattern until it has matched a ring.

Where tail starts (--from):
  end     messages published from now on (default); waits for the next producer of a ring that is closed already
  oldest  the oldest retained message; ends when the ring is closed and read to its end
  SEQ     the message with this sequence number; ends like oldest
  AGE     5m, 90s, 1h30m, 2d: messages published within that time, after up to about 1/64 of the ring of older
          messages; ends like oldest. --since AGE is the same

Formats:
  text    the bytes unchanged and a newline; on a terminal control characters are escaped
  hex     sequence number, length, and rows of sixteen bytes
  json    one object per line: sequence, lost, and text (valid UTF-8) or base64
  raw     only the bytes
  length  four bytes of length, little-endian, and the bytes: for `shmctl pub --framing length`
With several rings, text and hex lines start with "NAME: ", and json objects have a member "ring"; raw and length are
refused.

Examples:
  shmctl tail quotes                                     watch
  shmctl tail quotes -n 10                               the last ten, then new ones
  shmctl tail quotes --since 5m -e                       the messages of the last five minutes
  shmctl tail quotes -e                                  every retained message, then stop
  shmctl tail quotes --lossless --until-closed > copy    a complete copy of the stream
  shmctl tail quotes --json | jq .text
  shmctl tail jobs --group workers                       one of several workers that share the messages
  shmctl tail orders 'md.*'                              one ring, and all that match now or later

Losses are reported on standard error as they happen. The exit code is then 1, as it is after an eviction.
)";

Start StartOf(const TailArguments& arguments) {
  if (arguments.last) return Start::Last(*arguments.last);
  if (!arguments.since.empty()) return Start::Ago(TimeArgument("--since", arguments.since));
  // -e shows what is there, so it begins with the oldest message. From the end there would never be anything.
  const std::string from = !arguments.from.empty() ? arguments.from
                           : arguments.stop_at_end ? "oldest"
                                                   : "end";
  if (from == "end") return Start::End();
  if (from == "oldest") return Start::Oldest();
  uint64_t sequence = 0;
  const auto [rest, error] = std::from_chars(from.data(), from.data() + from.size(), sequence);
  const bool octal = from.size() > 1 && from[0] == '0';  // some programs read this as octal
  if (error == std::errc() && rest == from.data() + from.size() && !octal) return Start::Sequence(sequence);
  if (const auto age = ParseDuration(from)) return Start::Ago(*age);
  throw CLI::ValidationError("--from",
                             "\"" + from + "\" is not one of end, oldest, a sequence number, or an age (5m)");
}

Format FormatOf(const TailArguments& arguments) {
  const std::string& name = arguments.format;
  if (arguments.as_json || name == "json") return Format::kJson;
  if (name == "hex") return Format::kHex;
  if (name == "raw") return Format::kRaw;
  if (name == "length") return Format::kLength;
  return isatty(STDOUT_FILENO) == 1 ? Format::kTerminalText : Format::kText;
}

// Returns where to stop. -e stops at what is published by now, however fast the producer continues.
TailLimits LimitsOf(const TailArguments& arguments, const std::string& name, const std::string& directory) {
  TailLimits limits;
  limits.count = arguments.count;
  if (!arguments.stop_at_end) return limits;
  const auto ring = SegmentManager(directory).Inspect(name);
  limits.end_sequence = ring.ok() && ring->next_sequence_exact ? ring->next_sequence : UINT64_MAX;
  return limits;
}

int RefuseToJoin(const absl::Status& status, const OutputBuffer& output) {
  if (CaughtSignal() != 0) return kSignalBase + CaughtSignal();
  if (output.state() == OutputBuffer::State::kReaderGone) return kDone;
  const int code = Refuse(status);
  // A sequence number above the end is refused today, but may exist later.
  return ErrorOf(status) == Error::kBadArgument ? kEnvironment : code;
}

int RunTail(const TailArguments& arguments, const std::string& directory) {
  TailStart start;
  start.directory = directory;
  start.owner = OwnedByArgument(arguments.owned_by);
  start.start = StartOf(arguments);
  if (arguments.lossless) start.delivery = Delivery::Lossless();
  if (!arguments.group.empty()) start.delivery = Delivery::Group(arguments.group, arguments.durable);
  start.until_closed = arguments.until_closed;
  start.wait = !arguments.no_wait && !arguments.stop_at_end;
  const Format format = FormatOf(arguments);

  OutputBuffer output(STDOUT_FILENO);
  std::vector<std::string> names = arguments.names;
  for (std::string& name : names) name = WithoutGuard(name);
  start.name = names.front();
  if (names.size() > 1 || IsPattern(start.name)) {
    if (!NamesRings(format)) {
      throw CLI::ValidationError("--format",
                                 "\"" + arguments.format +
                                     "\" does not show which ring a message is from; use text, hex "
                                     "or json, or name one ring");
    }
    return TailMany(names, start, format, arguments.count, arguments.stop_at_end, output).Run();
  }
  auto join = JoinForTail(start, output);
  if (!join.ok()) return RefuseToJoin(join.status(), output);
  TailLoop loop(start.name, *std::move(join), format, LimitsOf(arguments, start.name, directory),
                !arguments.group.empty(), output);
  return loop.Run();
}

void AddOptions(CLI::App& command, TailArguments& arguments) {
  command.add_option("NAME", arguments.names, "Names of rings, and patterns: * ? [ ]")->required();
  CLI::Option* from =
      command.add_option("--from", arguments.from, "end, oldest, a sequence number or an age (default end)")
          ->type_name("WHERE");
  CLI::Option* since =
      command.add_option("--since", arguments.since, "Start this long ago: 90s, 5m, 1h30m, 2d")
          ->type_name("AGE")
          ->excludes(from);
  command.add_option("-n", arguments.last, "Start with the last N messages")
      ->type_name("N")
      ->excludes(from)
      ->excludes(since)
      ->check(Count(0));
  command.add_option("-c", arguments.count, "Stop after N messages")->type_name("N")->check(Count(0));
  CLI::Option* stop = command.add_flag(
      "-e", arguments.stop_at_end,
      "Stop at the message that is now the newest; starts with the oldest, does not wait for a ring");
  command.add_flag("-f", arguments.follow, "Keep waiting for new messages (default)")->excludes(stop);
  AddOwnedBy(command, arguments.owned_by);
  command.add_flag("--lossless", arguments.lossless,
                   "Take a seat and miss nothing; the producer waits for this reader");
  CLI::Option* group =
      command
          .add_option("--group", arguments.group, "Share the messages with the other members of this group")
          ->type_name("GROUP")
          ->excludes("--lossless");
  command.add_flag("--durable", arguments.durable, "The group keeps its place while it has no members")
      ->needs(group);
  CLI::Option* format =
      command.add_option("--format", arguments.format, "text, hex, json, raw or length (default text)")
          ->type_name("HOW")
          ->check(CLI::IsMember({"text", "hex", "json", "raw", "length"}));
  command.add_flag("--until-closed", arguments.until_closed,
                   "End when the ring is closed and read to its end");
  command.add_flag("--no-wait", arguments.no_wait,
                   "If there is no ring, end with exit code 3 instead of waiting");
  command.add_flag("--json", arguments.as_json, "The same as --format json")->excludes(format);
}

}  // namespace

void AddTail(CLI::App& app, Globals& globals) {
  auto arguments = std::make_shared<TailArguments>();
  CLI::App* command = app.add_subcommand("tail", "Write messages to standard output");
  AddOptions(*command, *arguments);
  command->footer(std::string(kExamples) + '\n' + kCommonHelp);
  command->callback([arguments, &globals] {
    globals.run = [arguments, &globals] { return RunTail(*arguments, globals.directory); };
  });
}

}  // namespace millrace::tool
