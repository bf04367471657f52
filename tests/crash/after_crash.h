// SPDX-License-Identifier: Apache-2.0
// What must hold for a queue after one of its processes died at any instruction.
#ifndef MILLRACE_TESTS_CRASH_AFTER_CRASH_H_
#define MILLRACE_TESTS_CRASH_AFTER_CRASH_H_

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "millrace/millrace.h"
#include "tests/support/oracle.h"
#include "tests/support/queue_words.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/tally.h"

namespace millrace::testing {

struct Expected {
  uint64_t committed = 0;  // sequences below this were committed before the crashed operation
  uint64_t may_be = 0;     // the crashed operation may have committed up to here
  uint64_t at_least = 0;   // messages that must still be readable
  bool may_be_closed = false;
  bool all_or_nothing = false;  // either `committed` or `may_be`, nothing between
};

struct Verdict {
  std::string violation;   // empty if there is none
  uint64_t published = 0;  // messages that the crash left published
};

// Checks the queue `q` in the directory. A new consumer must see exactly the committed prefix. A new producer
// must open immediately and continue it for two laps. After Unlink nothing may remain. Uses up the queue.
inline Verdict JudgeAfterCrash(const ScratchDir& dir, const Oracle& oracle, const Expected& expected) {
  Verdict verdict;
  const auto wrong = [&](const std::string& what) {
    if (verdict.violation.empty()) verdict.violation = what;
    (void)SegmentManager(dir.path()).Unlink("q", SegmentManager::Force::kYes);
    return verdict;
  };
  const ConsumerOptions oldest{.start = Start::Oldest(), .directory = dir.path()};

  absl::StatusOr<Consumer> reader = Consumer::Open("q", Delivery::Observer(), oldest);
  if (!reader.ok()) return wrong("a new consumer is refused: " + reader.status().ToString());
  Tally before;
  before.Begin(*reader);
  const Got end = before.Drain(*reader, oracle);
  verdict.published = before.next;
  if (end != Got::kEmpty && !(expected.may_be_closed && end == Got::kClosed))
    return wrong(absl::StrCat("the reader ends with ", ToString(end)));
  if (before.torn != 0) return wrong("a torn message");
  if (before.misplaced != 0 || before.lost != 0) return wrong("a gap in the sequence");
  if (before.next < expected.committed)
    return wrong(absl::StrCat("committed messages are missing: ", before.next, " of ", expected.committed));
  if (before.next > expected.may_be)
    return wrong(absl::StrCat("messages that were never committed: ", before.next, " of ", expected.may_be));
  if (expected.all_or_nothing && before.next != expected.committed && before.next != expected.may_be)
    return wrong(absl::StrCat("a part of a batch: ", before.next, " between ", expected.committed, " and ",
                              expected.may_be));
  if (before.received < expected.at_least)
    return wrong(absl::StrCat("only ", before.received, " retained, of ", expected.at_least));
  if (reader->producer().alive) return wrong("the dead producer is told alive");

  absl::StatusOr<Consumer> running = Consumer::Open(
      "q", Delivery::Observer(), {.start = Start::Sequence(expected.committed), .directory = dir.path()});
  if (!running.ok()) return wrong("a consumer that had read everything: " + running.status().ToString());
  if (const Received got = running->TryNext(); got && !oracle.Check(expected.committed, got->payload))
    return wrong("torn for a consumer at the end");

  absl::StatusOr<Producer> successor =
      Producer::Open("q", {.take_over_timeout = Nanos::zero(), .directory = dir.path()});
  if (!successor.ok()) return wrong("the successor is refused: " + successor.status().ToString());
  if (successor->next_sequence() != before.next)
    return wrong(
        absl::StrCat("the successor begins at ", successor->next_sequence(), ", not at ", before.next));
  absl::StatusOr<Consumer> lossless = Consumer::Open("q", Delivery::Lossless(), oldest);
  if (!lossless.ok()) return wrong("a new lossless consumer is refused: " + lossless.status().ToString());
  Tally after;
  after.Begin(*lossless);
  constexpr uint64_t kTwoLaps = 90;
  for (uint64_t i = 0; i < kTwoLaps; ++i) {
    const Got drained = after.Drain(*lossless, oracle);
    if (drained != Got::kEmpty)
      return wrong(absl::StrCat("after take-over a consumer ends with ", ToString(drained)));
    if (after.next != successor->next_sequence())
      return wrong(absl::StrCat("after take-over a consumer finds nothing at ", after.next));
    // The producer may wait: it frees the seats of the dead, and the living consumer reads.
    if (const Sent sent = PublishUntil(*successor, oracle, before.next + i + 1, std::chrono::seconds(5));
        sent != Sent::kOk) {
      return wrong(absl::StrCat("the successor cannot publish: ", ToString(sent)));
    }
  }
  if (after.Drain(*lossless, oracle) != Got::kEmpty)
    return wrong("the lossless consumer does not reach the end");
  if (after.torn != 0 || after.misplaced != 0 || after.lost != 0)
    return wrong("torn or lost after take-over");
  if (after.next != before.next + kTwoLaps) return wrong("the lossless consumer missed messages");
  (void)before.Drain(*reader, oracle);
  if (before.torn != 0 || before.misplaced != 0 || before.next != after.next)
    return wrong("torn or uncounted for who watched the take-over");
  if (!successor->Close().ok()) return wrong("the successor cannot close");
  if (lossless->TryNext().why() != Got::kClosed) return wrong("closing is not told");

  lossless = absl::CancelledError();
  reader = absl::CancelledError();
  running = absl::CancelledError();
  const absl::Status removed = SegmentManager(dir.path()).Unlink("q", SegmentManager::Force::kYes);
  if (!removed.ok()) return wrong("unlink: " + removed.ToString());
  if (!dir.Entries().empty()) return wrong("left behind: " + *dir.Entries().begin());
  return verdict;
}

// The bytes of a queue at a moment, which are the bytes that a death at this moment would leave.
struct Image {
  std::vector<std::byte> ring, seats;

  bool Same(const QueueWords& now) const {
    auto& words = const_cast<QueueWords&>(now);
    return ring.size() == words.ring_file().bytes() &&
           std::memcmp(ring.data(), words.ring_file().data(), ring.size()) == 0 &&
           std::memcmp(seats.data(), words.seats_file().data(), seats.size()) == 0;
  }
  static Image Of(QueueWords& words) {
    return {{words.ring_file().data(), words.ring_file().data() + words.ring_file().bytes()},
            {words.seats_file().data(), words.seats_file().data() + words.seats_file().bytes()}};
  }
  // Writes the image as the queue `q` of a directory. No process holds a lock of these files.
  void WriteTo(const ScratchDir& dir) const {
    const auto write_file = [](const std::string& path, const std::vector<std::byte>& bytes) {
      const int fd = open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
      if (fd < 0 || write(fd, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) std::abort();
      close(fd);
    };
    write_file(dir / "q.seats", seats);
    write_file(dir / "q.ring", ring);
  }
};

}  // namespace millrace::testing

#endif  // MILLRACE_TESTS_CRASH_AFTER_CRASH_H_
