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
    R"(Writes messages to standard output as they are published, until a signal ends it. It only observes: it takes
no seat, nobody waits for it, and if it is too slow it says how many messages it lost. With --lossless it
takes a seat, misses nothing, and the producer waits for it. With --group it is one of several that share the
messages, and one counts as done once it is written out: if a member is killed before, another one writes it. A ring that is not there yet is waited for.

Several names, or patterns with * ? and [ ] (quote them), are read as one stream, at most 128 rings at once, and
each message says whose it is. Rings that match later, or are removed and created again, are shown from their
first message on. What ends or is lost is told of each ring. -n and the places of --from are meant for each
ring, -c for all together. --until-closed (and what ends like it) ends when every ring that there is has been
closed, also before, and read to its end; a name without a ring is waited for, a pattern only until it has
matched something.

Where it begins (--from):
  end     what is published from now on (default); a ring that is closed already is waited on for its
          next producer
  oldest  the oldest message that is still there; ends when the ring is closed and read to its end
  SEQ     the message with this sequence number; ends like oldest
  AGE     5m, 90s, 1h30m, 2d: everything published so long ago or since, and a little of what was
          before (about 1/64 of the ring at most); ends like oldest. --since AGE says the same

Formats:
  text    the bytes unchanged and a newline; on a terminal control characters are escaped
  hex     sequence number, length, and rows of sixteen bytes
  json    an object a line: sequence, lost, and text (valid UTF-8) or base64
  raw     the bytes and nothing else
  length  four bytes of length, little-endian, and the bytes: for `shmctl pub --framing length`
Of several rings text and hex begin with "NAME: ", json has a member "ring"; raw and length are refused.

Examples:
  shmctl tail quotes                                     watch
  shmctl tail quotes -n 10                               the last ten, then on
  shmctl tail quotes --since 5m -e                       what came in the last five minutes
  shmctl tail quotes -e                                  everything that is there, then stop
  shmctl tail quotes --lossless --until-closed > copy    a complete copy of the stream
  shmctl tail quotes --json | jq .text
  shmctl tail jobs --group workers                       one of several that share the messages
  shmctl tail orders 'md.*'                              one ring and all that match, now or later

Losses are told on standard error as they happen, and the exit code is 1 at the end (also after an eviction).
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
                             "\"" + from + "\" is none of end, oldest, a sequence number, or an age (5m)");
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
      throw CLI::ValidationError("--format", "\"" + arguments.format +
                                                 "\" cannot say which ring a message is of; use text, hex or "
                                                 "json, or name one ring");
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
      command.add_option("--since", arguments.since, "Begin that long ago: 90s, 5m, 1h30m, 2d")
          ->type_name("AGE")
          ->excludes(from);
  command.add_option("-n", arguments.last, "Begin with the last N messages")
      ->type_name("N")
      ->excludes(from)
      ->excludes(since)
      ->check(Count(0));
  command.add_option("-c", arguments.count, "Stop after N messages")->type_name("N")->check(Count(0));
  CLI::Option* stop =
      command.add_flag("-e", arguments.stop_at_end,
                       "Stop at the end of what is there; begins with the oldest, does not wait for a ring");
  command.add_flag("-f", arguments.follow, "Go on as messages come, which is the default")->excludes(stop);
  AddOwnedBy(command, arguments.owned_by);
  command.add_flag("--lossless", arguments.lossless,
                   "Take a seat and miss nothing; the producer waits for us");
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
  command.add_flag("--no-wait", arguments.no_wait, "Do not wait for a ring that is not there: exit code 3");
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
