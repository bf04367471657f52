// SPDX-License-Identifier: Apache-2.0
// Changes of an existing queue: keep, modes, owner and group.
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "gtest/gtest.h"
#include "tests/cleanup/scene.h"

namespace millrace {
namespace {

using testing::Must;
using testing::Scene;

struct stat FactsOf(const Scene& scene, const std::string& file) {
  struct stat facts {};
  if (stat(scene.File(file).c_str(), &facts) != 0) abort();
  return facts;
}

TEST(CleanupSet, ChangesOnlyWhatIsSet) {
  const Scene scene;
  Producer producer = scene.Create("ring");
  const auto mode = [&](const std::string& suffix) {
    return FactsOf(scene, "ring" + suffix).st_mode & 07777;
  };
  ASSERT_EQ(mode(".ring"), 0600u);
  ASSERT_EQ(mode(".seats"), 0600u);

  Must(scene.Set("ring", &RingChanges::keep, true));
  EXPECT_TRUE(scene.Inspect("ring").keep);
  Must(scene.Set("ring", &RingChanges::ring_mode, 0644));
  EXPECT_EQ(mode(".ring"), 0644u);
  EXPECT_EQ(mode(".seats"), 0600u);
  EXPECT_TRUE(scene.Inspect("ring").keep);
  EXPECT_EQ(scene.Inspect("ring").mode, 0644u);
  Must(scene.Set("ring", &RingChanges::seats_mode, 0666));
  EXPECT_EQ(mode(".ring"), 0644u);
  EXPECT_EQ(mode(".seats"), 0666u);
  EXPECT_EQ(mode(".lock"), 0600u) << "nobody else may hold a producer off";
  Must(scene.Set("ring", &RingChanges::keep, false));
  EXPECT_FALSE(scene.Inspect("ring").keep);
  Must(scene.manager().Set("ring", {}));

  EXPECT_TRUE(producer.Check().ok()) << "under a living producer";
  EXPECT_EQ(producer.TryPublish("goes on"), Sent::kOk);
  EXPECT_EQ(ErrorOf(scene.Set("none", &RingChanges::keep, true)), Error::kNotFound);
}

// Bug: Set reported success for the number that means "unchanged" to the kernel.
TEST(CleanupSet, TheNumberForUnchangedIsNoUserAndNoGroup) {
  const Scene scene;
  scene.LeaveDead("ring");
  EXPECT_EQ(ErrorOf(scene.Set("ring", &RingChanges::owner, static_cast<uid_t>(-1))), Error::kBadArgument);
  EXPECT_EQ(ErrorOf(scene.Set("ring", &RingChanges::group, static_cast<gid_t>(-1))), Error::kBadArgument);
  RingOptions options = scene.Small();
  options.access = Access::Group(static_cast<gid_t>(-1));
  EXPECT_EQ(ErrorOf(scene.manager().Create("other", options)), Error::kBadArgument);
  EXPECT_EQ(scene.Entries().count("other.lock"), 0u);
}

TEST(CleanupSet, HandsAQueueOver) {
  if (geteuid() != 0) GTEST_SKIP() << "SKIPPED: only root gives files away";
  const Scene scene;
  scene.LeaveDead("ring");
  Must(scene.Set("ring", &RingChanges::owner, 12'345));
  EXPECT_EQ(ErrorOf(scene.Set("ring", &RingChanges::group, 12'346)), Error::kNoPermission)
      << "root says whose ring it means";
  RingChanges changes;
  changes.group = 12'346;
  changes.owned_by = 12'345;
  Must(scene.manager().Set("ring", changes));
  for (const char* suffix : {".ring", ".seats", ".lock"}) {
    EXPECT_EQ(FactsOf(scene, std::string("ring") + suffix).st_uid, 12'345u) << suffix;
    EXPECT_EQ(FactsOf(scene, std::string("ring") + suffix).st_gid, 12'346u) << suffix;
    EXPECT_EQ(FactsOf(scene, std::string("ring") + suffix).st_mode & 07777, 0600u) << suffix;
  }
  EXPECT_EQ(scene.Inspect("ring").uid, 12'345u);
}

}  // namespace
}  // namespace millrace
