// SPDX-License-Identifier: Apache-2.0
// Promise: every refusal has an exact cause, and a text that names the object and the remedy.
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "millrace/internal/layout.h"
#include "millrace/millrace.h"
#include "tests/support/child.h"
#include "tests/support/must.h"
#include "tests/support/scratch_dir.h"
#include "tests/support/watchdog.h"

namespace millrace {
namespace {

using std::chrono::milliseconds;
using testing::Child;
using testing::Must;
using testing::ScratchDir;
using testing::Watchdog;

class PromiseErrorText : public ::testing::Test {
 protected:
  absl::Status Create(const std::string& name, const RingOptions& options = {}) {
    return Producer::Create(name, options, {.take_over_timeout = Nanos::zero(), .directory = dir_.path()})
        .status();
  }
  absl::Status Open(const std::string& name) {
    return Producer::Open(name, {.take_over_timeout = Nanos::zero(), .directory = dir_.path()}).status();
  }
  absl::Status OpenOrCreate(const std::string& name) {
    return Producer::OpenOrCreate(name, {}, {.take_over_timeout = Nanos::zero(), .directory = dir_.path()})
        .status();
  }
  absl::Status Consume(const std::string& name, Delivery delivery = Delivery::Lossless()) {
    return Consumer::Open(name, delivery, {.directory = dir_.path()}).status();
  }
  absl::Status Inspect(const std::string& name) { return SegmentManager(dir_.path()).Inspect(name).status(); }
  void MakeRing(const std::string& name) {
    Must(SegmentManager(dir_.path()).Create(name, {.capacity = 8192}));
  }
  void Overwrite(const std::string& file, const void* bytes, size_t count, off_t at) {
    const int fd = open((dir_ / file).c_str(), O_RDWR | O_CREAT, 0600);
    ASSERT_GE(fd, 0);
    ASSERT_EQ(pwrite(fd, bytes, count, at), static_cast<ssize_t>(count));
    close(fd);
  }

  const Watchdog watchdog_{"error text"};
  const ScratchDir dir_;
};

void Expect(const absl::Status& status, Error error, const std::vector<std::string>& words) {
  EXPECT_EQ(ToString(ErrorOf(status)), std::string(ToString(error))) << status;
  for (const std::string& word : words)
    EXPECT_NE(status.ToString().find(word), std::string::npos) << "no \"" << word << "\" in: " << status;
}

TEST_F(PromiseErrorText, BadNames) {
  const std::string names[] = {
      "a/b", "/a", "", ".hidden", "-a", "a b", "a\n", std::string("a\0b", 3), std::string(201, 'a')};
  for (const std::string& name : names) {
    Expect(Create(name), Error::kBadName, {"letters, digits"});
    Expect(Open(name), Error::kBadName, {"letters, digits"});
    Expect(OpenOrCreate(name), Error::kBadName, {"letters, digits"});
    Expect(Consume(name), Error::kBadName, {"letters, digits"});
    Expect(Inspect(name), Error::kBadName, {"letters, digits"});
    Expect(SegmentManager(dir_.path()).Unlink(name), Error::kBadName, {"letters, digits"});
  }
  EXPECT_TRUE(Create(std::string(200, 'a')).ok());
}

TEST_F(PromiseErrorText, BadOptions) {
  Expect(Create("q", {.capacity = 0}), Error::kBadArgument, {"q", "capacity 0", "use at least 4096"});
  Expect(Create("q", {.capacity = 100'000}), Error::kBadArgument, {"q", "100000", "use 65536 or 131072"});
  Expect(Create("q", {.capacity = 2048}), Error::kBadArgument, {"q", "2048", "use at least 4096"});
  Expect(Create("q", {.capacity = size_t{16} << 30}), Error::kBadArgument, {"q", "8 GiB", "use at most"});
  Expect(Create("q", {.max_message = 1 << 20}), Error::kBadArgument, {"q", "1048576", "larger capacity"});
  Expect(Create("q", {.max_message = 0}), Error::kBadArgument, {"q", "maximum message 0"});
  Expect(Create("q", {.seats = 0}), Error::kBadArgument, {"q", "0 seats", "between 1 and 1024"});
  Expect(Create("q", {.seats = 1025}), Error::kBadArgument, {"q", "1025 seats", "between 1 and 1024"});
  Expect(Create("q", {.schema = std::string(1001, 'a')}), Error::kBadArgument, {"q", "1001"});
  Expect(Create("q", {.schema = "a\nb"}), Error::kBadArgument, {"q", "one line"});
  EXPECT_TRUE(dir_.Entries().empty());
}

TEST_F(PromiseErrorText, NegativeTimes) {
  MakeRing("q");
  Expect(Producer::Open("q", {.evict_after = Nanos(-1), .directory = dir_.path()}).status(),
         Error::kBadArgument, {"evict_after", "negative", "use 0"});
  Expect(SegmentManager(dir_.path()).FindStale(milliseconds(-5)).status(), Error::kBadArgument,
         {"idle_for", "negative", "use 0"});
}

TEST_F(PromiseErrorText, MissingRing) {
  Expect(Open("q"), Error::kNotFound, {"q", dir_.path(), "create it"});
  Expect(Consume("q"), Error::kNotFound, {"q", dir_.path(), "create it"});
  Expect(Inspect("q"), Error::kNotFound, {"q"});
  EXPECT_TRUE(dir_.Entries().empty()) << "asking left something behind";
  const ProducerOptions nowhere{.directory = dir_ / "missing"};
  EXPECT_FALSE(Producer::Create("q", {}, nowhere).ok());
  EXPECT_NE(Producer::Create("q", {}, nowhere).status().ToString().find("missing"), std::string::npos);
}

TEST_F(PromiseErrorText, TakenNameNoSeatAndLiveProducer) {
  Producer producer = Must(Producer::Create("q", {.seats = 1}, {.label = "maker", .directory = dir_.path()}));
  Expect(Create("q"), Error::kExists, {"q", "unlink", "another name"});
  Expect(Open("q"), Error::kProducerAlive, {"q", "maker", "stop it"});
  const Consumer consumer = Must(Consumer::Open("q", Delivery::Lossless(), {.directory = dir_.path()}));
  Expect(Consume("q"), Error::kNoSeat, {"q", "Observer", "more seats"});
  Expect(Consume("q", Delivery::Lossy()), Error::kNoSeat, {"q", "Observer", "more seats"});
  EXPECT_TRUE(Consume("q", Delivery::Observer()).ok());
  EXPECT_EQ(producer.TryPublish(std::string(producer.max_message() + 1, 'x')), Sent::kTooLarge);
}

TEST_F(PromiseErrorText, WrongSchema) {
  Must(SegmentManager(dir_.path()).Create("q", {.schema = "bid:f64"}));
  Expect(Consumer::Open("q", Delivery::Lossy(), {.schema = "ask:f64", .directory = dir_.path()}).status(),
         Error::kSchema, {"q", "bid:f64", "ask:f64"});
}

TEST_F(PromiseErrorText, ForeignFile) {
  for (const size_t bytes : {size_t{9000}, size_t{100}}) {
    const std::string name = absl::StrCat("q", bytes), text(bytes, 'x');
    Overwrite(name + ".ring", text.data(), text.size(), 0);
    for (const absl::Status& status : {Open(name), OpenOrCreate(name), Consume(name),
                                       Consume(name, Delivery::Observer()), Inspect(name)}) {
      Expect(status, Error::kNotARing, {name, "another name"});
    }
    Expect(Create(name), Error::kExists, {name, "another name"});
    EXPECT_EQ(dir_.Entries().count(name + ".ring"), 1u);
  }
}

TEST_F(PromiseErrorText, SymlinkFifoAndDirectoryUnderTheName) {
  MakeRing("real");
  ASSERT_EQ(symlink((dir_ / "real.ring").c_str(), (dir_ / "link.ring").c_str()), 0);
  ASSERT_EQ(mkfifo((dir_ / "fifo.ring").c_str(), 0600), 0);
  ASSERT_EQ(mkdir((dir_ / "dir.ring").c_str(), 0700), 0);
  for (const std::string name : {"link", "fifo", "dir"}) {
    for (const absl::Status& status :
         {Open(name), OpenOrCreate(name), Consume(name), Consume(name, Delivery::Observer()), Inspect(name),
          SegmentManager(dir_.path()).Unlink(name, SegmentManager::Force::kYes)}) {
      Expect(status, Error::kNotARing, {name + ".ring"});
    }
    Expect(Create(name), Error::kExists, {name});
    EXPECT_EQ(dir_.Entries().count(name + ".ring"), 1u);
  }
  EXPECT_TRUE(Open("real").ok());
}

TEST_F(PromiseErrorText, TruncatedRing) {
  for (const off_t bytes : {off_t{8192 + 4096}, off_t{4096}, off_t{100}}) {
    const std::string name = absl::StrCat("q", bytes);
    MakeRing(name);
    ASSERT_EQ(truncate((dir_ / (name + ".ring")).c_str(), bytes), 0);
    for (const absl::Status& status :
         {Open(name), OpenOrCreate(name), Consume(name), Consume(name, Delivery::Observer())}) {
      Expect(status, Error::kTruncated, {name + ".ring", absl::StrCat(bytes), "remove it"});
    }
    const RingInfo info = Must(SegmentManager(dir_.path()).Inspect(name));
    EXPECT_EQ(info.state, "damaged");
    EXPECT_NE(info.damage.find("truncated"), std::string::npos) << info.damage;
    EXPECT_TRUE(SegmentManager(dir_.path()).Unlink(name).ok());
  }
  MakeRing("s");
  ASSERT_EQ(truncate((dir_ / "s.seats").c_str(), 4096), 0);
  Expect(Open("s"), Error::kTruncated, {"s.seats", "4096", "remove it"});
  Expect(Consume("s"), Error::kTruncated, {"s.seats", "4096", "remove it"});
}

TEST_F(PromiseErrorText, DamagedHeaderAndWrongVersion) {
  MakeRing("version");
  const uint32_t major = internal::kLayoutMajor + 1;
  Overwrite("version.ring", &major, sizeof major, offsetof(internal::RingHeader, layout_major));
  for (const absl::Status& status :
       {Open("version"), Consume("version"), Consume("version", Delivery::Observer())}) {
    Expect(status, Error::kLayoutVersion, {"version.ring", "2.0", "one millrace version"});
  }
  MakeRing("feature");
  const uint64_t bit = 1;
  Overwrite("feature.ring", &bit, sizeof bit, offsetof(internal::RingHeader, features_incompatible));
  for (const absl::Status& status : {Open("feature"), Consume("feature")}) {
    Expect(status, Error::kLayoutVersion, {"feature.ring", "newer millrace"});
  }
  MakeRing("write");
  Overwrite("write.ring", &bit, sizeof bit, offsetof(internal::RingHeader, features_write));
  Expect(Open("write"), Error::kLayoutVersion, {"write.ring", "only be read"});
  EXPECT_TRUE(Consume("write", Delivery::Observer()).ok());
  MakeRing("compatible");
  Overwrite("compatible.ring", &bit, sizeof bit, offsetof(internal::RingHeader, features_compatible));
  EXPECT_TRUE(Open("compatible").ok());

  const struct {
    const char* name;
    size_t at;
    uint64_t value;
  } lengths[] = {{"capacity", offsetof(internal::RingHeader, capacity), 12345},
                 {"bigger", offsetof(internal::RingHeader, capacity), 16384},
                 {"message", offsetof(internal::RingHeader, max_message), 5000},
                 {"nothing", offsetof(internal::RingHeader, max_message), 0},
                 {"offset", offsetof(internal::RingHeader, data_offset), 4096},
                 {"bytes", offsetof(internal::RingHeader, file_bytes), 1}};
  for (const auto& damage : lengths) {
    const std::string name = damage.name;
    MakeRing(name);
    Overwrite(name + ".ring", &damage.value, sizeof damage.value, static_cast<off_t>(damage.at));
    for (const absl::Status& status : {Open(name), Consume(name), Consume(name, Delivery::Observer())}) {
      Expect(status, Error::kBadLengths, {name + ".ring", "remove the ring"});
    }
  }
  MakeRing("a");
  MakeRing("b");
  ASSERT_EQ(rename((dir_ / "b.seats").c_str(), (dir_ / "a.seats").c_str()), 0);
  for (const std::string name : {"a", "b"}) {  // a: seats of another queue; b: no seats
    Expect(Open(name), Error::kIncarnation, {name + ".seats", "unlink"});
    Expect(Consume(name), Error::kIncarnation, {name + ".seats", "unlink"});
  }
}

TEST_F(PromiseErrorText, NoSpace) {
  // The child has its own mount namespace, so nothing stays mounted.
  Child child([&](const Child::Line& line) {
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("tmpfs", dir_.path().c_str(), "tmpfs", 0, "size=1m") != 0) {
      line.Say("cannot mount");
      return 0;
    }
    const absl::Status status = Create("q", {.capacity = 4 << 20});
    line.Say(ToString(ErrorOf(status)));
    line.Say(status.ToString());
    if (!dir_.Entries().empty()) return 1;
    if (!Create("q", {.capacity = 65536}).ok()) return 2;  // a ring that fits can be created
    // An existing queue has all its memory: every byte can be written although no memory is free any more.
    const int filler = open((dir_ / "filler").c_str(), O_CREAT | O_WRONLY, 0600);
    static const char kPage[4096] = {};
    while (write(filler, kPage, sizeof kPage) > 0) {
    }
    Producer producer = Must(Producer::Open("q", {.directory = dir_.path()}));
    for (int i = 0; i < 10'000; ++i)
      if (producer.TryPublish("sixteen bytes...") != Sent::kOk) return 3;
    return 0;
  });
  const std::string error = child.Hear();
  if (error == "cannot mount") GTEST_SKIP() << "needs the right to mount a small tmpfs";
  EXPECT_EQ(error, "kNoSpace");
  const std::string text = child.Hear();
  for (const char* word : {"q", "4104 KiB do not fit", "free", "smaller capacity"})
    EXPECT_NE(text.find(word), std::string::npos) << "no \"" << word << "\" in: " << text;
  EXPECT_EQ(child.Wait(), 0);
}

TEST_F(PromiseErrorText, NoPermission) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to become another user";
  MakeRing("secret");
  Must(SegmentManager(dir_.path()).Create("shown", {.access = Access::Watchable()}));
  Must(SegmentManager(dir_.path()).Create("open", {.access = Access::Everyone()}));
  ASSERT_EQ(chmod(dir_.path().c_str(), 01777), 0);
  Child nobody([&](const Child::Line& line) {
    if (setgroups(0, nullptr) != 0 || setgid(65534) != 0 || setuid(65534) != 0) return 1;
    const absl::Status statuses[] = {Consume("secret"), Consume("secret", Delivery::Observer()),
                                     Inspect("secret"), Open("secret"),
                                     Consume("shown"),  Open("shown"),
                                     Open("open")};
    for (const absl::Status& status : statuses) {
      line.Say(ToString(ErrorOf(status)));
      line.Say(status.ToString());
    }
    if (!Consume("shown", Delivery::Observer()).ok()) return 2;
    if (!Consume("open").ok()) return 3;
    if (SegmentManager(dir_.path()).Unlink("shown", SegmentManager::Force::kYes).ok()) return 4;
    if (Must(SegmentManager(dir_.path()).Inspect("shown")).seats_readable) return 5;
    return 0;
  });
  const std::vector<std::string> words[] = {{"secret.ring"},
                                            {"secret.ring"},
                                            {"secret.ring"},
                                            {"secret.ring", "root"},
                                            {"shown.seats", "Observer"},
                                            {"shown.ring", "root"},
                                            {"open", "root"}};
  for (const std::vector<std::string>& expected : words) {
    EXPECT_EQ(nobody.Hear(), "kNoPermission") << expected[0];
    const std::string text = nobody.Hear();
    for (const std::string& word : expected)
      EXPECT_NE(text.find(word), std::string::npos) << "no \"" << word << "\" in: " << text;
  }
  EXPECT_EQ(nobody.Wait(), 0);
  EXPECT_EQ(dir_.Entries().size(), 3 * 3u);
}

}  // namespace
}  // namespace millrace
