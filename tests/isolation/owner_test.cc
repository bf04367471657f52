// SPDX-License-Identifier: Apache-2.0
// Ownership of rings. In a directory like /dev/shm every user can create a file of any name.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <optional>
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "millrace/millrace.h"
#include "tests/isolation/apart.h"
#include "tests/support/must.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/watchdog.h"

namespace millrace {
namespace {

using testing::Child;
using ::testing::HasSubstr;
using testing::Must;
using testing::ScratchDir;
using testing::Watchdog;

constexpr uid_t kStranger = 21'003, kVictim = 21'001;

// Runs `body` as this user and returns the text that `body` returned.
std::string As(uid_t uid, const std::function<std::string()>& body) {
  Child child([&](const Child::Line& line) {
    if (uid != 0) testing::Become(uid, uid);
    line.Say(body());
    return 0;
  });
  const std::string said = child.Hear();
  EXPECT_EQ(child.Wait(), 0) << uid;
  return said;
}

std::string Told(const absl::Status& status) {
  return std::string(ToString(ErrorOf(status))) + " " + std::string(status.message());
}

class IsolationOwners : public ::testing::Test {
 protected:
  void SetUp() override {
    MILLRACE_NEEDS_ROOT();
    ASSERT_EQ(chmod(dir_.path().c_str(), 01777), 0);
  }
  // A stranger creates a ring that every user may write, with its lock file.
  // So the victim may write them too.
  void StrangerCreates() {
    ASSERT_EQ(As(kStranger,
                 [&] {
                   Must(SegmentManager(dir_.path())
                            .Create("ring", {.capacity = 4096, .access = Access{0666, 0666, {}}}));
                   return chmod((dir_ / "ring.lock").c_str(), 0666) == 0 ? "created" : "no";
                 }),
              "created");
  }
  ProducerOptions Here(std::optional<uid_t> owner = {}) const {
    return {.take_over_timeout = Nanos::zero(), .directory = dir_.path(), .owner = owner};
  }

  const Watchdog watchdog_{"owners"};
  const ScratchDir dir_;
};

// Bug: the victim published private messages into a ring that another user owned, read and wrote.
TEST_F(IsolationOwners, AProducerTakesOverNoRingThatAnotherUserCreatedFirst) {
  StrangerCreates();
  for (const uid_t uid : {kVictim, uid_t{0}}) {
    for (const bool or_create : {false, true}) {
      const std::string said = As(uid, [&] {
        return Told((or_create ? Producer::OpenOrCreate("ring", {.access = Access::Private()}, Here())
                               : Producer::Open("ring", Here()))
                        .status());
      });
      EXPECT_THAT(said, HasSubstr("kNoPermission")) << uid;
      EXPECT_THAT(said, HasSubstr("ring.ring\" belongs to uid 21003, expected uid " + std::to_string(uid)));
      EXPECT_THAT(said, HasSubstr("ProducerOptions::owner"));
    }
  }
  EXPECT_EQ(As(kVictim, [&] { return Told(Producer::Open("ring", Here(kStranger)).status()); }), "kNone ")
      << "whoever names the owner means it";
  EXPECT_EQ(As(0, [&] { return Told(Producer::Open("ring", Here(kStranger)).status()); }), "kNone ");
  EXPECT_EQ(As(kStranger, [&] { return Told(Producer::Open("ring", Here()).status()); }), "kNone ");
  EXPECT_THAT(As(kStranger, [&] { return Told(Producer::Open("ring", Here(kVictim)).status()); }),
              HasSubstr("kNoPermission"));
}

// Producer and Set refuse a ring if one of its files belongs to another user.
TEST_F(IsolationOwners, TheOwnerOfEachFileIsChecked) {
  for (const std::string suffix : {".ring", ".seats", ".lock"}) {
    { const Producer producer = Must(Producer::OpenOrCreate("ring", {.capacity = 4096}, Here())); }
    ASSERT_EQ(chown((dir_ / ("ring" + suffix)).c_str(), kStranger, kStranger), 0);
    const std::string said = Told(Producer::Open("ring", Here()).status());
    EXPECT_THAT(said, HasSubstr("ring" + suffix + "\" belongs to uid 21003, expected uid 0"));
    RingChanges changes;
    changes.keep = false;
    EXPECT_THAT(Told(SegmentManager(dir_.path()).Set("ring", changes)), HasSubstr("belongs to uid 21003"));
    const RingInfo info = Must(SegmentManager(dir_.path()).Inspect("ring"));
    EXPECT_EQ(info.uid, suffix == ".ring" ? kStranger : 0);
    EXPECT_EQ(info.seats_uid, suffix == ".seats" ? kStranger : 0);
    EXPECT_EQ(info.lock_uid, suffix == ".lock" ? kStranger : 0);
    Must(SegmentManager(dir_.path()).Unlink("ring"));
  }
}

TEST_F(IsolationOwners, AConsumerReadsAnyUsersRingUnlessItNamesTheOwner) {
  StrangerCreates();
  for (const Delivery& delivery : {Delivery::Lossless(), Delivery::Lossy(), Delivery::Observer()}) {
    const auto open = [&](std::optional<uid_t> owner) {
      return As(kVictim, [&] {
        return Told(Consumer::Open("ring", delivery, {.directory = dir_.path(), .owner = owner}).status());
      });
    };
    EXPECT_EQ(open({}), "kNone ");
    EXPECT_EQ(open(kStranger), "kNone ");
    EXPECT_THAT(open(kVictim), HasSubstr("ring.ring\" belongs to uid 21003, expected uid 21001"));
  }
}

// Bug: a stranger without access to the ring could hold its producer off, and no error named the reason.
TEST_F(IsolationOwners, AStrangersLockMadeBeforehandIsRefusedAndNamed) {
  ASSERT_EQ(As(kStranger,
               [&] {
                 const int fd = open((dir_ / "ring.lock").c_str(), O_CREAT | O_EXCL | O_RDWR, 0600);
                 const bool made = write(fd, "milllock", 8) == 8 && fchmod(fd, 0666) == 0;
                 close(fd);
                 return made ? "made" : "no";
               }),
            "made");
  for (const uid_t uid : {kVictim, uid_t{0}}) {
    const std::string said =
        As(uid, [&] { return Told(Producer::Create("ring", {.capacity = 4096}, Here()).status()); });
    EXPECT_THAT(said, HasSubstr("kNoPermission"));
    EXPECT_THAT(said, HasSubstr("ring.lock\" belongs to uid 21003, expected uid " + std::to_string(uid)));
    EXPECT_EQ(dir_.Entries(), (std::set<std::string>{"ring.lock"})) << "a refused creation leaves nothing";
  }
}

// Bug: a refused unlink by another user left a .lock of that user, which kept the ring's owner out.
TEST_F(IsolationOwners, ARefusedUnlinkLeavesNoLockFile) {
  const SegmentManager manager(dir_.path());
  Child owner([&](const Child::Line& line) {
    testing::Become(kVictim, kVictim);
    {
      const Producer producer =
          Must(Producer::Create("ring", {.capacity = 4096, .access = Access{0666, 0666, {}}}, Here()));
      line.Say("created");
      (void)line.Hear();
    }
    line.Say("gone");
    (void)line.Hear();
    line.Say(Told(Producer::Open("ring", Here()).status()));
    return 0;
  });
  ASSERT_EQ(owner.Hear(), "created");
  ASSERT_EQ(unlink((dir_ / "ring.lock").c_str()), 0);
  const std::set<std::string> without_lock{"ring.ring", "ring.seats"};
  const auto unlinked_by = [&](uid_t uid) { return As(uid, [&] { return Told(manager.Unlink("ring")); }); };
  EXPECT_THAT(unlinked_by(0), HasSubstr("kInUse"));
  EXPECT_EQ(dir_.Entries(), without_lock);
  EXPECT_THAT(unlinked_by(kStranger), HasSubstr("kNoPermission"));
  EXPECT_EQ(dir_.Entries(), without_lock);
  owner.Say("close");
  ASSERT_EQ(owner.Hear(), "gone");
  EXPECT_THAT(unlinked_by(kStranger), HasSubstr("21001, who owns the ring"));
  EXPECT_EQ(dir_.Entries(), without_lock);
  owner.Say("open again");
  EXPECT_EQ(owner.Hear(), "kNone ");
  EXPECT_EQ(owner.Wait(), 0);
  EXPECT_EQ(unlinked_by(0), "kNone ");
  EXPECT_TRUE(dir_.Entries().empty());
}

TEST_F(IsolationOwners, ANewRingBelongsToItsCreator) {
  EXPECT_THAT(Told(Producer::OpenOrCreate("ring", {}, Here(kVictim)).status()), HasSubstr("kNoPermission"));
  EXPECT_TRUE(dir_.Entries().empty());
  EXPECT_TRUE(Producer::OpenOrCreate("ring", {}, Here(0)).ok());
}

// In a user namespace all unmapped users have one number. The kernel can still distinguish them.
TEST_F(IsolationOwners, TheOverflowUserProvesNothingInAUserNamespace) {
  StrangerCreates();
  const std::string said = As(kVictim, [&] {
    testing::MustBe(unshare(CLONE_NEWUSER) == 0, "unshare");  // without a map, this user has no number either
    testing::MustBe(geteuid() == 65534, "the overflow uid");
    return Told(Producer::Open("ring", Here()).status());
  });
  EXPECT_THAT(said, HasSubstr("kNoPermission"));
  EXPECT_THAT(said, HasSubstr("stands for every user without a number"));
  EXPECT_EQ(As(kStranger,
               [&] {
                 testing::MustBe(unshare(CLONE_NEWUSER) == 0, "unshare");
                 return Told(Producer::Open("ring", Here()).status());
               }),
            "kNone ")
      << "it is this user's";
}

}  // namespace
}  // namespace millrace
