// SPDX-License-Identifier: Apache-2.0
// Promise: a thread that is cancelled while it uses a handle ends at its own next cancellation point. It does
// not end inside a call on the handle, because that would end the process.
#include <pthread.h>
#include <unistd.h>

#include <functional>
#include <optional>
#include <string>

#include "gtest/gtest.h"
#include "millrace/millrace.h"
#include "tests/support/child.h"
#include "tests/support/must.h"
#include "tests/support/scratch.h"
#include "tests/support/watchdog.h"

namespace millrace {
namespace {

using std::chrono::milliseconds;
using testing::Child;
using testing::Must;
using testing::ScratchName;
using testing::Watchdog;

// Runs `calls` in a thread that is already cancelled. Returns 0 if all of them returned and the thread was
// cancelled only afterwards.
int CallCancelled(const std::function<void()>& calls) {
  struct Thread {
    const std::function<void()>* calls;
    bool returned = false;
  } thread{&calls};
  pthread_t handle;
  const auto body = [](void* given) -> void* {
    auto* const self = static_cast<Thread*>(given);
    pthread_cancel(pthread_self());
    (*self->calls)();
    self->returned = true;
    pthread_testcancel();
    return nullptr;
  };
  if (pthread_create(&handle, nullptr, body, &thread) != 0) return 90;
  void* result = nullptr;
  if (pthread_join(handle, &result) != 0) return 91;
  if (!thread.returned) return 92;
  return result == PTHREAD_CANCELED ? 0 : 93;
}

TEST(PromiseCancel, ACallOnAConsumerReturns) {
  for (const Delivery& delivery :
       {Delivery::Lossless(), Delivery::Lossy(), Delivery::Observer(), Delivery::Group("g")}) {
    const Watchdog watchdog("cancelled consumer");
    const ScratchName name;
    Producer producer = Must(Producer::Create(name));
    Child child([&](const Child::Line& line) {
      std::optional<Consumer> consumer = Must(Consumer::Open(name, delivery));
      const int descriptor = Must(consumer->EventFd());
      line.Say("open");
      if (line.Hear() != "read") return 80;
      return CallCancelled([&] {
        if (!consumer->TryNext()) return;
        consumer->Ack();
        (void)consumer->Poll([](const Message&) {});  // reads to the end, which clears the descriptor
        (void)consumer->Next(milliseconds(5));
        (void)consumer->StillIntact();
        consumer->Interrupt();
        consumer.reset();
        (void)descriptor;
      });
    });
    ASSERT_EQ(child.Hear(), "open");
    for (int i = 0; i < 5; ++i) ASSERT_EQ(producer.TryPublish("message"), Sent::kOk);
    child.Say("read");
    EXPECT_EQ(child.Wait(), 0) << static_cast<int>(delivery.kind());
  }
}

// The producer meets the seat of a killed consumer. It frees that seat under the seat's lock.
TEST(PromiseCancel, ACallOnAProducerReturns) {
  const Watchdog watchdog("cancelled producer");
  const ScratchName name;
  Child dead([&](const Child::Line& line) {
    const Producer first = Must(Producer::Create(name, {.capacity = 4096}));
    const Consumer consumer = Must(Consumer::Open(name, Delivery::Lossless()));
    line.Say("ready");
    (void)line.Hear();
    return 0;
  });
  ASSERT_EQ(dead.Hear(), "ready");
  dead.Kill();
  dead.Wait();
  Child child([&](const Child::Line&) {
    std::optional<Producer> producer = Must(Producer::Open(name));
    bool sent = true;
    const int result = CallCancelled([&] {
      for (int i = 0; i < 100; ++i) sent = sent && producer->Publish(std::string(100, 'x')) == Sent::kOk;
      (void)producer->Check().ok();
      (void)producer->Close().ok();
      producer.reset();
    });
    return sent ? result : 1;
  });
  EXPECT_EQ(child.Wait(), 0);
}

}  // namespace
}  // namespace millrace
