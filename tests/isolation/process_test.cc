// SPDX-License-Identifier: Apache-2.0
// The effects of exec and fork on attached processes.
#include <cstring>
#include <fstream>
#include <string>

#include "gtest/gtest.h"
#include "millrace/millrace.h"
#include "tests/isolation/apart.h"
#include "tests/support/must.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/watchdog.h"

namespace millrace {
namespace {

using testing::Child;
using testing::Must;
using testing::MustBe;
using testing::ScratchDir;
using testing::Watchdog;

// A pipe by which one process learns that the other has ended or executed another program.
class EndOf {
 public:
  EndOf() { MustBe(pipe2(ends_, O_CLOEXEC) == 0, "pipe2"); }
  EndOf(const EndOf&) = delete;
  ~EndOf() { close(ends_[0]), close(ends_[1]); }
  // Waits until all other processes have closed the writing end.
  void Await() {
    dup2(ends_[0], ends_[1]);  // closes this process's writing end
    char c;
    MustBe(read(ends_[0], &c, 1) == 0, "read");
  }

 private:
  int ends_[2];
};

TEST(IsolationExec, DropsTheLocksOfProducerAndConsumer) {
  const Watchdog watchdog("exec");
  const ScratchDir dir;
  EndOf program;
  Child child([&](const Child::Line& line) {
    Producer producer = Must(Producer::Create("ring", {.capacity = 4096}, {.directory = dir.path()}));
    const Consumer consumer = Must(Consumer::Open("ring", Delivery::Lossless(), {.directory = dir.path()}));
    MustBe(producer.TryPublish("before exec") == Sent::kOk, "publish");
    line.Say("here");
    (void)line.Hear();
    execlp("sleep", "sleep", "1000", nullptr);
    return 1;
  });
  ASSERT_EQ(child.Hear(), "here");
  const SegmentManager manager(dir.path());
  ASSERT_TRUE(Must(manager.Inspect("ring")).producer.alive);
  ASSERT_TRUE(Must(manager.Inspect("ring")).consumers.at(0).alive);
  child.Say("exec");
  program.Await();
  Producer successor = Must(Producer::Open("ring", {.directory = dir.path()}));
  EXPECT_EQ(successor.next_sequence(), 1u);
  EXPECT_FALSE(Must(manager.Inspect("ring")).consumers.at(0).alive);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(successor.TryPublish("its seat does not hold back"), Sent::kOk);
  ASSERT_EQ(kill(child.pid(), 0), 0) << "the process itself lives on";
}

// A process forks with a claim open and a message lent, and continues. Then it dies before its child.
TEST(IsolationFork, LeavesTheChildNothingAndTheParentEverything) {
  const Watchdog watchdog("fork in the middle of use");
  const ScratchDir dir;
  EndOf test;
  std::optional<Child> parent;
  parent.emplace([&](const Child::Line& line) {
    Producer producer = Must(Producer::Create("ring", {.capacity = 4096}, {.directory = dir.path()}));
    Consumer consumer = Must(Consumer::Open("ring", Delivery::Lossless(), {.directory = dir.path()}));
    MustBe(producer.TryPublish("first") == Sent::kOk, "publish");
    MustBe(producer.TryPublish("second") == Sent::kOk, "publish");
    const Received lent = consumer.TryNext();
    Claim claim = producer.TryClaim(8);
    const pid_t forked = fork();
    if (forked == 0) {
      prctl(PR_SET_PDEATHSIG, 0);
      claim.Commit();  // publishes nothing
      bool good = producer.TryPublish("from the child") == Sent::kForked &&
                  producer.Publish("x") == Sent::kForked && ErrorOf(producer.Check()) == Error::kForked &&
                  ErrorOf(producer.Close()) == Error::kForked && consumer.TryNext().why() == Got::kForked &&
                  consumer.Next().why() == Got::kForked && !consumer.StillIntact() &&
                  ErrorOf(consumer.status()) == Error::kForked;
      { const Producer gone = std::move(producer); }
      { const Consumer gone = std::move(consumer); }
      // A handle that the child opens itself works.
      Consumer own = Must(
          Consumer::Open("ring", Delivery::Lossy(), {.start = Start::Oldest(), .directory = dir.path()}));
      good &= own.TryNext()->text() == "first";
      line.Say(std::string(good ? "forked " : "wrong ") + std::to_string(getpid()));
      test.Await();  // outlives its parent, with `own`
      _exit(0);
    }
    (void)line.Hear();  // the child has finished its checks
    MustBe(lent && lent->text() == "first" && consumer.StillIntact(), "lent");
    std::memcpy(claim.bytes().data(), "third...", 8);
    claim.Commit();
    MustBe(consumer.TryNext()->text() == "second" && consumer.TryNext()->text() == "third...", "read on");
    MustBe(consumer.TryNext().why() == Got::kEmpty, "nothing from the child");
    line.Say("went on");
    (void)line.Hear();
    return 1;  // not reached: killed before
  });
  const std::string said = parent->Hear();
  ASSERT_EQ(said.substr(0, 7), "forked ") << said;
  const pid_t grandchild = static_cast<pid_t>(std::stoi(said.substr(7)));
  parent->Say("go on");
  ASSERT_EQ(parent->Hear(), "went on");
  parent->Kill();
  ASSERT_EQ(parent->Wait(), 128 + SIGKILL);
  EXPECT_EQ(kill(grandchild, 0), 0);
  // The locks belonged to the parent and fell with it, although its child lives.
  const SegmentManager manager(dir.path());
  EXPECT_FALSE(Must(manager.Inspect("ring")).producer.alive);
  const Producer successor = Must(Producer::Open("ring", {.directory = dir.path()}));
  EXPECT_EQ(successor.next_sequence(), 3u);
  int alive = 0;
  for (const SeatInfo& seat : Must(manager.Inspect("ring")).consumers) alive += seat.alive ? 1 : 0;
  EXPECT_EQ(alive, 1) << "the grandchild's own";
  kill(grandchild, SIGKILL);
}

// Bug: the kernel treats the mapping of an unlinked file as anonymous memory, so a core dump contained all
// messages.
TEST(IsolationCoreDump, LeavesOutWhatIsMapped) {
  const Watchdog watchdog("core dump");
  const ScratchDir dir;
  Producer producer = Must(Producer::Create("ring", {.capacity = 4096}, {.directory = dir.path()}));
  const Consumer consumer = Must(Consumer::Open("ring", Delivery::Lossless(), {.directory = dir.path()}));
  Must(SegmentManager(dir.path()).Unlink("ring", SegmentManager::Force::kYes));
  std::ifstream smaps("/proc/self/smaps");
  std::string line, mapping;
  int checked = 0;
  while (std::getline(smaps, line)) {
    if (line.find(dir.path()) != std::string::npos) mapping = line;
    if (mapping.empty() || line.rfind("VmFlags:", 0) != 0) continue;
    EXPECT_NE((line + " ").find(" dd "), std::string::npos) << mapping << " is dumped: " << line;
    mapping.clear();
    ++checked;
  }
  EXPECT_GE(checked, 7) << "two objects and two locks of the producer, two and a seat's of the consumer";
}

}  // namespace
}  // namespace millrace
