// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/lock.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/os/failure.h"
#include "runtime/os/new_file.h"

namespace millrace::os {
namespace {

// A child process that talks to the test over its standard input and output. These
// stay open after close_range(3, ~0).
class Child {
 public:
  template <class Body>
  explicit Child(Body body) {
    int up[2], down[2];
    EXPECT_EQ(pipe2(up, O_CLOEXEC), 0);
    EXPECT_EQ(pipe2(down, O_CLOEXEC), 0);
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      dup2(down[0], 0);
      dup2(up[1], 1);
      for (const int fd : {up[0], up[1], down[0], down[1]}) close(fd);
      body();
      _exit(0);
    }
    close(up[1]);
    close(down[0]);
    from_ = up[0];
    to_ = down[1];
  }
  ~Child() {
    Kill();
    close(from_);
    close(to_);
  }
  Child(const Child&) = delete;

  pid_t pid() const { return pid_; }
  template <class T>
  bool Hear(T& value) {
    return read(from_, &value, sizeof value) == static_cast<ssize_t>(sizeof value);
  }
  bool Await(char expected) {
    char heard = 0;
    return Hear(heard) && heard == expected;
  }
  void Tell(char word) { EXPECT_EQ(write(to_, &word, 1), 1); }
  void Signal(int signal) { kill(pid_, signal); }
  void Kill() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_ = 0;
  int from_ = -1;
  int to_ = -1;
};

// Sends one character to the test. Only a child may call it.
void Say(char word) {
  if (write(1, &word, 1) != 1) _exit(90);
}
void Pause() {
  char word;
  if (read(0, &word, 1) < 0) _exit(91);
}

int OpenDescriptors() {
  int count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

class UnitOsLock : public testing::Test {
 protected:
  void SetUp() override {
    alarm(60);
    std::string name = "/dev/shm/millrace-lock-test-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    path_ = directory_ + "/queue.lock";
    identity_ = MakeFile(path_);
  }
  void TearDown() override {
    std::filesystem::remove_all(directory_);
    alarm(0);
  }

  static Identity MakeFile(const std::string& path) {
    const Fd fd(open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
    return FactsOf(fd.get(), path).value().identity;
  }
  std::optional<HeldLock> Take(uint64_t first, uint64_t count = 1) const {
    return TryLock(path_, identity_, first, count).value();
  }
  LockProbe Probe() const { return LockProbe(path_, identity_, OpenExisting(path_, false).value()); }

  std::string directory_;
  std::string path_;
  Identity identity_;
};

TEST_F(UnitOsLock, IsExclusiveWithinAProcessToo) {
  std::optional<HeldLock> held = Take(5);
  ASSERT_TRUE(held.has_value());
  EXPECT_TRUE(held->held());
  EXPECT_FALSE(Take(5).has_value());
  EXPECT_TRUE(Take(4).has_value());
  held->Release();
  EXPECT_FALSE(held->held());
  EXPECT_TRUE(Take(5).has_value());
}

TEST_F(UnitOsLock, ARangeIsAllOrNothing) {
  std::optional<HeldLock> one = Take(20);
  ASSERT_TRUE(one.has_value());
  EXPECT_FALSE(Take(16, 8).has_value());
  EXPECT_TRUE(Take(16).has_value());
  one.reset();
  const std::optional<HeldLock> all = Take(16, 8);
  ASSERT_TRUE(all.has_value());
  EXPECT_FALSE(Take(23).has_value());
  EXPECT_TRUE(Take(24).has_value());
}

TEST_F(UnitOsLock, KeepsNoDescriptor) {
  const int before = OpenDescriptors();
  const std::optional<HeldLock> held = Take(0);
  EXPECT_FALSE(Take(0).has_value());
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST_F(UnitOsLock, OpeningAndClosingTheFileElsewhereDoesNotDropIt) {
  const std::optional<HeldLock> held = Take(0);
  { const Fd other = OpenExisting(path_, true).value(); }
  EXPECT_EQ(Probe().Ask(0), LockState::kHeld);
}

TEST_F(UnitOsLock, MovesWithItsHandle) {
  std::optional<HeldLock> held = Take(0);
  HeldLock moved = *std::move(held);
  held.reset();
  EXPECT_EQ(Probe().Ask(0), LockState::kHeld);
  moved = HeldLock();
  EXPECT_EQ(Probe().Ask(0), LockState::kFree);
}

TEST_F(UnitOsLock, SurvivesTheClosingOfAllDescriptors) {
  Child child([&] {
    const std::optional<HeldLock> held = Take(0);
    if (close_range(3, ~0u, 0) != 0 || !held.has_value()) _exit(1);
    Say('k');
    Pause();
  });
  ASSERT_TRUE(child.Await('k'));
  EXPECT_EQ(Probe().Ask(0), LockState::kHeld);
  EXPECT_FALSE(Take(0).has_value());
}

TEST_F(UnitOsLock, FallsOnKillBeforeTheZombieIsReaped) {
  Child child([&] {
    const std::optional<HeldLock> held = Take(0);
    Say('k');
    Pause();
  });
  ASSERT_TRUE(child.Await('k'));
  LockProbe probe = Probe();
  EXPECT_EQ(probe.Ask(0), LockState::kHeld);
  child.Signal(SIGKILL);
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(probe.Ask(0), LockState::kFree);
  EXPECT_TRUE(Take(0).has_value());
}

TEST_F(UnitOsLock, IsHeldWhileItsOwnerIsStopped) {
  Child child([&] {
    const std::optional<HeldLock> held = Take(0);
    Say('k');
    Pause();
  });
  ASSERT_TRUE(child.Await('k'));
  child.Signal(SIGSTOP);
  int status = 0;
  ASSERT_EQ(waitpid(child.pid(), &status, WUNTRACED), child.pid());
  ASSERT_TRUE(WIFSTOPPED(status));
  EXPECT_EQ(Probe().Ask(0), LockState::kHeld);
  EXPECT_FALSE(Take(0).has_value());
}

TEST_F(UnitOsLock, FallsOnExec) {
  Child child([&] {
    const std::optional<HeldLock> held = Take(0);
    Say(held.has_value() ? 'k' : 'n');
    Pause();
    execl("/bin/cat", "cat", nullptr);
    _exit(1);
  });
  ASSERT_TRUE(child.Await('k'));
  EXPECT_EQ(Probe().Ask(0), LockState::kHeld);
  child.Tell('g');
  child.Tell('x');
  ASSERT_TRUE(child.Await('x'));  // cat replies, so the new program runs
  EXPECT_EQ(Probe().Ask(0), LockState::kFree);
}

TEST_F(UnitOsLock, IsNotInheritedByAForkedChild) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  Child owner([&] {
    const std::optional<HeldLock> held = Take(0);
    const pid_t heir = fork();
    if (heir == 0) {
      Say('h');
      Pause();  // until the test sends a byte or is gone
      _exit(0);
    }
    Pause();
  });
  ASSERT_TRUE(owner.Await('h'));
  EXPECT_EQ(Probe().Ask(0), LockState::kHeld);
  owner.Kill();
  EXPECT_EQ(Probe().Ask(0), LockState::kFree);
  EXPECT_TRUE(Take(0).has_value());
  // The heir was alive all the time. After the message it exits, and this process reaps it.
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), 0);
  owner.Tell('g');
  EXPECT_GT(waitpid(-1, nullptr, 0), 0);
  prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST_F(UnitOsLock, AForkDuringTheLockingDoesNotInheritTheLock) {
  std::atomic<bool> stop = false;
  std::atomic<int> taken = 0;
  std::thread taker([&] {
    while (!stop) taken += Take(0).has_value() ? 1 : 0;
  });
  std::vector<std::unique_ptr<Child>> children;
  while (taken == 0) sched_yield();
  for (int i = 0; i < 60; ++i) children.push_back(std::make_unique<Child>([] { Pause(); }));
  stop = true;
  taker.join();
  EXPECT_EQ(Probe().Ask(0), LockState::kFree);
}

TEST_F(UnitOsLock, AReaderCanDenyALockButNotFakeIt) {
  const Fd reader = OpenExisting(path_, false).value();
  struct flock lock {};
  lock.l_type = F_RDLCK;
  lock.l_whence = SEEK_SET;
  lock.l_len = 1;
  ASSERT_EQ(fcntl(reader.get(), F_OFD_SETLK, &lock), 0);
  EXPECT_EQ(Probe().Ask(0), LockState::kFree);
  EXPECT_FALSE(Take(0).has_value());
}

TEST_F(UnitOsLock, RefusesAnotherFileUnderTheName) {
  ASSERT_EQ(rename(path_.c_str(), (path_ + ".old").c_str()), 0);
  MakeFile(path_);
  const auto answer = TryLock(path_, identity_, 0);
  EXPECT_EQ(ErrorOf(answer.status()), Error::kNotFound);
  ASSERT_TRUE(Unlink(path_).ok());
  EXPECT_EQ(ErrorOf(TryLock(path_, identity_, 0).status()), Error::kNotFound);
  ASSERT_EQ(symlink((path_ + ".old").c_str(), path_.c_str()), 0);
  EXPECT_EQ(ErrorOf(TryLock(path_, identity_, 0).status()), Error::kNotARing);
}

TEST_F(UnitOsLock, NeedsWritePermission) {
  if (geteuid() != 0) {
    ASSERT_EQ(chmod(path_.c_str(), 0400), 0);
    EXPECT_EQ(ErrorOf(TryLock(path_, identity_, 0).status()), Error::kNoPermission);
    return;
  }
  ASSERT_EQ(chmod(directory_.c_str(), 0755), 0);
  ASSERT_EQ(chmod(path_.c_str(), 0644), 0);
  Child child([&] {
    if (setuid(65534) != 0) _exit(1);
    Say(ErrorOf(TryLock(path_, identity_, 0).status()) == Error::kNoPermission ? 'k' : 'n');
  });
  EXPECT_TRUE(child.Await('k'));
}

bool Odd(uint64_t index, void* asked) {
  static_cast<std::vector<uint64_t>*>(asked)->push_back(index);
  return index % 2 == 1;
}

TEST_F(UnitOsLock, TryAnyBeginsAtStartSkipsAndWraps) {
  std::vector<uint64_t> asked;
  uint64_t index = 99;
  const std::optional<HeldLock> at_zero = Take(16);
  auto got = TryLockAny(path_, identity_, 16, 6, 5, Odd, &asked, &index).value();
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(index, 2u);  // 5 is skipped, 0 is held, 1 is skipped
  EXPECT_EQ(asked, (std::vector<uint64_t>{5, 0, 1, 2}));
  LockProbe probe = Probe();
  EXPECT_EQ(probe.Ask(18), LockState::kHeld);
  EXPECT_EQ(probe.AskRange(19, 10), LockState::kFree);
  auto last = TryLockAny(path_, identity_, 16, 6, 0, Odd, &asked, &index).value();
  ASSERT_TRUE(last.has_value());
  EXPECT_EQ(index, 4u);
  EXPECT_FALSE(TryLockAny(path_, identity_, 16, 6, 3, Odd, &asked, &index).value().has_value());
  EXPECT_EQ(index, 4u);
  EXPECT_FALSE(TryLockAny(path_, identity_, 16, 0, 0, nullptr, nullptr, &index).value().has_value());
}

TEST_F(UnitOsLock, ANewFileIsBornLocked) {
  for (const bool nameless : {true, false}) {
    const std::string path = directory_ + (nameless ? "/nameless" : "/named");
    NewFile file =
        (nameless ? NewFile::Create(directory_, 0600, {}) : NewFile::CreateNamed(directory_, 0600, {}))
            .value();
    auto held = TryLockNew(file, path, 0).value();
    ASSERT_TRUE(held.has_value());
    EXPECT_FALSE(TryLockNew(file, path, 0).value().has_value());
    ASSERT_TRUE(file.LinkAs(path).ok());
    Fd fd = OpenExisting(path, false).value();
    const Identity identity = FactsOf(fd.get(), path).value().identity;
    LockProbe probe(path, identity, std::move(fd));
    EXPECT_EQ(probe.Ask(0), LockState::kHeld);
    { const NewFile closed = std::move(file); }
    EXPECT_EQ(probe.Ask(0), LockState::kHeld);
    held.reset();
    EXPECT_EQ(probe.Ask(0), LockState::kFree);
  }
}

TEST_F(UnitOsLock, ProbeChecksRanges) {
  LockProbe probe = Probe();
  EXPECT_EQ(probe.AskRange(16, 1024), LockState::kFree);
  const std::optional<HeldLock> held = Take(16 + 1023);
  EXPECT_EQ(probe.AskRange(16, 1024), LockState::kHeld);
  EXPECT_EQ(probe.AskRange(16, 1023), LockState::kFree);
}

TEST_F(UnitOsLock, ProbeSurvivesTheReuseOfItsDescriptor) {
  const std::optional<HeldLock> held = Take(0);
  Fd fd = OpenExisting(path_, false).value();
  const int number = fd.get();
  {
    LockProbe probe(path_, identity_, std::move(fd));
    close(number);
    // The file was opened again, probably with the same descriptor number.
    EXPECT_EQ(probe.Ask(0), LockState::kHeld);
    EXPECT_EQ(probe.Ask(1), LockState::kFree);
    const int foreign = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ASSERT_EQ(dup2(foreign, number), number);
    close(foreign);
    EXPECT_EQ(probe.Ask(0), LockState::kHeld);
    EXPECT_EQ(probe.Ask(1), LockState::kFree);
  }
  EXPECT_NE(fcntl(number, F_GETFD), -1) << "the probe closed a descriptor that is not its own";
  close(number);
}

TEST_F(UnitOsLock, ProbeDestroyedOrReplacedClosesOnlyItsOwn) {
  const int before = OpenDescriptors();
  {
    LockProbe probe = Probe();
    probe = Probe();
    EXPECT_EQ(OpenDescriptors(), before + 1);
  }
  EXPECT_EQ(OpenDescriptors(), before);
  Fd fd = OpenExisting(path_, false).value();
  const int number = fd.get();
  const int foreign = open("/dev/null", O_RDONLY | O_CLOEXEC);
  LockProbe probe(path_, identity_, std::move(fd));
  ASSERT_EQ(dup2(foreign, number), number);
  probe = LockProbe();
  EXPECT_NE(fcntl(number, F_GETFD), -1);
  close(foreign);
  close(number);
}

TEST_F(UnitOsLock, ProbeThatLostItsFileDoesNotGuess) {
  Fd fd = OpenExisting(path_, false).value();
  const int number = fd.get();
  LockProbe probe(path_, identity_, std::move(fd));
  ASSERT_EQ(rename(path_.c_str(), (path_ + ".old").c_str()), 0);
  EXPECT_EQ(probe.Ask(0), LockState::kFree);  // the descriptor still refers to the file
  close(number);
  EXPECT_EQ(probe.Ask(0), LockState::kUnknown);
  MakeFile(path_);
  EXPECT_EQ(probe.Ask(0), LockState::kUnknown);
  EXPECT_FALSE(probe.Facts().has_value());
  EXPECT_EQ(LockProbe().Ask(0), LockState::kUnknown);
}

TEST_F(UnitOsLock, ProbeReturnsLinksAndSize) {
  LockProbe probe = Probe();
  EXPECT_EQ(probe.Facts()->links, 1u);
  EXPECT_EQ(probe.Facts()->bytes, 0u);
  ASSERT_EQ(truncate(path_.c_str(), 4096), 0);
  EXPECT_EQ(probe.Facts()->bytes, 4096u);
  ASSERT_TRUE(Unlink(path_).ok());
  EXPECT_EQ(probe.Facts()->links, 0u);
}

TEST_F(UnitOsLock, ABriefLockNeedsNoNameDescriptorOrPermission) {
  LockProbe probe = LockProbe::OpenToLock(path_, identity_).value();
  const std::optional<HeldLock> held = Take(2);
  ASSERT_EQ(rename(path_.c_str(), (path_ + ".old").c_str()), 0);
  ASSERT_EQ(chmod((path_ + ".old").c_str(), 0), 0);
  const int before = OpenDescriptors();
  LockProbe other(path_ + ".old", identity_, Fd(open((path_ + ".old").c_str(), O_RDONLY | O_CLOEXEC)));
  for (int i = 0; i < 3; ++i) {
    const ForkGuard guard;
    const auto first = probe.TryLock(guard, 0);
    const auto second = probe.TryLock(guard, 1, LockProbe::Sharing::kShared);
    EXPECT_TRUE(first && second);
    EXPECT_FALSE(probe.TryLock(guard, 2)) << "somebody else's";
    if (geteuid() == 0) {
      EXPECT_EQ(other.Ask(0), LockState::kHeld);
      EXPECT_EQ(other.Ask(1), LockState::kFree) << "shared: a reader's";
    }
  }
  if (geteuid() == 0) {
    EXPECT_EQ(other.AskRange(0, 2), LockState::kFree);
  }
  other = LockProbe();
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST_F(UnitOsLock, ABriefLockSurvivesTheClosingOfItsDescriptorAndStillEnds) {
  LockProbe probe = LockProbe::OpenToLock(path_, identity_).value();
  {
    const ForkGuard guard;
    const auto brief = probe.TryLock(guard, 0);
    ASSERT_TRUE(brief);
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      std::error_code gone;
      if (std::filesystem::read_symlink(entry.path(), gone) == path_)
        close(std::stoi(entry.path().filename().string()));
    }
    EXPECT_EQ(Probe().Ask(0), LockState::kHeld);
    EXPECT_EQ(probe.Ask(1), LockState::kUnknown) << "not opened again before the lock ends";
  }
  EXPECT_EQ(Probe().Ask(0), LockState::kFree);
  const ForkGuard guard;
  EXPECT_TRUE(probe.TryLock(guard, 0)) << "opened again by name";
}

TEST_F(UnitOsLock, ABriefLockIsNotKeptByAForkedChild) {
  Child owner([&] {
    LockProbe probe = LockProbe::OpenToLock(path_, identity_).value();
    const pid_t heir = fork();
    if (heir == 0) {
      prctl(PR_SET_PDEATHSIG, 0);
      Say('h');
      Pause();
      _exit(0);
    }
    const ForkGuard guard;
    const auto brief = probe.TryLock(guard, 0);
    Say(brief ? 'k' : 'n');
    for (;;) pause();
  });
  char first = 0, second = 0;
  ASSERT_TRUE(owner.Hear(first) && owner.Hear(second));
  EXPECT_EQ(first + second, 'h' + 'k');
  EXPECT_EQ(Probe().Ask(0), LockState::kHeld);
  owner.Kill();
  EXPECT_EQ(Probe().Ask(0), LockState::kFree);
}

TEST_F(UnitOsLock, ABriefLockNeedsTheForkGuard) {
  LockProbe probe = LockProbe::OpenToLock(path_, identity_).value();
  std::atomic<int> step = 0;
  std::thread other([&] {
    const ForkGuard guard;
    step = 1;
    while (step != 2) sched_yield();
  });
  while (step != 1) sched_yield();
  {
    const ForkGuard guard(std::try_to_lock);
    EXPECT_FALSE(guard.held());
    EXPECT_FALSE(probe.TryLock(guard, 0));
  }
  step = 2;
  other.join();
  const ForkGuard guard(std::try_to_lock);
  EXPECT_TRUE(guard.held());
  EXPECT_TRUE(probe.TryLock(guard, 0));
}

}  // namespace
}  // namespace millrace::os
