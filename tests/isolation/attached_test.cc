// SPDX-License-Identifier: Apache-2.0
// A handle, once opened, needs no name, no path, no free descriptor and no privileges.
#include <fcntl.h>
#include <sys/resource.h>

#include <string>

#include "gtest/gtest.h"
#include "millrace/millrace.h"
#include "tests/isolation/apart.h"
#include "tests/support/must.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/watchdog.h"

namespace millrace {
namespace {

using testing::Become;
using testing::Child;
using testing::Must;
using testing::MustBe;
using testing::ScratchDir;
using testing::Watchdog;

constexpr const char* kLosses[] = {"chdir", "descriptors", "chroot", "setuid"};

bool NeedsRoot(const std::string& loss) { return loss == "chroot" || loss == "setuid"; }

// Takes from this process what its handles could use when they were opened. The directory was "." then.
void Lose(const std::string& loss) {
  if (loss == "chdir") MustBe(chdir("/") == 0, "chdir");
  if (loss == "descriptors") {
    const rlimit few{64, 64};
    MustBe(setrlimit(RLIMIT_NOFILE, &few) == 0, "setrlimit");
    while (open("/dev/null", O_RDONLY) >= 0) {
    }
  }
  if (loss == "chroot") {
    MustBe(mkdir("jail", 0700) == 0 && chroot("jail") == 0 && chdir("/") == 0, "chroot");
  }
  if (loss == "setuid") Become(65534, 65534);
}

// A consumer that the test kills. A group member has one message in hand then.
class Victim {
 public:
  Victim(const ScratchDir& dir, const Delivery& delivery)
      : child_([&](const Child::Line& line) {
          Consumer consumer = Must(Consumer::Open("ring", delivery, {.directory = dir.path()}));
          line.Say("here");
          if (delivery.kind() == Delivery::Kind::kGroup) {
            MustBe(consumer.Next().why() == Got::kMessage, "take a message");
            line.Say("taken");
          }
          (void)line.Hear();
          return 0;
        }) {}
  std::string Hear() const { return child_.Hear(); }
  void Die() {
    child_.Kill();
    child_.Wait();
  }

 private:
  Child child_;
};

// Bug: the producer opened the seats file by name to free the seat of a dead consumer.
TEST(IsolationAttached, AProducerThatLostAccessIsNotHeldBackByTheDead) {
  for (const std::string loss : kLosses) {
    if (NeedsRoot(loss) && geteuid() != 0) continue;
    SCOPED_TRACE(loss);
    const Watchdog watchdog("held back by the dead");
    const ScratchDir dir;
    Child process([&](const Child::Line& line) {
      MustBe(chdir(dir.path().c_str()) == 0, "chdir");
      Producer producer = Must(Producer::Create("ring", {.capacity = 4096}, {.directory = "."}));
      line.Say("created");
      (void)line.Hear();
      Lose(loss);
      while (producer.TryPublish("until it is full") == Sent::kOk) {
      }
      line.Say("full");
      (void)line.Hear();
      line.Say(ToString(producer.Publish("room was made")));
      line.Say(producer.Check().ok() ? "well" : std::string(producer.Check().message()));
      return 0;
    });
    ASSERT_EQ(process.Hear(), "created");
    Victim victim(dir, Delivery::Lossless());
    ASSERT_EQ(victim.Hear(), "here");
    process.Say("go");
    ASSERT_EQ(process.Hear(), "full");
    victim.Die();
    process.Say("go");
    EXPECT_EQ(process.Hear(), "kOk");
    EXPECT_EQ(process.Hear(), "well");
  }
}

// Bug: a member opened that file by name, too, to free a dead member's seat. Without it the message was lost.
TEST(IsolationAttached, AMemberThatLostAccessAdoptsFromTheDead) {
  for (const std::string loss : kLosses) {
    if (NeedsRoot(loss) && geteuid() != 0) continue;
    SCOPED_TRACE(loss);
    const Watchdog watchdog("adopting from the dead");
    const ScratchDir dir;
    Producer producer = Must(Producer::Create("ring", {.capacity = 4096}, {.directory = dir.path()}));
    Child process([&](const Child::Line& line) {
      MustBe(chdir(dir.path().c_str()) == 0, "chdir");
      Consumer member = Must(Consumer::Open("ring", Delivery::Group("g"), {.directory = "."}));
      line.Say("joined");
      (void)line.Hear();
      Lose(loss);
      line.Say("lost");
      (void)line.Hear();
      const Received adopted = member.Next();
      line.Say(adopted ? std::string(adopted->text()) : ToString(adopted.why()));
      line.Say(ToString(member.Next().why()));
      return 0;
    });
    ASSERT_EQ(process.Hear(), "joined");
    Victim victim(dir, Delivery::Group("g"));
    ASSERT_EQ(victim.Hear(), "here");
    ASSERT_EQ(producer.TryPublish("job"), Sent::kOk);
    ASSERT_EQ(victim.Hear(), "taken");
    process.Say("go");
    ASSERT_EQ(process.Hear(), "lost");
    victim.Die();
    ASSERT_TRUE(producer.Close().ok());
    process.Say("go");
    EXPECT_EQ(process.Hear(), "job");
    EXPECT_EQ(process.Hear(), "kClosed");
    EXPECT_EQ(process.Wait(), 0) << "and leaves";
  }
}

// If a forked child kept the descriptor that takes locks of seats, it would keep the lock of its killed
// parent.
TEST(IsolationAttached, AForkedChildHasNoDescriptorThatCanTakeLocks) {
  const ScratchDir dir;
  const Producer producer = Must(Producer::Create("ring", {.capacity = 4096}, {.directory = dir.path()}));
  const Consumer consumer = Must(Consumer::Open("ring", Delivery::Lossless(), {.directory = dir.path()}));
  struct stat seats {};
  ASSERT_EQ(stat((dir / "ring.seats").c_str(), &seats), 0);
  const auto descriptors_of_seats = [&] {
    int found = 0;
    for (int fd = 0; fd < 256; ++fd) {
      struct stat facts {};
      found += fstat(fd, &facts) == 0 && facts.st_dev == seats.st_dev && facts.st_ino == seats.st_ino;
    }
    return found;
  };
  EXPECT_EQ(descriptors_of_seats(), 2);
  Child child([&](const Child::Line&) { return descriptors_of_seats(); });
  EXPECT_EQ(child.Wait(), 0);
}

}  // namespace
}  // namespace millrace
