// SPDX-License-Identifier: Apache-2.0
// Promise: a peer that can write the seats can stop the queue. But no
// consumer takes a torn copy for a message.
#include <sys/wait.h>

#include <atomic>
#include <cstdio>
#include <string>

#include "gtest/gtest.h"
#include "millrace/internal/layout.h"
#include "millrace/millrace.h"
#include "tests/support/child.h"
#include "tests/support/must.h"
#include "tests/support/queue_words.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/watchdog.h"

namespace millrace {
namespace {

using testing::Child;
using testing::Must;
using testing::QueueWords;
using testing::ScratchDir;
using testing::Watchdog;

constexpr size_t kCapacity = 65536;

std::atomic_ref<uint64_t> PositionOf(QueueWords& words, uint32_t seat) {
  return std::atomic_ref(words.seat(seat).words.position);
}

// Publishes 1000 bytes of each letter in turn, and reports after each message where the next frame begins.
class Letters {
 public:
  explicit Letters(Producer& producer) : producer_(producer) {}
  bool TryPublish() {
    if (producer_.TryPublish(std::string(1000, static_cast<char>('A' + producer_.next_sequence() % 26))) !=
        Sent::kOk)
      return false;
    position_ += internal::FrameBytes(1000);
    return true;
  }
  // Publishes for more than a lap. Whenever the producer finds no room, moves the position of seat 0 forward.
  void PublishOver(QueueWords& words) {
    for (const uint64_t end = producer_.next_sequence() + 100; producer_.next_sequence() < end;) {
      if (TryPublish()) continue;
      PositionOf(words, 0).store(position_ & ~uint64_t{7}, std::memory_order_release);
      ASSERT_TRUE(TryPublish());
    }
  }

 private:
  Producer& producer_;
  uint64_t position_ = 0;
};

bool IsWhole(const Message& message) {
  return message.text() == std::string(1000, static_cast<char>('A' + message.sequence % 26));
}

TEST(PromiseHostileSeat, AnInPlaceReaderNoticesAMovedPosition) {
  const ScratchDir dir;
  Producer producer = Must(Producer::Create("q", {.capacity = kCapacity}, {.directory = dir.path()}));
  Consumer consumer = Must(Consumer::Open("q", Delivery::Lossless(), {.directory = dir.path()}));
  QueueWords words(dir / "q");
  Letters letters(producer);
  ASSERT_TRUE(letters.TryPublish());
  const Received lent = consumer.TryNext();
  ASSERT_TRUE(lent && IsWhole(*lent) && consumer.StillIntact());
  ASSERT_NO_FATAL_FAILURE(letters.PublishOver(words));
  EXPECT_FALSE(consumer.StillIntact());
  EXPECT_EQ(consumer.TryNext().why(), Got::kDamaged);
  EXPECT_NE(consumer.status().ToString().find("q.seats"), std::string::npos) << consumer.status();
}

// While a consumer copies a message, the peer moves the consumer's position. So the producer finds room and
// overwrites the message. The copy must be whole, or it must be refused.
void CopyWhileThePeerMoves(const Delivery& delivery) {
  const Watchdog watchdog("moved while copying", 100);
  const ScratchDir dir;
  constexpr size_t kMessage = 4000;
  Producer producer = Must(Producer::Create("q", {.capacity = kCapacity}, {.directory = dir.path()}));
  Child peer([&](const Child::Line& line) -> int {
    QueueWords words(dir / "q");
    line.Say("moves");
    for (;;) {  // close to R, so that the producer finds room again and again
      const uint64_t reserved = std::atomic_ref(words.control().room.reserved).load();
      for (uint32_t seat = 0; seat < 4; ++seat) {
        PositionOf(words, seat).store((reserved - kCapacity / 2) & ~uint64_t{7}, std::memory_order_release);
        std::atomic_ref lease(words.seat(seat).words.lease);
        if (lease.load() != internal::kNoLease) lease.store(internal::kNoLease);
      }
    }
  });
  ASSERT_EQ(peer.Hear(), "moves");
  Child reader([&](const Child::Line& line) {
    line.Say("reads");
    uint64_t whole = 0, refused = 0;
    while (whole < 20'000 && refused < 2'000) {
      absl::StatusOr<Consumer> consumer =
          Consumer::Open("q", delivery, {.copy = true, .directory = dir.path()});
      if (!consumer.ok()) {
        ++refused;
        continue;
      }
      for (Received got = consumer->TryNext(); got || got.why() == Got::kEmpty; got = consumer->TryNext()) {
        if (!got) continue;
        const char letter = got->text()[0];
        if (got->text().find_first_not_of(letter) != std::string_view::npos) return 1;
        if (++whole >= 20'000) break;
      }
      ++refused;
    }
    std::printf("%lu whole, %lu refused\n", static_cast<unsigned long>(whole),
                static_cast<unsigned long>(refused));
    return 0;
  });
  ASSERT_EQ(reader.Hear(), "reads");
  for (int done = 0; done == 0;) {
    for (int i = 0; i < 1000; ++i)
      (void)producer.TryPublish(
          std::string(kMessage, static_cast<char>('A' + producer.next_sequence() % 26)));
    siginfo_t ended{};
    done = waitid(P_PID, static_cast<id_t>(reader.pid()), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           ended.si_pid != 0;
  }
  EXPECT_EQ(reader.Wait(), 0) << "1: a torn copy was handed out";
}

TEST(PromiseHostileSeat, ACopyIsIntactAlthoughItsPositionIsMoved) {
  CopyWhileThePeerMoves(Delivery::Lossless());
}
TEST(PromiseHostileSeat, AMembersCopyIsIntactAlthoughItsLeaseIsTaken) {
  CopyWhileThePeerMoves(Delivery::Group("g"));
}

}  // namespace
}  // namespace millrace
