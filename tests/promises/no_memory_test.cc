// SPDX-License-Identifier: Apache-2.0
// Promise: if there is no memory for the copy of a message, no process ends and the message is not lost.
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "gtest/gtest.h"
#include "millrace/millrace.h"
#include "tests/support/child.h"
#include "tests/support/must.h"
#include "tests/support/scratch.h"
#include "tests/support/watchdog.h"

namespace millrace {
namespace {

using testing::Child;
using testing::Must;
using testing::ScratchName;
using testing::Watchdog;

constexpr size_t kLarge = size_t{32} << 20;

// Lets this process map at most `more` bytes beyond what it has mapped now.
void LimitMemory(size_t more) {
  unsigned long pages = 0;
  FILE* const file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr || std::fscanf(file, "%lu", &pages) != 1) _exit(90);
  std::fclose(file);
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0) _exit(91);
  limit.rlim_cur = pages * static_cast<size_t>(sysconf(_SC_PAGESIZE)) + more;
  if (setrlimit(RLIMIT_AS, &limit) != 0) _exit(92);
  // Uses up the free memory that the allocator has kept.
  static void* volatile kept;
  do kept = std::malloc(kLarge);
  while (kept != nullptr);
}

void Unlimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0) _exit(93);
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_AS, &limit) != 0) _exit(94);
}

struct Reader {
  std::string name;
  Delivery delivery;
  bool copy;
};

class PromiseNoMemory : public ::testing::TestWithParam<Reader> {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer's allocator ends the process itself";
#endif
  }
  // Runs `read` when a large message is next and the consumer has no memory to copy it.
  void Run(int (*read)(Consumer&, const Child::Line&)) {
    const Watchdog watchdog("no memory");
    const ScratchName name;
    Producer producer = Must(Producer::Create(name, {.capacity = size_t{256} << 20}));
    Child reader([&](const Child::Line& line) {
      Consumer consumer = Must(Consumer::Open(name, GetParam().delivery, {.copy = GetParam().copy}));
      line.Say("joined");
      if (line.Hear() != "read") return 80;
      LimitMemory(size_t{8} << 20);
      return read(consumer, line);
    });
    ASSERT_EQ(reader.Hear(), "joined");
    ASSERT_EQ(producer.Publish(std::string(kLarge, 'x')), Sent::kOk);
    ASSERT_EQ(producer.Publish("next"), Sent::kOk);
    reader.Say("read");
    EXPECT_EQ(reader.Wait(), 0);
  }
};

// Reads the large message, which must be whole, and the message after it.
int ReadBoth(Consumer& consumer) {
  Unlimit();
  const Received large = consumer.Next();
  if (!large || large->payload.size() != kLarge || large->lost != 0) return 10;
  if (large->deliveries != 1) return 11;
  if (large->text().find_first_not_of('x') != std::string_view::npos) return 12;
  const Received next = consumer.Next();
  return next && next->text() == "next" && consumer.stats().received == 2 ? 0 : 13;
}

TEST_P(PromiseNoMemory, IsReturnedAndTheMessageIsNotLost) {
  Run([](Consumer& consumer, const Child::Line&) {
    if (consumer.TryNext().why() != Got::kNoMemory) return 1;
    if (consumer.Next().why() != Got::kNoMemory) return 2;
    if (consumer.Poll([](const Message&) {}).why != Got::kNoMemory) return 3;
    const std::string said = consumer.status().ToString();
    if (ErrorOf(consumer.status()) != Error::kNoMemory || said.find("33554432 bytes") == std::string::npos) {
      std::fprintf(stderr, "%s\n", said.c_str());
      return 4;
    }
    if (consumer.StillIntact() || consumer.stats().received != 0) return 5;
    return ReadBoth(consumer);
  });
}

TEST_P(PromiseNoMemory, IsReportedByAWaitSetThatKeepsTheRing) {
  Run([](Consumer& consumer, const Child::Line&) {
    Got told = Got::kEmpty;
    WaitSet set;
    Must(set.Add(consumer, [&](const Received& got) { told = got.why(); }));
    for (int i = 0; i < 2; ++i) {
      if (!set.Wait() || told != Got::kNoMemory || set.size() != 1) return 1;
    }
    Unlimit();
    if (!set.Wait() || told != Got::kMessage) return 2;
    return 0;
  });
}

INSTANTIATE_TEST_SUITE_P(, PromiseNoMemory,
                         ::testing::Values(Reader{"Copy", Delivery::Lossless(), true},
                                           Reader{"Lossy", Delivery::Lossy(), false},
                                           Reader{"Observer", Delivery::Observer(), false},
                                           Reader{"GroupCopy", Delivery::Group("g"), true}),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace millrace
