// What a creator or remover that was killed halfway left behind is removed; what is not ours is not touched.
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <functional>
#include <map>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cleanup/scene.h"
#include "tests/support/watchdog.h"

namespace millrace {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::Must;
using testing::Scene;
using testing::Watchdog;

TEST(Remains, SeatsAndLockWithoutRingAreRemoved) {
  const Scene scene;
  scene.LeaveDead("ring");
  ASSERT_EQ(unlink(scene.File("ring.ring").c_str()), 0);
  ASSERT_THAT(scene.Entries(), ElementsAre("ring.lock", "ring.seats"));
  EXPECT_THAT(scene.StaleNames(std::chrono::minutes(1)), IsEmpty())
      << "its creator may be about to link the ring";
  const Stale stale = scene.StaleOf("ring").value();
  EXPECT_EQ(stale.incarnation, "");
  EXPECT_GT(stale.bytes, 0u);
  EXPECT_EQ(scene.Remove(stale), Error::kNone);
  EXPECT_THAT(scene.Entries(), IsEmpty());
}

TEST(Remains, EitherAloneIsRemoved) {
  const Scene scene;
  for (const std::string left : {".seats", ".lock"}) {
    scene.LeaveDead("ring");
    for (const std::string suffix : {".ring", ".seats", ".lock"}) {
      if (suffix == left) continue;
      ASSERT_EQ(unlink(scene.File("ring" + suffix).c_str()), 0);
    }
    ASSERT_EQ(scene.Remove(scene.StaleOf("ring").value()), Error::kNone) << left;
    EXPECT_THAT(scene.Entries(), IsEmpty()) << left;
  }
}

TEST(Remains, NotWhileAConsumerOfTheRemovedRingSitsThere) {
  const Scene scene;
  scene.LeaveDead("ring");
  std::optional<Consumer> consumer = scene.Join("ring");
  ASSERT_EQ(unlink(scene.File("ring.ring").c_str()), 0);
  EXPECT_THAT(scene.StaleNames(), IsEmpty());
  EXPECT_EQ(scene.Remove({"ring", "", "", 0}), Error::kInUse);
  consumer.reset();
  EXPECT_EQ(scene.Remove(scene.StaleOf("ring").value()), Error::kNone);
  EXPECT_THAT(scene.Entries(), IsEmpty());
}

TEST(Remains, AQueueCreatedMeanwhileIsLeftAlone) {
  const Scene scene;
  scene.LeaveDead("ring");
  ASSERT_EQ(unlink(scene.File("ring.ring").c_str()), 0);
  const Stale stale = scene.StaleOf("ring").value();
  scene.LeaveDead("ring");  // over the remains
  const std::string incarnation = scene.Inspect("ring").incarnation;
  EXPECT_NE(scene.Remove(stale), Error::kNone);
  EXPECT_EQ(scene.Inspect("ring").incarnation, incarnation);
}

// Runs `act` in a child and kills it at its nth entry to or return from the kernel. false: it ended before.
bool KillAtStop(const std::function<void()>& act, int n) {
  const pid_t child = fork();
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(77);
    raise(SIGSTOP);
    act();
    _exit(0);
  }
  int status = 0;
  bool killed = false;
  if (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
    ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_EXITKILL);
    for (int i = 0; WIFSTOPPED(status); ++i) {
      killed = i == n;
      if (killed)
        kill(child, SIGKILL);
      else if (ptrace(PTRACE_SYSCALL, child, nullptr, nullptr) != 0)
        break;
      if (waitpid(child, &status, 0) != child) break;
    }
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) return false;
  return killed && WIFSIGNALED(status);
}

// Kills `act` at every system call there is in it, and cleans up after each. Counts what was left behind.
std::map<std::string, int> KillEverywhere(const Scene& scene, const std::function<void()>& prepare,
                                          const std::function<void()>& act) {
  std::map<std::string, int> left;
  for (int n = 0;; ++n) {
    prepare();
    const bool killed = KillAtStop(act, n);
    if (!killed && n == 0) return left;  // no ptrace here
    std::string what;
    for (const std::string& file : scene.Entries()) what += file.substr(file.rfind('.')) + " ";
    ++left[what];
    for (const Stale& stale : scene.FindStale())
      EXPECT_EQ(scene.Remove(stale), Error::kNone) << n << ": " << what;
    EXPECT_THAT(scene.Entries(), IsEmpty()) << "killed at stop " << n;
    if (!killed || ::testing::Test::HasFailure()) return left;
  }
}

void Print(const char* what, const std::map<std::string, int>& left) {
  std::printf("%s killed at every system call; left behind:", what);
  for (const auto& [files, times] : left)
    std::printf("  %s: %d", files.empty() ? "nothing" : files.c_str(), times);
  std::printf("\n");
}

TEST(Remains, OfACreatorKilledAtAnySystemCallAreRemoved) {
  const Watchdog watchdog("killed creators", 110);
  const Scene scene;
  const auto left = KillEverywhere(
      scene, [] {}, [&] { (void)Producer::Create("ring", scene.Small(), scene.Here()); });
  if (left.empty()) GTEST_SKIP() << "SKIPPED: no ptrace here";
  Print("creator", left);
  EXPECT_GT(left.count(""), 0u);
  EXPECT_GT(left.count(".lock "), 0u);
  EXPECT_GT(left.count(".lock .seats "), 0u);
  EXPECT_GT(left.count(".lock .ring .seats "), 0u);
}

TEST(Remains, OfARemoverKilledAtAnySystemCallAreRemoved) {
  const Watchdog watchdog("killed removers", 110);
  const Scene scene;
  const auto left = KillEverywhere(
      scene, [&] { scene.LeaveDead("ring"); }, [&] { (void)scene.manager().Unlink("ring"); });
  if (left.empty()) GTEST_SKIP() << "SKIPPED: no ptrace here";
  Print("remover", left);
  EXPECT_GT(left.count(".lock .seats "), 0u);
  EXPECT_GT(left.count(".lock "), 0u);
}

TEST(Remains, OfAPruneKilledAtAnySystemCallAreRemoved) {
  const Watchdog watchdog("killed prunes", 110);
  const Scene scene;
  const auto left = KillEverywhere(
      scene, [&] { scene.LeaveDead("ring"); },
      [&] {
        for (const Stale& stale : scene.FindStale()) (void)scene.manager().Remove(stale);
      });
  if (left.empty()) GTEST_SKIP() << "SKIPPED: no ptrace here";
  Print("prune", left);
  EXPECT_GT(left.count(".lock .seats "), 0u);
  EXPECT_GT(left.count(".lock "), 0u);
}

// A file of another program under a name that a queue's object could have.
TEST(Foreign, FilesAreNeverListedNorTouched) {
  const Scene scene;
  const std::string texts[] = {"", "x", "somebody else's", std::string(100'000, 'x')};
  int n = 0;
  for (const std::string& text : texts) {
    for (const char* suffix : {".ring", ".seats", ".lock"})
      scene.Write("foreign" + std::to_string(n++) + suffix, text);
  }
  ASSERT_EQ(mkdir(scene.File("directory.ring").c_str(), 0700), 0);
  ASSERT_EQ(mkdir(scene.File("directory.seats").c_str(), 0700), 0);
  ASSERT_EQ(mkfifo(scene.File("fifo.seats").c_str(), 0600), 0);
  ASSERT_EQ(mkfifo(scene.File("fifo.lock").c_str(), 0600), 0);
  ASSERT_EQ(symlink("foreign2.ring", scene.File("link.ring").c_str()), 0);
  ASSERT_EQ(symlink("foreign2.lock", scene.File("link.lock").c_str()), 0);
  scene.Write("no stem.ring", "x");
  scene.Write(".ring", "x");
  const auto entries = scene.Entries();
  std::map<std::string, ino_t> inodes;
  for (const std::string& entry : entries) inodes[entry] = scene.InodeOf(entry);

  EXPECT_THAT(scene.FindStale(), IsEmpty());
  std::set<std::string> stems;
  for (const std::string& entry : entries) stems.insert(entry.substr(0, entry.rfind('.')));
  for (const std::string& stem : stems) EXPECT_NE(scene.Remove({stem, "", "", 0}), Error::kNone) << stem;

  for (const auto& [entry, inode] : inodes) EXPECT_EQ(scene.InodeOf(entry), inode) << entry;
  for (int i = 0; i < n; ++i) {
    const char* suffix = i % 3 == 0 ? ".ring" : i % 3 == 1 ? ".seats" : ".lock";
    EXPECT_EQ(scene.Read("foreign" + std::to_string(i) + suffix), texts[i / 3]) << i;
  }
  EXPECT_EQ(scene.Entries(), entries) << "looking left something behind";
}

// One of the three names of a queue may lead to a file of another program.
TEST(Foreign, FilesBesideOursAreNotTouched) {
  const Scene scene;
  for (const std::string suffix : {".ring", ".seats", ".lock"}) {
    const std::string name = "with" + suffix;
    scene.LeaveDead(name);
    ASSERT_EQ(unlink(scene.File(name + suffix).c_str()), 0);
    scene.Write(name + suffix, "somebody else's");
    const ino_t inode = scene.InodeOf(name + suffix);
    for (const Stale& stale : scene.FindStale()) (void)scene.manager().Remove(stale);
    (void)scene.manager().Remove({name, "", "", 0});
    EXPECT_EQ(scene.InodeOf(name + suffix), inode) << suffix;
    EXPECT_EQ(scene.Read(name + suffix), "somebody else's") << suffix;
  }
}

}  // namespace
}  // namespace millrace
