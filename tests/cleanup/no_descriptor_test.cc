// SPDX-License-Identifier: Apache-2.0
// A process without a free descriptor cannot look at a file. The error must say so. It must not take "could not
// look" for an answer, such as "not ours" or "in use".
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cleanup/scene.h"
#include "tests/support/child.h"
#include "tests/support/watchdog.h"

namespace millrace {
namespace {

using ::testing::AnyOf;
using testing::Child;
using ::testing::HasSubstr;
using testing::Scene;
using testing::Watchdog;

constexpr int kEnough = 12;  // descriptors that suffice for every call here

// Returns what `body` says in a process with this many free descriptors.
std::string WithFreeDescriptors(int free, const std::function<std::string()>& body) {
  Child child([&](const Child::Line& line) {
    const rlimit limit{100, 100};
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
    std::vector<int> taken;
    for (int fd = 0; (fd = dup(STDERR_FILENO)) >= 0;) taken.push_back(fd);
    for (int i = 0; i < free; ++i) {
      close(taken.back());
      taken.pop_back();
    }
    line.Say(body());
    return 0;
  });
  const std::string said = child.Hear();
  EXPECT_EQ(child.Wait(), 0);
  return said;
}

std::string TextOf(const absl::Status& status) {
  return status.ok() ? "done" : std::string(status.message());
}

// Prepares a scene, then calls `body` with ever more free descriptors. Expects `right` or an error that names
// the missing descriptor, and each of them at least once. After such an error the files must be as before.
void ExpectRightOrRefused(const std::function<void(const Scene&)>& prepare,
                          const std::function<std::string(const Scene&)>& body, const std::string& right) {
  bool was_right = false, was_refused = false;
  for (int free = 0; free <= kEnough; ++free) {
    const Scene scene;
    prepare(scene);
    const std::set<std::string> before = scene.Entries();
    const std::string said = WithFreeDescriptors(free, [&] { return body(scene); });
    EXPECT_THAT(said, AnyOf(right, HasSubstr("EMFILE"))) << free << " free descriptors";
    if (said != right) {
      EXPECT_EQ(scene.Entries(), before) << free << " free descriptors";
    }
    (said == right ? was_right : was_refused) = true;
  }
  EXPECT_TRUE(was_right && was_refused);
}

void LeaveDead(const Scene& scene) { scene.LeaveDead("ring"); }

void LeaveRemains(const Scene& scene) {
  scene.LeaveDead("ring");
  unlink(scene.File("ring.ring").c_str());
}

void LeaveSeats(const Scene& scene) {
  LeaveRemains(scene);
  unlink(scene.File("ring.lock").c_str());
}

void LeaveEmptied(const Scene& scene) {
  scene.LeaveDead("ring");
  if (truncate(scene.File("ring.ring").c_str(), 0) != 0) abort();
}

std::string FindStale(const Scene& scene) {
  const auto found = scene.manager().FindStale(Nanos::zero());
  return found.ok() ? std::to_string(found->size()) + " found" : TextOf(found.status());
}

TEST(CleanupNoDescriptor, IsReportedByASearchForStaleRings) {
  const Watchdog watchdog("find stale");
  ExpectRightOrRefused(LeaveDead, FindStale, "1 found");
  ExpectRightOrRefused(LeaveRemains, FindStale, "1 found");
  ExpectRightOrRefused(LeaveEmptied, FindStale, "1 found");
}

// Bug: prune said "its producer is alive" and "nothing of that name is a millrace object".
TEST(CleanupNoDescriptor, IsReportedByAPrune) {
  const Watchdog watchdog("prune");
  Stale stale;
  const auto leave = [&](const auto& prepare) {
    return [&stale, prepare](const Scene& scene) {
      prepare(scene);
      stale = *scene.StaleOf("ring");
    };
  };
  const auto prune = [&](const Scene& scene) { return TextOf(scene.manager().Prune(stale)); };
  ExpectRightOrRefused(leave(LeaveDead), prune, "done");
  ExpectRightOrRefused(leave(LeaveRemains), prune, "done");
  ExpectRightOrRefused(leave(LeaveEmptied), prune, "done");
}

TEST(CleanupNoDescriptor, IsReportedByAnUnlink) {
  const Watchdog watchdog("unlink");
  const auto unlink = [](const Scene& scene) { return TextOf(scene.manager().Unlink("ring")); };
  ExpectRightOrRefused(LeaveDead, unlink, "done");
  ExpectRightOrRefused(LeaveRemains, unlink, "done");
  ExpectRightOrRefused(LeaveSeats, unlink, "done");
}

// Bug: a creator said that the .seats of a killed creator is no millrace object, or that the ring exists.
TEST(CleanupNoDescriptor, IsReportedByACreator) {
  const Watchdog watchdog("create");
  const auto create = [](const Scene& scene) {
    return TextOf(scene.manager().Create("ring", scene.Small()));
  };
  ExpectRightOrRefused(LeaveSeats, create, "done");
  ExpectRightOrRefused(LeaveEmptied, create, "done");
}

// Bug: an emptied ring was called a foreign file.
TEST(CleanupNoDescriptor, IsReportedByAnInspection) {
  const Watchdog watchdog("inspect");
  ExpectRightOrRefused(
      LeaveEmptied,
      [](const Scene& scene) {
        const auto info = scene.manager().Inspect("ring");
        return info.ok() ? info->state : TextOf(info.status());
      },
      "damaged");
}

}  // namespace
}  // namespace millrace
