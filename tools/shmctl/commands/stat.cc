// SPDX-License-Identifier: Apache-2.0
// shmctl stat: shows rings in detail.
#include <unistd.h>

#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "millrace/segment_manager.h"
#include "tools/shmctl/arguments/meant.h"
#include "tools/shmctl/arguments/ring_names.h"
#include "tools/shmctl/commands.h"
#include "tools/shmctl/io/complaint.h"
#include "tools/shmctl/io/streams.h"
#include "tools/shmctl/text/describe.h"
#include "tools/shmctl/text/ring_json.h"
#include "tools/shmctl/text/size.h"
#include "tools/shmctl/text/table.h"
#include "tools/shmctl/text/utf8.h"

namespace millrace::tool {
namespace {

struct StatArguments {
  std::vector<std::string> names;
  bool as_json = false;
};

constexpr char kExamples[] =
    R"(Shows a ring, its producer, each consumer that holds a seat (observers, like shmctl tail, hold none), and each
group. It takes no seat and disturbs no process. A SEAT is written NUMBER#GENERATION; the generation changes each time
that a consumer takes the seat.

"pressure" first says why the producer cannot publish now: "blocked now", for how long and by which consumers; "full",
if it polls or drops instead of waiting; or "waits for N consumers". "room" is what lossless consumers and groups still
hold. The age of the last message is exact if the message woke a consumer; otherwise it is "at most" that. A "stopped"
process (SIGSTOP, a debugger) is alive.

Examples:
  shmctl stat quotes
  shmctl stat 'quotes-*'
  watch -n1 shmctl stat quotes
  shmctl stat quotes --json | jq .next_sequence
)";

// "field  value" lines. The values start in one column.
class Sheet {
 public:
  void Add(const std::string& field, const std::string& value) {
    text_ += absl::StrFormat("%-12s", field) + Escaped(value) + '\n';
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

std::string DescribeTime(uint64_t realtime_ns) {
  const auto seconds = static_cast<std::time_t>(realtime_ns / 1'000'000'000);
  std::tm local = {};
  char text[32] = "?";
  if (localtime_r(&seconds, &local) != nullptr) std::strftime(text, sizeof text, "%F %T %z", &local);
  return text;
}

std::string DescribeLife(const RingInfo& ring) {
  const ProducerInfo& producer = ring.producer;
  if (producer.epoch == 0) return "none yet";
  const char* life = producer.alive_unknown  ? "presumably alive: the kernel refused to answer"
                     : ring.producer_stopped ? "alive, stopped"
                     : producer.alive        ? "alive"
                     : producer.closed       ? "closed the stream"
                                             : "gone without closing";
  return DescribeProducer(producer) + ", " + life +
         absl::StrFormat(" (epoch %d, from sequence %d)", producer.epoch, producer.epoch_first_sequence);
}

std::string DescribeMessages(const RingInfo& ring) {
  std::string text = absl::StrFormat("%s%d published, %s", ring.next_sequence_exact ? "" : "at least ",
                                     ring.next_sequence, HumanSize(ring.payload_bytes));
  if (ring.next_sequence == 0) return text;
  if (ring.oldest_sequence == ring.next_sequence) return text + ", none retained";
  text += absl::StrFormat(", retained: sequences %d to %d", ring.oldest_sequence, ring.next_sequence - 1);
  if (!ring.last_message_ns) return text;
  return text + ", the last " + (ring.last_message_exact ? "" : "at most ") +
         HumanDuration(*ring.last_message_ns) + " ago";
}

std::string DescribePressure(const RingInfo& ring) {
  const std::string now = DescribeHoldUp(ring);
  std::string text = absl::StrFormat("%s%s dropped, blocked %s for %s, %s, %s", now.empty() ? "" : now + "; ",
                                     Counted(ring.dropped, "message"), Counted(ring.blocked, "time"),
                                     HumanDuration(static_cast<uint64_t>(ring.blocked_time.count())),
                                     Counted(ring.evictions, "eviction"), Counted(ring.wakes, "wake"));
  if (ring.abandoned != 0) text += ", " + Counted(ring.abandoned, "message") + " abandoned with their groups";
  return text;
}

// LAG counts messages that no member has taken yet. IN HAND counts members, dead ones too, that hold
// messages.
std::string GroupTable(const RingInfo& ring) {
  using enum Table::Align;
  Table table({{"GROUP"}, {"KIND"}, {"MEMBERS", kRight}, {"IN HAND", kRight}, {"LAG"}});
  for (const GroupInfo& group : ring.groups) {
    table.AddRow({group.name, group.durable ? "durable" : "while it has members",
                  std::to_string(group.members), std::to_string(group.in_hand),
                  DescribeLag(group.lag_messages, group.lag_bytes)});
  }
  return table.Text();
}

std::string SeatTable(const RingInfo& ring) {
  using enum Table::Align;
  Table table({{"SEAT"},
               {"CONSUMER"},
               {"PID"},
               {"STATE"},
               {"DELIVERY"},
               {"RECEIVED", kRight},
               {"LOST", kRight},
               {"LAG"}});
  for (const SeatInfo& seat : ring.consumers) {
    const char* state = seat.evicted   ? "evicted"
                        : !seat.alive  ? "dead"
                        : seat.stopped ? "alive, stopped"
                                       : "alive";
    const std::string delivery = seat.group.empty() ? seat.delivery : seat.delivery + " " + seat.group;
    table.AddRow({DescribeSeatId(seat), seat.label, DescribePid(seat), state, delivery,
                  std::to_string(seat.received), std::to_string(seat.lost),
                  seat.evicted && seat.group.empty() ? "-" : DescribeLag(seat)});
  }
  return table.Text();
}

std::string DescribeConsumers(const RingInfo& ring) {
  if (!ring.seats_readable) return "unknown: this user may not read the seats";
  if (ring.consumers.empty()) return "none in " + Counted(ring.seats, "seat");
  size_t living = 0, evicted = 0, dead = 0;
  for (const SeatInfo& seat : ring.consumers) ++(seat.evicted ? evicted : seat.alive ? living : dead);
  std::string text = absl::StrFormat("%d in %s", living, Counted(ring.seats, "seat"));
  if (evicted != 0) text += absl::StrFormat(", %d evicted", evicted);
  if (dead != 0) text += absl::StrFormat(", %d dead", dead);
  return text;
}

// One user owns all three files, unless another user has created one of them.
std::string DescribeOwners(const RingInfo& ring) {
  std::string text = DescribeUser(ring.uid);
  if (ring.uid != geteuid()) text += ", not you";
  if (ring.seats_uid.value_or(ring.uid) != ring.uid)
    text += "; its seats belong to " + DescribeUser(*ring.seats_uid) + ": do not trust it";
  if (ring.lock_uid.value_or(ring.uid) != ring.uid)
    text +=
        "; its lock file belongs to " + DescribeUser(*ring.lock_uid) + ", a user that can keep producers out";
  return text;
}

void AddContents(const RingInfo& ring, Sheet& sheet) {
  sheet.Add("capacity",
            absl::StrFormat("%s, messages up to %s, %s of shared memory", HumanSize(ring.capacity),
                            HumanSize(ring.max_message), HumanSize(ring.bytes)));
  sheet.Add("schema", ring.schema.empty() ? "none" : ring.schema);
  sheet.Add("created", DescribeTime(ring.created_ns) + ", incarnation " + ring.incarnation);
  sheet.Add("producer", DescribeLife(ring));
  sheet.Add("messages", DescribeMessages(ring));
  sheet.Add("pressure", DescribePressure(ring));
  sheet.Add("room", DescribeFill(ring));
  sheet.Add("consumers", DescribeConsumers(ring));
}

std::string Describe(const RingInfo& ring) {
  Sheet sheet;
  sheet.Add("ring", ring.name);
  sheet.Add("state", DescribeState(ring));
  if (!ring.damage.empty()) sheet.Add("damage", ring.damage);
  sheet.Add("access", absl::StrFormat("mode %04o, seats %04o, uid %d, gid %d", ring.mode & 07777,
                                      ring.seats_mode, ring.uid, ring.gid));
  sheet.Add("owner", DescribeOwners(ring));
  const std::string why = ring.stale_why.empty() ? "" : ": " + ring.stale_why;
  sheet.Add("stale", (ring.stale ? "yes" : "no") + why);
  if (IsDescribed(ring)) AddContents(ring, sheet);
  std::string text = sheet.text();
  if (!ring.consumers.empty()) text += '\n' + SeatTable(ring);
  if (!ring.groups.empty()) text += '\n' + GroupTable(ring);
  return text;
}

int RunStat(const StatArguments& arguments, const std::string& directory) {
  const SegmentManager manager(directory);
  const std::vector<std::string> words = WithoutGuards(arguments.names);
  std::string text;
  auto json = nlohmann::ordered_json::array();
  const int exit_code = ForEachMeant(words, directory, [&](const std::string& name) {
    const auto ring = manager.Inspect(name);
    if (!ring.ok()) return ring.status();
    if (arguments.as_json) {
      json.push_back(RingJson(*ring));
    } else {
      text += (text.empty() ? "" : "\n") + Describe(*ring);
    }
    return absl::OkStatus();
  });
  if (arguments.as_json) {
    const bool one = words.size() == 1 && !IsPattern(words.front());
    text = one && json.empty() ? "" : JsonText(one ? json.front() : json);
  }
  const int printed = text.empty() ? kDone : Print(text);
  return printed == kDone ? exit_code : printed;
}

}  // namespace

void AddStat(CLI::App& app, Globals& globals) {
  auto arguments = std::make_shared<StatArguments>();
  CLI::App* command = app.add_subcommand("stat", "Show rings in detail");
  command->add_option("NAME", arguments->names, kNamesHelp)->required();
  command->add_flag("--json", arguments->as_json,
                    "One object as in list --json; an array for several names or a pattern");
  command->footer(std::string(kExamples) + '\n' + kCommonHelp);
  command->callback([arguments, &globals] {
    globals.run = [arguments, &globals] { return RunStat(*arguments, globals.directory); };
  });
}

}  // namespace millrace::tool
