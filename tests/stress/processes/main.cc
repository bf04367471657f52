// SPDX-License-Identifier: Apache-2.0
// millrace_stress: a ring under kill -9, SIGSTOP and evictions, with every message checked and accounted for.
#include <dirent.h>
#include <sys/random.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "millrace/millrace.h"
#include "tests/stress/processes/director.h"
#include "tests/stress/processes/ledger.h"
#include "tests/stress/processes/process.h"
#include "tests/stress/processes/report.h"
#include "tests/stress/processes/settings.h"

namespace millrace::stress {
namespace {

constexpr int kViolation = 1, kUsage = 2, kEnvironment = 3, kSignalBase = 128;

constexpr char kFooter[] =
    R"(Two producers take turns on one ring; consumers of each kind read it. Processes are killed, stopped and
evicted at random. Every consumer checks that each message is whole, that sequence numbers only grow, that
each gap is what the message says was lost, and that at the end received + lost + skipped is what was
published. Two groups share it too: no message comes to two members as if for the first time, and the durable one is
given every message. Batches are there as a whole or not at all. It ends within 10 s after the duration, and leaves nothing behind.

Exit codes: 0 nothing was violated; 1 something was, the seed printed repeats the schedule as far as processes
allow; 2 wrong usage; 3 the system does not allow it; 128+N ended by signal N.)";

// Returns the files of this ring in /dev/shm.
std::vector<std::string> Residue(const std::string& ring) {
  std::vector<std::string> found;
  DIR* const entries = opendir("/dev/shm");
  if (entries == nullptr) return found;
  while (const dirent* entry = readdir(entries)) {
    if (std::string(entry->d_name).starts_with(ring + ".")) found.emplace_back(entry->d_name);
  }
  closedir(entries);
  return found;
}

// Checks what must be true of the ring after all processes have left.
void Judge(const Settings& settings, Ledger& ledger) {
  const uint64_t published = ledger.producer.committed;
  for (int i = 0; i < settings.consumer_count(); ++i) {
    const std::string who = absl::StrCat(KindOf(i), " consumer ", i);
    const uint64_t late = ledger.consumers[i].late_wakeups, at = ledger.consumers[i].book.Read().next;
    if (late != 0) ledger.Violation(absl::StrCat(who, ": ", late, " late wake-ups"));
    if (at != published) ledger.Violation(absl::StrCat(who, " ended at ", at, " of ", published));
  }
  for (uint64_t sequence = 0; sequence < published && settings.members != 0; ++sequence) {
    if (ledger.given.Has(sequence, Group::kDurable)) continue;
    ledger.Violation(absl::StrCat("sequence ", sequence, " was given to no member of the durable group"));
    break;
  }
  for (const GroupSheet& sheet : ledger.groups) {
    if (sheet.late_wakeups != 0)
      ledger.Violation(absl::StrCat("a group: ", sheet.late_wakeups.load(), " late wake-ups"));
  }
  const absl::StatusOr<RingInfo> info = SegmentManager().Inspect(settings.ring);
  if (!info.ok()) return ledger.Violation(info.status().ToString());
  if (info->state != "closed") ledger.Violation(absl::StrCat("the ring is ", info->state, " ", info->damage));
  if (info->next_sequence != published)
    ledger.Violation(absl::StrCat(info->next_sequence, " messages in the ring, ", published, " committed"));
  for (const SeatInfo& seat : info->consumers) {
    if (seat.alive) ledger.Violation(absl::StrCat("seat ", seat.seat, " is held by nobody we know"));
  }
}

void CleanUp(const Settings& settings, Ledger& ledger, bool quietly) {
  const absl::Status removed = SegmentManager().Unlink(
      settings.ring, quietly ? SegmentManager::Force::kYes : SegmentManager::Force::kNo);
  if (!removed.ok()) ledger.Violation(removed.ToString());
  for (const std::string& file : Residue(settings.ring)) ledger.Violation("left behind: /dev/shm/" + file);
}

int Run(Settings settings) {
  const int descriptors = CountDescriptors();
  settings.ring = "stress-" + std::to_string(getpid());
  RingOptions options;
  options.capacity = settings.capacity;
  if (settings.max_message != 0) options.max_message = settings.max_message;
  if (absl::Status s = SegmentManager().Create(settings.ring, options); !s.ok()) {
    std::fprintf(stderr, "%s\n", std::string(s.message()).c_str());
    return kEnvironment;
  }
  if (const auto info = SegmentManager().Inspect(settings.ring); info.ok())
    settings.max_message = info->max_message;
  // The group exists before the first message, so that it is given every message.
  if (settings.members != 0) {
    if (const auto first = Consumer::Open(settings.ring, DeliveryOf(Group::kDurable)); !first.ok()) {
      std::fprintf(stderr, "%s\n", std::string(first.status().message()).c_str());
      return kEnvironment;
    }
  }
  Ledger* const ledger = Ledger::Create();
  if (ledger == nullptr) return kEnvironment;
  std::printf("seed %llu, ring %s\n", static_cast<unsigned long long>(settings.seed), settings.ring.c_str());

  int signal = 0;
  Troubles troubles;
  {
    Director director(settings, *ledger);
    LiveLine line(*ledger, director.troubles());
    signal = director.Run([&](double seconds) { line.Draw(seconds); });
    troubles = director.troubles();
  }
  const bool to_the_end = signal == 0 && ledger->violations.load() == 0;
  if (to_the_end) Judge(settings, *ledger);
  CleanUp(settings, *ledger, !to_the_end);
  if (CountDescriptors() != descriptors)
    ledger->Violation(absl::StrCat(descriptors, " descriptors became ", CountDescriptors()));
  PrintSummary(settings, *ledger, troubles);
  const bool good = ledger->violations.load() == 0;
  std::printf("%s, seed %llu\n", good ? (signal == 0 ? "PASS" : "ended early") : "FAIL",
              static_cast<unsigned long long>(settings.seed));
  if (!good) return kViolation;
  return signal == 0 ? 0 : kSignalBase + signal;
}

uint64_t AnySeed() {
  uint32_t seed = 0;
  return getrandom(&seed, sizeof seed, 0) == sizeof seed ? seed : 1;
}

}  // namespace
}  // namespace millrace::stress

int main(int argc, char** argv) {
  using namespace millrace::stress;
  Settings settings;
  settings.seed = AnySeed();
  bool no_kills = false, no_stops = false, no_evictions = false;
  CLI::App app(
      "Stresses a ring with processes that are killed, stopped and evicted, and checks every message.");
  app.add_option("--duration", settings.seconds, "of the trouble: 40s, 500ms, 2m ...; default 40s")
      ->transform(CLI::AsNumberWithUnit(
          std::map<std::string, double>{{"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}}))
      ->check(CLI::PositiveNumber);
  app.add_option("--seed", settings.seed, "of every random choice; default: another one each time");
  app.add_option("--consumers", settings.consumers, "of each kind: lossless, lossy, observer; default 2")
      ->check(CLI::Range(1, kMostConsumers));
  app.add_option("--members", settings.members, "of each of two groups; default 2")
      ->check(CLI::Range(0, kMostMembers));
  app.add_flag("--no-kills", no_kills, "kill nobody");
  app.add_flag("--no-stops", no_stops, "stop nobody");
  app.add_flag("--no-evictions", no_evictions, "evict nobody: producers wait for whoever is slow");
  app.add_option("--capacity", settings.capacity, "of the ring, a power of two (1MiB); default 256KiB")
      ->transform(CLI::AsSizeValue(false));
  app.add_option("--max-message", settings.max_message, "bytes (4KiB); default: what the capacity allows")
      ->transform(CLI::AsSizeValue(false));
  app.add_option("--plant", settings.plant, "a bug that must be found")
      ->transform(CLI::CheckedTransformer(std::map<std::string, Plant>{
          {"torn", Plant::kTorn}, {"lost", Plant::kLost}, {"forgotten", Plant::kForgotten}}))
      ->group("");
  app.footer(kFooter);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  settings.kills = !no_kills;
  settings.stops = !no_stops;
  settings.evictions = !no_evictions;
  return Run(settings);
}
