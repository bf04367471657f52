// SPDX-License-Identifier: Apache-2.0
// shmctl pub: publishes standard input as messages.
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/strings/str_format.h"
#include "millrace/error.h"
#include "millrace/producer.h"
#include "millrace/segment_manager.h"
#include "tools/shmctl/arguments/ring_options.h"
#include "tools/shmctl/arguments/values.h"
#include "tools/shmctl/commands.h"
#include "tools/shmctl/io/complaint.h"
#include "tools/shmctl/io/signals.h"
#include "tools/shmctl/io/streams.h"
#include "tools/shmctl/pub/framing.h"
#include "tools/shmctl/pub/pace.h"
#include "tools/shmctl/pub/publication.h"
#include "tools/shmctl/text/describe.h"

namespace millrace::tool {
namespace {

struct PubArguments {
  std::string name, capacity, rate, owned_by, framing = "lines", on_full = "block";
  std::optional<uint32_t> wait_for;
  bool create = false, keep_open = false;
};

constexpr char kExamples[] =
    R"(Publishes standard input as messages. Closes the ring when the input ends, so that consumers know that the
stream is complete. If the input cannot be read to its end, or a signal ends pub, the ring stays open for the next
producer.

Framing:
  lines   each line is a message, without its newline
  length  each message follows its length: four bytes, little-endian
  raw     each read(2) is a message, at most as large as the ring allows

Examples:
  shmctl pub quotes --create < file                      publish its lines, even if there is no consumer
  shmctl pub quotes --create --wait-for 1 < file         start once a lossless consumer has joined
  tar c dir | shmctl pub backup --create --wait-for 1 --framing raw
  seq 100000 | shmctl pub quotes --rate 1000/s --on-full drop
  seq 100000 | shmctl pub quotes --on-full evict:2s      a consumer that leaves no room for 2 s loses its seat
  shmctl pub quotes --keep-open                          type messages, end with Ctrl-D

At the end, a line on standard error counts messages, bytes, drops and consumers. Dropped messages count as lost:
exit code 1.
)";

// Accepts block, drop, evict or evict:TIME.
void SetOnFull(const std::string& text, ProducerOptions& options) {
  if (text == "block") return;
  options.on_full = text == "drop" ? OnFull::kDropNew : OnFull::kEvictSlowest;
  if (text == "drop" || text == "evict") return;
  if (!text.starts_with("evict:"))
    throw CLI::ValidationError("--on-full", "\"" + text + "\" is not one of block, drop, evict, evict:TIME");
  options.evict_after = TimeArgument("--on-full evict:TIME", text.substr(6));
  if (options.evict_after == Nanos::zero()) {
    throw CLI::ValidationError(
        "--on-full", "\"" + text +
                         "\" would evict every consumer whenever the ring is full, however fast it reads; "
                         "write a time that a healthy one does not need, like evict:2s");
  }
}

absl::StatusOr<Producer> OpenProducer(const PubArguments& arguments, const std::string& directory) {
  ProducerOptions options;
  options.label = "shmctl pub";
  options.directory = directory;
  options.owner = OwnedByArgument(arguments.owned_by);
  SetOnFull(arguments.on_full, options);
  if (!arguments.create) return Producer::Open(arguments.name, options);
  RingOptions ring;
  if (!arguments.capacity.empty()) ring.capacity = CapacityArgument(arguments.capacity);
  return Producer::OpenOrCreate(arguments.name, ring, options);
}

// Returns a complaint if the ring cannot have as many consumers as --wait-for demands. Called before a ring
// is created.
std::optional<std::string> TooFewSeats(const PubArguments& arguments, const std::string& directory) {
  if (!arguments.wait_for) return std::nullopt;
  const absl::StatusOr<RingInfo> ring = SegmentManager(directory).Inspect(arguments.name);
  if (!ring.ok() && !(arguments.create && ErrorOf(ring.status()) == Error::kNotFound)) return std::nullopt;
  const uint32_t seats = ring.ok() ? ring->seats : kDefaultSeats;
  if (seats == 0 || *arguments.wait_for <= seats) return std::nullopt;
  return absl::StrFormat(
      "--wait-for %d: \"%s\" %s %s, one for each consumer, so the wait would never end; wait for "
      "fewer, or create the ring with more (shmctl create %s --seats %d)",
      *arguments.wait_for, arguments.name, ring.ok() ? "has" : "would get", Counted(seats, "seat"),
      arguments.name, *arguments.wait_for);
}

int RefuseToOpen(const PubArguments& arguments, const absl::Status& status) {
  if (ErrorOf(status) != Error::kNotFound || arguments.create) return Refuse(status);
  Complain("there is no ring \"" + arguments.name + "\": create it (shmctl create " + arguments.name +
           ") or let pub do it (--create)");
  return kEnvironment;
}

Framing FramingOf(const std::string& name) {
  return name == "raw" ? Framing::kRaw : name == "length" ? Framing::kLength : Framing::kLines;
}

std::optional<Pace> PaceOf(const std::string& rate) {
  if (rate.empty()) return std::nullopt;
  if (const std::optional<double> per_second = ParseRate(rate)) return Pace(*per_second);
  throw CLI::ValidationError("--rate",
                             "\"" + rate + "\" is not a rate; write messages per second, like 1000/s");
}

// Moves messages from the input to the ring.
class Pump {
 public:
  Pump(const PubArguments& arguments, Publication& publication, size_t max_message)
      : publication_(publication),
        reader_(FramingOf(arguments.framing), max_message,
                [this](char* data, size_t n) { return Read(data, n); }),
        pace_(PaceOf(arguments.rate)) {}

  // Returns kDone if the input was published to its end.
  int Run() {
    for (;;) {
      std::string_view message;
      switch (reader_.Next(&message)) {
        case MessageReader::Outcome::kEnd:
          return kDone;
        case MessageReader::Outcome::kFailed:
          Complain(reader_.problem());
          return kEnvironment;
        case MessageReader::Outcome::kInterrupted:
          break;
        case MessageReader::Outcome::kMessage:
          if (const int code = Publish(message); code != kDone) return code;
          break;
      }
      if (!trouble_.ok()) return Refuse(trouble_);
      if (CaughtSignal() != 0) return kSignalBase + CaughtSignal();
    }
  }

 private:
  ssize_t Read(char* data, size_t size) {
    trouble_ = publication_.LookAround();
    if (trouble_.ok()) return ReadSome(STDIN_FILENO, data, size);
    errno = EINTR;
    return -1;
  }

  int Publish(std::string_view message) {
    if (pace_) pace_->WaitForTurn();
    if (CaughtSignal() != 0) return kSignalBase + CaughtSignal();
    switch (const Sent sent = publication_.Publish(message); sent) {
      case Sent::kOk:
      case Sent::kDropped:
        return kDone;
      case Sent::kInterrupted:
        return kSignalBase + CaughtSignal();
      case Sent::kRemoved:  // or truncated: only Check() can tell the two apart
        if (const absl::Status found = publication_.Check(); ErrorOf(found) == Error::kTruncated) {
          return Refuse(found);
        }
        Complain("the ring was removed, and its messages with it");
        return kEnvironment;
      default:
        Complain(std::string("cannot publish: ") + ToString(sent));
        return kEnvironment;
    }
  }

  Publication& publication_;
  MessageReader reader_;
  std::optional<Pace> pace_;
  absl::Status trouble_;  // the ring was removed or truncated
};

int Finish(const PubArguments& arguments, Producer& producer, const Publication& publication) {
  // If the ring was removed while the input was quiet, no consumer will read what was published since.
  absl::Status status = producer.Check();
  if (status.ok() && !arguments.keep_open) status = producer.Close();
  if (!status.ok()) return Refuse(status);
  return publication.dropped() == 0 ? kDone : kFinding;
}

int PublishInput(const PubArguments& arguments, const Producer& producer, Publication& publication) {
  Pump pump(arguments, publication, producer.max_message());
  if (arguments.wait_for) {
    const absl::Status status = publication.WaitForConsumers(*arguments.wait_for);
    if (CaughtSignal() != 0) return kSignalBase + CaughtSignal();
    if (!status.ok()) return Refuse(status);
  }
  return pump.Run();
}

int RunPub(const PubArguments& arguments, const std::string& directory) {
  if (!arguments.capacity.empty() && !arguments.create) throw CLI::RequiresError("--capacity", "--create");
  PaceOf(arguments.rate);  // a malformed rate must not create a ring
  if (const std::optional<std::string> refusal = TooFewSeats(arguments, directory)) {
    Complain(*refusal);
    return kUsage;
  }
  auto producer = OpenProducer(arguments, directory);
  if (!producer.ok()) return RefuseToOpen(arguments, producer.status());
  const InterruptOnSignal interrupt(&*producer);
  Publication publication(*producer, arguments.name, directory);
  int code = PublishInput(arguments, *producer, publication);
  publication.CountConsumers();
  if (code == kDone) code = Finish(arguments, *producer, publication);
  publication.Summarize();
  return code;
}

}  // namespace

void AddPub(CLI::App& app, Globals& globals) {
  auto arguments = std::make_shared<PubArguments>();
  CLI::App* command = app.add_subcommand("pub", "Publish standard input");
  command->add_option("NAME", arguments->name, kNameHelp)->required();
  command->add_flag("--create", arguments->create, "Create the ring if there is none");
  command
      ->add_option("--capacity", arguments->capacity,
                   "With --create: bytes for messages, a power of two (default 1M)")
      ->type_name("SIZE");
  command
      ->add_option("--framing", arguments->framing,
                   "How the input is cut into messages: lines, length or raw (default lines)")
      ->type_name("HOW")
      ->check(CLI::IsMember({"lines", "length", "raw"}));
  command
      ->add_option("--wait-for", arguments->wait_for,
                   "Start once N lossless consumers have joined; at most the ring's seats")
      ->type_name("N")
      ->check(Count(1, 1024));
  command->add_option("--rate", arguments->rate, "At most N messages per second")->type_name("N/s");
  command
      ->add_option("--on-full", arguments->on_full,
                   "When a lossless consumer leaves no room: block, drop, evict or evict:TIME (default "
                   "block; evict waits 5s)")
      ->type_name("WHAT");
  command->add_flag("--keep-open", arguments->keep_open, "Do not close the ring at the end of the input");
  AddOwnedBy(*command, arguments->owned_by);
  command->footer(std::string(kExamples) + '\n' + kCommonHelp);
  command->callback([arguments, &globals] {
    globals.run = [arguments, &globals] { return RunPub(*arguments, globals.directory); };
  });
}

}  // namespace millrace::tool
