// SPDX-License-Identifier: Apache-2.0
// What a creator or remover leaves when it is killed halfway is removed. Files
// of other programs stay untouched.
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <functional>
#include <map>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cleanup/scene.h"
#include "tests/support/child.h"
#include "tests/support/watchdog.h"

namespace millrace {
namespace {

using testing::Child;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::Must;
using testing::Scene;
using testing::Watchdog;

TEST(CleanupRemains, SeatsAndLockWithoutRingAreRemoved) {
  const Scene scene;
  scene.LeaveDead("ring");
  ASSERT_EQ(unlink(scene.File("ring.ring").c_str()), 0);
  ASSERT_THAT(scene.Entries(), ElementsAre("ring.lock", "ring.seats"));
  EXPECT_THAT(scene.StaleNames(std::chrono::minutes(1)), IsEmpty())
      << "its creator may be about to link the ring";
  const Stale stale = scene.StaleOf("ring").value();
  EXPECT_EQ(stale.incarnation, "");
  EXPECT_GT(stale.bytes, 0u);
  EXPECT_EQ(scene.Prune(stale), Error::kNone);
  EXPECT_THAT(scene.Entries(), IsEmpty());
}

TEST(CleanupRemains, SeatsOrLockAloneAreRemoved) {
  const Scene scene;
  for (const std::string left : {".seats", ".lock"}) {
    scene.LeaveDead("ring");
    for (const std::string suffix : {".ring", ".seats", ".lock"}) {
      if (suffix == left) continue;
      ASSERT_EQ(unlink(scene.File("ring" + suffix).c_str()), 0);
    }
    ASSERT_EQ(scene.Prune(scene.StaleOf("ring").value()), Error::kNone) << left;
    EXPECT_THAT(scene.Entries(), IsEmpty()) << left;
  }
}

TEST(CleanupRemains, AreKeptWhileAConsumerOfTheRemovedRingHasASeat) {
  const Scene scene;
  scene.LeaveDead("ring");
  std::optional<Consumer> consumer = scene.Join("ring");
  ASSERT_EQ(unlink(scene.File("ring.ring").c_str()), 0);
  EXPECT_THAT(scene.StaleNames(), IsEmpty());
  EXPECT_EQ(scene.Prune({"ring", "", "", 0}), Error::kInUse);
  consumer.reset();
  EXPECT_EQ(scene.Prune(scene.StaleOf("ring").value()), Error::kNone);
  EXPECT_THAT(scene.Entries(), IsEmpty());
}

TEST(CleanupRemains, AQueueCreatedDuringTheRemovalIsLeftAlone) {
  const Scene scene;
  scene.LeaveDead("ring");
  ASSERT_EQ(unlink(scene.File("ring.ring").c_str()), 0);
  const Stale stale = scene.StaleOf("ring").value();
  scene.LeaveDead("ring");  // uses the remains
  const std::string incarnation = scene.Inspect("ring").incarnation;
  EXPECT_NE(scene.Prune(stale), Error::kNone);
  EXPECT_EQ(scene.Inspect("ring").incarnation, incarnation);
}

// Runs `act` in a child and kills it at its nth entry to or return from the kernel. Returns false if the
// child ended before.
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

// Runs `act` in a child and stops it at its nth entry to or return from the kernel. Then calls the
// second function and lets the child continue. Returns the result of `act`, or nullopt if the child
// ended before or ptrace is not available.
std::optional<int> RunWithAStop(const std::function<int()>& act, int n,
                                const std::function<void()>& meanwhile) {
  const pid_t child = fork();
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(77);
    raise(SIGSTOP);
    _exit(act());
  }
  int status = 0;
  bool stopped = false;
  if (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
    ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_EXITKILL);
    for (int i = 0; WIFSTOPPED(status); ++i) {
      if (i == n) {
        stopped = true;
        meanwhile();
        ptrace(PTRACE_DETACH, child, nullptr, nullptr);
      } else {
        ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
      }
      if (waitpid(child, &status, 0) != child) break;
    }
  }
  if (!stopped || !WIFEXITED(status)) return std::nullopt;
  return WEXITSTATUS(status);
}

// Kills `act` at every system call in it, and cleans up after each kill.
// Counts the sets of files that remained.
std::map<std::string, int> KillEverywhere(const Scene& scene, const std::function<void()>& prepare,
                                          const std::function<void()>& act) {
  std::map<std::string, int> left;
  for (int n = 0;; ++n) {
    prepare();
    const bool killed = KillAtStop(act, n);
    if (!killed && n == 0) return left;  // ptrace is not available
    std::string what;
    for (const std::string& file : scene.Entries()) what += file.substr(file.rfind('.')) + " ";
    ++left[what];
    for (const Stale& stale : scene.FindStale())
      EXPECT_EQ(scene.Prune(stale), Error::kNone) << n << ": " << what;
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

// Bug: Unlink found no user and then removed the ring under a consumer that had joined between
// the check and the removal. The test stops Unlink at each entry to and return from the
// kernel, and lets a consumer try to join there.
TEST(CleanupUnlink, NeverRemovesARingThatAConsumerIsJoining) {
  const Watchdog watchdog("unlink and join", 110);
  const Scene scene;
  int refused = 0, joined = 0;
  // A join that meets the locks of the stopped unlink would wait for it. It ends instead.
  ConsumerOptions options = scene.From(Start::Oldest());
  options.cancel_open = [] { return true; };
  for (int n = 0;; ++n) {
    scene.LeaveDead("ring");
    std::optional<Consumer> consumer;
    const auto join = [&] {
      auto opened = Consumer::Open("ring", Delivery::Lossless(), options);
      if (opened.ok()) consumer = *std::move(opened);
    };
    const std::optional<int> code =
        RunWithAStop([&] { return static_cast<int>(ErrorOf(scene.manager().Unlink("ring"))); }, n, join);
    if (!code && n == 0) GTEST_SKIP() << "SKIPPED: no ptrace here";
    if (!code) break;
    joined += consumer.has_value();
    if (*code == static_cast<int>(Error::kInUse)) {
      ++refused;
      EXPECT_TRUE(consumer) << n;
      consumer.reset();
      Must(scene.manager().Unlink("ring"));
    } else {
      EXPECT_EQ(*code, 0) << n;
      EXPECT_FALSE(consumer) << "stop " << n << ": a seat in a removed ring";
    }
    ASSERT_THAT(scene.Entries(), IsEmpty()) << n;
    if (HasFailure()) return;
  }
  EXPECT_GT(refused, 10);
  EXPECT_EQ(joined, refused);
}

TEST(CleanupRemains, OfACreatorKilledAtAnySystemCallAreRemoved) {
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

TEST(CleanupRemains, OfARemoverKilledAtAnySystemCallAreRemoved) {
  const Watchdog watchdog("killed removers", 110);
  const Scene scene;
  const auto left = KillEverywhere(
      scene, [&] { scene.LeaveDead("ring"); }, [&] { (void)scene.manager().Unlink("ring"); });
  if (left.empty()) GTEST_SKIP() << "SKIPPED: no ptrace here";
  Print("remover", left);
  EXPECT_GT(left.count(".lock .seats "), 0u);
  EXPECT_GT(left.count(".lock "), 0u);
}

TEST(CleanupRemains, OfAPruneKilledAtAnySystemCallAreRemoved) {
  const Watchdog watchdog("killed prunes", 110);
  const Scene scene;
  const auto left = KillEverywhere(
      scene, [&] { scene.LeaveDead("ring"); },
      [&] {
        for (const Stale& stale : scene.FindStale()) (void)scene.manager().Prune(stale);
      });
  if (left.empty()) GTEST_SKIP() << "SKIPPED: no ptrace here";
  Print("prune", left);
  EXPECT_GT(left.count(".lock .seats "), 0u);
  EXPECT_GT(left.count(".lock "), 0u);
}

constexpr const char* kSuffixes[] = {".ring", ".seats", ".lock"};

// Bug: no call could remove an emptied object, and its name could not be used again.
TEST(CleanupEmptied, FilesAreListedAndRemovedIfOneOfThemIsIntact) {
  const Scene scene;
  for (int emptied = 1; emptied < 7; ++emptied) {
    for (const bool prune : {true, false}) {
      scene.LeaveDead("ring");
      for (int i = 0; i < 3; ++i) {
        if ((emptied >> i & 1) != 0) {
          ASSERT_EQ(truncate(scene.File(std::string("ring") + kSuffixes[i]).c_str(), 0), 0);
        }
      }
      EXPECT_EQ(Must(scene.manager().List()).size(), 1u) << emptied;
      EXPECT_THAT(scene.StaleNames(std::chrono::minutes(1)), IsEmpty()) << emptied;
      if (prune) {
        EXPECT_EQ(scene.Prune(scene.StaleOf("ring").value()), Error::kNone) << emptied;
      } else {
        EXPECT_EQ(ErrorOf(scene.manager().Unlink("ring")), Error::kNone) << emptied;
      }
      EXPECT_THAT(scene.Entries(), IsEmpty()) << emptied;
    }
  }
}

TEST(CleanupEmptied, RingsDoNotBlockTheirNameForANewOne) {
  const Scene scene;
  for (const bool or_create : {false, true}) {
    scene.LeaveDead("ring");
    ASSERT_EQ(truncate(scene.File("ring.ring").c_str(), 0), 0);
    auto producer = or_create ? Producer::OpenOrCreate("ring", scene.Small(), scene.Here())
                              : Producer::Create("ring", scene.Small(), scene.Here());
    ASSERT_TRUE(producer.ok()) << producer.status();
    EXPECT_EQ(producer->TryPublish("new"), Sent::kOk);
    EXPECT_EQ(scene.Join("ring").TryNext()->text(), "new");
    EXPECT_TRUE(producer->Close().ok());
    Must(scene.manager().Unlink("ring"));
  }
}

TEST(CleanupEmptied, FilesAreKeptWhileAProducerOrAConsumerLives) {
  Must(InstallSigbusGuard());  // they write into the truncated part when they leave
  const Scene scene;
  std::optional<Producer> producer = scene.Create("ring");
  std::optional<Consumer> consumer = scene.Join("ring");
  ASSERT_EQ(truncate(scene.File("ring.ring").c_str(), 0), 0);
  EXPECT_THAT(scene.StaleNames(), IsEmpty());
  EXPECT_EQ(ErrorOf(scene.manager().Unlink("ring")), Error::kInUse);
  EXPECT_EQ(scene.Prune({"ring", "", "", 0}), Error::kInUse);
  EXPECT_EQ(ErrorOf(Producer::Create("ring", scene.Small(), scene.Here()).status()), Error::kProducerAlive);
}

// Three empty files do not prove that they were a queue.
TEST(CleanupEmptied, FilesWithoutAnyProofAreLeftAlone) {
  const Scene scene;
  for (const char* suffix : kSuffixes) scene.Write(std::string("ring") + suffix, "");
  EXPECT_THAT(scene.FindStale(), IsEmpty());
  EXPECT_NE(scene.Prune({"ring", "", "", 0}), Error::kNone);
  EXPECT_EQ(ErrorOf(scene.manager().Unlink("ring")), Error::kNotARing);
  EXPECT_FALSE(Producer::OpenOrCreate("ring", scene.Small(), scene.Here()).ok());
  EXPECT_THAT(scene.Entries(), ElementsAre("ring.lock", "ring.ring", "ring.seats"));
}

TEST(CleanupRemains, UnlinkRemovesThemToo) {
  const Scene scene;
  for (const std::string left : {".seats", ".lock", ".seats.lock"}) {
    scene.LeaveDead("ring");
    for (const std::string suffix : kSuffixes) {
      if (left.find(suffix) == std::string::npos) {
        ASSERT_EQ(unlink(scene.File("ring" + suffix).c_str()), 0);
      }
    }
    EXPECT_EQ(ErrorOf(scene.manager().Unlink("ring")), Error::kNone) << left;
    EXPECT_THAT(scene.Entries(), IsEmpty()) << left;
    EXPECT_EQ(ErrorOf(scene.manager().Unlink("ring")), Error::kNotFound) << left;
    EXPECT_THAT(scene.Entries(), IsEmpty()) << left;
  }
}

// Bug: a refused creation left its .lock file.
TEST(CleanupRemains, ARefusedCreationLeavesNothing) {
  const Scene scene;
  scene.Write("ring.seats", "somebody else's");
  EXPECT_EQ(ErrorOf(scene.manager().Create("ring", scene.Small())), Error::kNotARing);
  EXPECT_EQ(ErrorOf(scene.manager().Unlink("ring")), Error::kNotFound);
  EXPECT_THAT(scene.Entries(), ElementsAre("ring.seats"));
  scene.Write("ring.seats", "");
  EXPECT_EQ(ErrorOf(scene.manager().Create("ring", scene.Small())), Error::kNotARing)
      << "the lock of this creation proves nothing";
  EXPECT_THAT(scene.Entries(), ElementsAre("ring.seats"));
}

TEST(CleanupRemains, ACreationWithoutDescriptorsLeavesNothing) {
  const Scene scene;
  int refused = 0;
  for (rlim_t spare = 0; spare < 12; ++spare) {
    Child child([&](const Child::Line& line) {
      const int next = dup(0);
      close(next);
      const rlimit limit{static_cast<rlim_t>(next) + spare, static_cast<rlim_t>(next) + spare};
      if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
      line.Say(scene.manager().Create("ring", scene.Small()).ok() ? "created" : "refused");
      return 0;
    });
    const bool created = child.Hear() == "created";
    EXPECT_EQ(child.Wait(), 0);
    refused += !created;
    if (created) Must(scene.manager().Unlink("ring"));
    EXPECT_THAT(scene.Entries(), IsEmpty()) << spare << " descriptors";
  }
  EXPECT_GT(refused, 2);
}

// A file of another program has a name that a queue's object could have.
TEST(CleanupForeign, FilesAreNeverListedOrTouched) {
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
  for (const std::string& stem : stems) EXPECT_NE(scene.Prune({stem, "", "", 0}), Error::kNone) << stem;

  for (const auto& [entry, inode] : inodes) EXPECT_EQ(scene.InodeOf(entry), inode) << entry;
  for (int i = 0; i < n; ++i) {
    const char* suffix = i % 3 == 0 ? ".ring" : i % 3 == 1 ? ".seats" : ".lock";
    EXPECT_EQ(scene.Read("foreign" + std::to_string(i) + suffix), texts[i / 3]) << i;
  }
  EXPECT_EQ(scene.Entries(), entries) << "looking left something behind";
}

// One of a queue's three names may belong to a file of another program.
TEST(CleanupForeign, FilesBesideARingAreNotTouched) {
  const Scene scene;
  for (const std::string suffix : {".ring", ".seats", ".lock"}) {
    const std::string name = "with" + suffix;
    scene.LeaveDead(name);
    ASSERT_EQ(unlink(scene.File(name + suffix).c_str()), 0);
    scene.Write(name + suffix, "somebody else's");
    const ino_t inode = scene.InodeOf(name + suffix);
    for (const Stale& stale : scene.FindStale()) (void)scene.manager().Prune(stale);
    (void)scene.manager().Prune({name, "", "", 0});
    EXPECT_EQ(scene.InodeOf(name + suffix), inode) << suffix;
    EXPECT_EQ(scene.Read(name + suffix), "somebody else's") << suffix;
  }
}

}  // namespace
}  // namespace millrace
