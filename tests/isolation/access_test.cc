// SPDX-License-Identifier: Apache-2.0
// Checks with real users what each Access permits to each user.
#include <sys/stat.h>

#include <string>
#include <vector>

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

constexpr uid_t kOwner = 21'001, kMember = 21'002, kStranger = 21'003;
constexpr gid_t kGroup = 21'100;

struct User {
  const char* name;
  uid_t uid;
  std::vector<gid_t> groups;
};
const User kUsers[] = {
    {"owner", kOwner, {kGroup}}, {"member", kMember, {kGroup}}, {"stranger", kStranger, {}}, {"root", 0, {}}};

// Makes the directory like /dev/shm: every user may create files in it, and it is sticky.
void OpenToAll(const ScratchDir& dir) { ASSERT_EQ(chmod(dir.path().c_str(), 01777), 0); }

// Runs `body` as this user and returns the text that `body` returned.
std::string As(const User& user, const std::function<std::string()>& body) {
  Child child([&](const Child::Line& line) {
    testing::Become(user.uid, user.uid, user.groups);
    line.Say(body());
    return 0;
  });
  const std::string said = child.Hear();
  EXPECT_EQ(child.Wait(), 0) << user.name;
  return said;
}

const char* Outcome(const absl::Status& status) { return status.ok() ? "yes" : ToString(ErrorOf(status)); }

std::string Try(const std::string& directory) {
  const SegmentManager manager(directory);
  const ConsumerOptions from{.directory = directory};
  std::string tried;
  const auto add = [&](const char* what, const absl::Status& status) {
    tried += std::string(tried.empty() ? "" : ", ") + what + " " + Outcome(status);
  };
  add("producer", Producer::Open("ring", {.directory = directory}).status());
  add("lossless", Consumer::Open("ring", Delivery::Lossless(), from).status());
  add("lossy", Consumer::Open("ring", Delivery::Lossy(), from).status());
  add("observer", Consumer::Open("ring", Delivery::Observer(), from).status());
  tried += Must(manager.List()).at(0).state == "unreadable" ? ", listed no" : ", listed yes";
  add("set", manager.Set("ring", {}));
  add("unlink", manager.Unlink("ring"));
  return tried;
}

constexpr char kAll[] =
    "producer yes, lossless yes, lossy yes, observer yes, listed yes, set yes, unlink yes";
constexpr char kReads[] =
    "producer kNoPermission, lossless yes, lossy yes, observer yes, listed yes, set kNoPermission, unlink "
    "kNoPermission";
constexpr char kLooks[] =
    "producer kNoPermission, lossless kNoPermission, lossy kNoPermission, observer yes, listed yes, set "
    "kNoPermission, "
    "unlink kNoPermission";
constexpr char kNothing[] =
    "producer kNoPermission, lossless kNoPermission, lossy kNoPermission, observer kNoPermission, listed no, "
    "set kNoPermission, unlink kNoPermission";

// Root can read and remove everything. It writes only into its own rings, unless it names the owner.
constexpr char kRoot[] =
    "producer kNoPermission, lossless yes, lossy yes, observer yes, listed yes, set kNoPermission, unlink "
    "yes";

struct Row {
  const char* name;
  Access access;
  const char* owner;
  const char* member;
  const char* stranger;
};

TEST(IsolationAccessMatrix, EveryUserCanDoExactlyWhatIsDocumented) {
  MILLRACE_NEEDS_ROOT();
  const Watchdog watchdog("access matrix");
  const Row rows[] = {{"private", Access::Private(), kAll, kNothing, kNothing},
                      {"watchable", Access::Watchable(), kAll, kLooks, kLooks},
                      {"group", Access::Group(kGroup), kAll, kReads, kNothing},
                      {"everyone", Access::Everyone(), kAll, kReads, kReads}};
  int combinations = 0;
  for (const Row& row : rows) {
    const char* const expected[] = {row.owner, row.member, row.stranger, kRoot};
    for (int i = 0; i < 4; ++i) {
      const ScratchDir dir;
      OpenToAll(dir);
      const std::string created = As(kUsers[0], [&] {
        const Producer producer = Must(
            Producer::Create("ring", {.capacity = 4096, .access = row.access}, {.directory = dir.path()}));
        return "created";
      });
      ASSERT_EQ(created, "created");
      EXPECT_EQ(As(kUsers[i], [&] { return Try(dir.path()); }), expected[i])
          << row.name << ", " << kUsers[i].name;
      ++combinations;
    }
  }
  std::printf("%d combinations of access and user, 7 attempts each\n", combinations);
}

TEST(IsolationAccessErrors, SayWhatToDo) {
  MILLRACE_NEEDS_ROOT();
  const Watchdog watchdog("access errors");
  const ScratchDir dir;
  OpenToAll(dir);
  ASSERT_EQ(As(kUsers[0],
               [&] {
                 const Producer producer = Must(Producer::Create(
                     "ring", {.capacity = 4096, .access = Access::Watchable()}, {.directory = dir.path()}));
                 return "created";
               }),
            "created");
  const User& other = kUsers[2];
  for (const bool or_create : {false, true}) {
    const std::string said = As(other, [&] {
      const ProducerOptions options{.directory = dir.path()};
      return (or_create ? Producer::OpenOrCreate("ring", {}, options) : Producer::Open("ring", options))
          .status()
          .ToString();
    });
    EXPECT_THAT(said, HasSubstr("only the user who created \"ring\" (or root) can become its producer"))
        << said;
    EXPECT_THAT(said, HasSubstr("ring.ring"));
    EXPECT_THAT(said, HasSubstr("it belongs to uid " + std::to_string(kOwner)));
  }
  const std::string seat = As(other, [&] {
    return Consumer::Open("ring", Delivery::Lossless(), {.directory = dir.path()}).status().ToString();
  });
  EXPECT_THAT(seat, HasSubstr("ring.seats"));
  EXPECT_THAT(seat, HasSubstr("create the ring with wider access"));
  EXPECT_THAT(seat, HasSubstr("Delivery::Observer()"));
  const std::string unlink = As(other, [&] { return SegmentManager(dir.path()).Unlink("ring").ToString(); });
  EXPECT_THAT(unlink, HasSubstr("check the owner, group and mode"));

  // The operator's remedy: give the ring to the other user.
  RingChanges to_other;
  to_other.owner = kStranger;
  EXPECT_EQ(ErrorOf(SegmentManager(dir.path()).Set("ring", to_other)), Error::kNoPermission);
  to_other.owned_by = kOwner;
  ASSERT_TRUE(SegmentManager(dir.path()).Set("ring", to_other).ok());
  EXPECT_EQ(As(other, [&] { return Outcome(Producer::Open("ring", {.directory = dir.path()}).status()); }),
            std::string("yes"));
  EXPECT_EQ(
      As(kUsers[0], [&] { return Outcome(Producer::Open("ring", {.directory = dir.path()}).status()); }),
      std::string("kNoPermission"));
}

TEST(IsolationAccessModes, TheUmaskHasNoEffect) {
  MILLRACE_NEEDS_ROOT();
  const Watchdog watchdog("umask");
  struct Case {
    Access access;
    mode_t ring, seats;
  };
  const Case cases[] = {{Access::Private(), 0600, 0600},
                        {Access::Watchable(), 0644, 0600},
                        {Access::Group(kGroup), 0640, 0660},
                        {Access::Everyone(), 0644, 0666}};
  for (const Case& c : cases) {
    for (const mode_t mask : {0u, 022u, 077u, 0777u}) {
      const ScratchDir dir;
      OpenToAll(dir);
      const std::string created = As(kUsers[0], [&] {
        umask(mask);
        const Producer producer =
            Must(Producer::Create("ring", {.capacity = 4096, .access = c.access}, {.directory = dir.path()}));
        return "created";
      });
      ASSERT_EQ(created, "created");
      const auto facts = [&](const char* file) {
        struct stat found {};
        EXPECT_EQ(stat((dir / file).c_str(), &found), 0);
        return found;
      };
      EXPECT_EQ(facts("ring.ring").st_mode & 07777, c.ring) << std::oct << mask;
      EXPECT_EQ(facts("ring.seats").st_mode & 07777, c.seats) << std::oct << mask;
      EXPECT_EQ(facts("ring.lock").st_mode & 07777, 0600u) << std::oct << mask;
      const gid_t group = c.access.group.value_or(kOwner);
      EXPECT_EQ(facts("ring.ring").st_gid, group);
      EXPECT_EQ(facts("ring.seats").st_gid, group);
      EXPECT_EQ(facts("ring.ring").st_uid, kOwner);
    }
  }
}

// The creator is not in the group. Creation fails and leaves nothing.
TEST(IsolationAccessModes, AForeignGroupIsRefused) {
  MILLRACE_NEEDS_ROOT();
  const ScratchDir dir;
  OpenToAll(dir);
  const std::string said = As(kUsers[2], [&] {
    return Producer::Create("ring", {.capacity = 4096, .access = Access::Group(kGroup)},
                            {.directory = dir.path()})
        .status()
        .ToString();
  });
  EXPECT_THAT(said, HasSubstr("PERMISSION_DENIED")) << said;
  EXPECT_TRUE(dir.Entries().empty());
}

}  // namespace
}  // namespace millrace
