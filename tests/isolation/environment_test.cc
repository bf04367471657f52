// SPDX-License-Identifier: Apache-2.0
// Environments that refuse: a directory that is read-only or missing, and no descriptors left.
#include <sys/resource.h>

#include <functional>
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

using testing::Apart;
using testing::Child;
using ::testing::HasSubstr;
using testing::Must;
using testing::MustBe;
using testing::ScratchDir;
using testing::Watchdog;

std::string Outcome(const absl::Status& status) {
  return std::string(ToString(ErrorOf(status))) + ": " + std::string(status.message());
}

// Gives the process its own /dev/shm, and remounts it read-only under a ring
// that has a message and no producer.
TEST(IsolationDirectory, AReadOnlyDirectoryCanBeInspectedAndErrorsSayWhy) {
  MILLRACE_NEEDS_ROOT();
  const Watchdog watchdog("read-only directory");
  const ScratchDir dir;
  Apart there(CLONE_NEWNS, dir.path(), [&](const Child::Line& line) {
    MustBe(mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=4m") == 0, "mount");
    MustBe(Must(Producer::Create("ring", {.capacity = 4096})).TryPublish("hello") == Sent::kOk, "publish");
    MustBe(mount(nullptr, "/dev/shm", nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0, "remount");
    line.Say(Outcome(Producer::Create("other").status()));
    line.Say(Outcome(Producer::Open("ring").status()));
    line.Say(Outcome(Producer::OpenOrCreate("other").status()));
    line.Say(Outcome(Consumer::Open("ring", Delivery::Lossless()).status()));
    line.Say(Outcome(SegmentManager().Unlink("ring")));
    line.Say(Outcome(SegmentManager().Create("other", {})));
    Consumer observer = Must(Consumer::Open("ring", Delivery::Observer(), {.start = Start::Oldest()}));
    const Received got = observer.TryNext();
    line.Say(got ? std::string(got->text()) : ToString(got.why()));
    line.Say(Must(SegmentManager().List()).at(0).name);
    return 0;
  });
  for (const char* call :
       {"Create", "Open", "OpenOrCreate", "Lossless", "Unlink", "SegmentManager::Create"}) {
    const std::string said = there.Hear();
    EXPECT_THAT(said, HasSubstr("kNoPermission")) << call;
    EXPECT_THAT(said, HasSubstr("/dev/shm")) << call;
    EXPECT_THAT(said, HasSubstr("EROFS")) << call;
    EXPECT_THAT(said, HasSubstr("writable file system")) << call;
  }
  EXPECT_EQ(there.Hear(), "hello");
  EXPECT_EQ(there.Hear(), "ring");
  EXPECT_EQ(there.Wait(), 0);
}

void ExpectAbsent(const std::string& said, const std::string& directory, const char* call) {
  EXPECT_THAT(said, HasSubstr("kNotFound")) << call;
  EXPECT_THAT(said, HasSubstr(directory)) << call;
}

TEST(IsolationDirectory, AMissingDirectoryIsNamed) {
  const ScratchDir dir;
  const std::string none = dir / "none";
  const SegmentManager manager(none);
  ExpectAbsent(Outcome(Producer::Create("ring", {}, {.directory = none}).status()), none, "Create");
  ExpectAbsent(Outcome(Producer::Open("ring", {.directory = none}).status()), none, "Open");
  ExpectAbsent(Outcome(Producer::OpenOrCreate("ring", {}, {.directory = none}).status()), none,
               "OpenOrCreate");
  ExpectAbsent(Outcome(Consumer::Open("ring", Delivery::Lossy(), {.directory = none}).status()), none,
               "Consumer::Open");
  ExpectAbsent(Outcome(manager.List().status()), none, "List");
  ExpectAbsent(Outcome(manager.Inspect("ring").status()), none, "Inspect");
  ExpectAbsent(Outcome(manager.Create("ring", {})), none, "SegmentManager::Create");
  ExpectAbsent(Outcome(manager.Unlink("ring")), none, "Unlink");
  ExpectAbsent(Outcome(manager.FindStale().status()), none, "FindStale");
  EXPECT_TRUE(dir.Entries().empty());
}

TEST(IsolationDirectory, AMissingDevShmIsNamed) {
  MILLRACE_NEEDS_ROOT();
  const Watchdog watchdog("no /dev/shm");
  const ScratchDir dir;
  Apart there(CLONE_NEWNS, dir.path(), [&](const Child::Line& line) {
    MustBe(mount("tmpfs", "/dev", "tmpfs", 0, "size=1m") == 0, "mount");
    line.Say(Outcome(Producer::OpenOrCreate("ring").status()));
    line.Say(Outcome(Consumer::Open("ring", Delivery::Lossless()).status()));
    line.Say(Outcome(SegmentManager().List().status()));
    return 0;
  });
  for (const char* call : {"OpenOrCreate", "Consumer::Open", "List"})
    ExpectAbsent(there.Hear(), "/dev/shm", call);
  EXPECT_EQ(there.Wait(), 0);
}

// Limits the number of descriptors that are left. For every number, a call must succeed or fail with a clear
// error and leave nothing.
class Descriptors {
 public:
  Descriptors() {
    MustBe(getrlimit(RLIMIT_NOFILE, &limit_) == 0, "getrlimit");
    for (int fd = 0; fd < 1024; ++fd) used_ = fcntl(fd, F_GETFD) != -1 ? fd + 1 : used_;
    // RLIMIT_NOFILE limits descriptor numbers. So there must be no free number below the limit.
    for (int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);; fd = dup(fd)) {
      MustBe(fd >= 0, "open");
      fillers_.push_back(fd);
      if (fd >= used_) break;
    }
    used_ = fillers_.back() + 1;
  }
  ~Descriptors() {
    setrlimit(RLIMIT_NOFILE, &limit_);
    for (const int fd : fillers_) close(fd);
  }
  void Leave(int count) {
    rlimit limit = limit_;
    limit.rlim_cur = static_cast<rlim_t>(used_ + count);
    MustBe(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
  }

 private:
  rlimit limit_{};
  int used_ = 0;
  std::vector<int> fillers_;
};

// Tries with more and more descriptors until `call` succeeds. Returns the text of the try that had none left.
template <class Call>
std::string WithEver(Call call, const std::function<void(bool done)>& after) {
  Descriptors descriptors;
  std::string with_none;
  for (int left = 0; left < 64; ++left) {
    descriptors.Leave(left);
    absl::Status status = call();
    if (left == 0) with_none = Outcome(status);
    if (!status.ok()) {
      EXPECT_THAT(Outcome(status), HasSubstr("EMFILE")) << left;
      EXPECT_THAT(Outcome(status), HasSubstr("ulimit -n")) << left;
    }
    descriptors.Leave(64);
    after(status.ok());
    if (!status.ok()) continue;
    EXPECT_GT(left, 0);
    return with_none;
  }
  ADD_FAILURE() << "never had enough";
  return with_none;
}

TEST(IsolationDescriptorLimit, IsAClearErrorAndLeavesNothing) {
  const Watchdog watchdog("descriptor limit");
  const ScratchDir dir;
  const SegmentManager manager(dir.path());
  std::printf(
      "create: %s\n",
      WithEver(
          [&] { return Producer::Create("ring", {.capacity = 4096}, {.directory = dir.path()}).status(); },
          [&](bool done) {
            if (!done) {
              // The next creator and prune can use a lone .lock file.
              for (const Stale& stale : Must(manager.FindStale(Nanos::zero()))) Must(manager.Prune(stale));
              EXPECT_TRUE(dir.Entries().empty());
            }
          })
          .c_str());
  std::printf(
      "take over: %s\n",
      WithEver([&] { return Producer::Open("ring", {.directory = dir.path()}).status(); }, [](bool) {})
          .c_str());
  for (const Delivery& delivery : {Delivery::Lossless(), Delivery::Lossy(), Delivery::Observer()}) {
    (void)WithEver(
        [&] { return Consumer::Open("ring", delivery, {.directory = dir.path()}).status(); },
        [&](bool) { EXPECT_TRUE(Must(manager.Inspect("ring")).consumers.empty()) << "a seat was kept"; });
  }
  (void)WithEver([&] { return manager.Unlink("ring"); }, [](bool) {});
  EXPECT_TRUE(dir.Entries().empty());
}

// Attached producers and consumers need no further descriptor.
TEST(IsolationDescriptorLimit, DoesNotAffectAttachedHandles) {
  const Watchdog watchdog("attached at the descriptor limit");
  const ScratchDir dir;
  Producer producer = Must(Producer::Create("ring", {.capacity = 4096}, {.directory = dir.path()}));
  Consumer consumer = Must(Consumer::Open("ring", Delivery::Lossless(), {.directory = dir.path()}));
  Descriptors descriptors;
  descriptors.Leave(0);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(producer.Publish("no descriptor needed"), Sent::kOk);
    ASSERT_TRUE(consumer.Next());
  }
  EXPECT_TRUE(producer.Check().ok());
  EXPECT_TRUE(consumer.producer().alive);
  EXPECT_FALSE(consumer.producer().alive_unknown);
  EXPECT_TRUE(producer.Close().ok());
}

}  // namespace
}  // namespace millrace
