// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/failure.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <string>

#include "absl/strings/cord.h"
#include "runtime/os/thread.h"

namespace millrace::os {
namespace {

std::string TextOf(const absl::Status& status) { return std::string(status.message()); }

TEST(UnitOsFailure, KeepsTheExactCauseOfEveryError) {
  for (int value = 1; value <= static_cast<int>(Error::kNoMemory); ++value) {
    const auto error = static_cast<Error>(value);
    const absl::Status status = Failure(error, "text");
    EXPECT_FALSE(status.ok()) << ToString(error);
    EXPECT_EQ(ErrorOf(status), error);
    EXPECT_EQ(TextOf(status), "text");
  }
}

TEST(UnitOsFailure, GivesEachErrorItsOwnName) {
  std::set<std::string> names;
  for (int value = 0; value <= static_cast<int>(Error::kNoMemory); ++value) {
    names.insert(ToString(static_cast<Error>(value)));
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(Error::kNoMemory) + 1);
  EXPECT_EQ(names.count("kNoSpace"), 1u);
  EXPECT_STREQ(ToString(static_cast<Error>(200)), "unknown");
}

TEST(UnitOsFailure, CoarseCodesFollowFromTheCause) {
  EXPECT_EQ(Failure(Error::kNotFound, "").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Failure(Error::kExists, "").code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Failure(Error::kNoSpace, "").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Failure(Error::kNoPermission, "").code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(Failure(Error::kTimedOut, "").code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(Failure(Error::kDamaged, "").code(), absl::StatusCode::kDataLoss);
}

TEST(UnitOsFailure, ForeignStatusesAreOther) {
  EXPECT_EQ(ErrorOf(absl::OkStatus()), Error::kNone);
  EXPECT_EQ(ErrorOf(absl::NotFoundError("not from here")), Error::kOther);
  for (const std::string& bytes :
       {std::string(), std::string(1, '\0'), std::string(1, '\xff'), std::string("ab")}) {
    absl::Status status = absl::NotFoundError("forged");
    status.SetPayload("millrace.error", absl::Cord(bytes));
    EXPECT_EQ(ErrorOf(status), Error::kOther);
  }
}

TEST(UnitOsFailure, ErrnoDecidesTheCause) {
  EXPECT_EQ(ErrorOf(SystemFailure(EACCES, "w")), Error::kNoPermission);
  EXPECT_EQ(ErrorOf(SystemFailure(EPERM, "w")), Error::kNoPermission);
  EXPECT_EQ(ErrorOf(SystemFailure(EROFS, "w")), Error::kNoPermission);
  EXPECT_EQ(ErrorOf(SystemFailure(ENOENT, "w")), Error::kNotFound);
  EXPECT_EQ(ErrorOf(SystemFailure(EEXIST, "w")), Error::kExists);
  EXPECT_EQ(ErrorOf(SystemFailure(ENOSPC, "w")), Error::kNoSpace);
  EXPECT_EQ(ErrorOf(SystemFailure(EDQUOT, "w")), Error::kNoSpace);
  EXPECT_EQ(ErrorOf(SystemFailure(EFBIG, "w")), Error::kNoMemoryLimit);
  EXPECT_EQ(ErrorOf(SystemFailure(EMFILE, "w")), Error::kOther);
}

TEST(UnitOsFailure, TextNamesOperationErrnoAndRemedy) {
  EXPECT_EQ(TextOf(SystemFailure(EMFILE, "open \"/x\"")),
            "open \"/x\": Too many open files (EMFILE); raise the descriptor limit (ulimit -n)");
  EXPECT_EQ(TextOf(SystemFailure(99999, "w")), "w: unknown error (99999)");
}

TEST(UnitOsFailure, TheCallerKnowsWhichLimitAnErrnoMeans) {
  EXPECT_EQ(TextOf(SystemFailure(EAGAIN, "w")).find("ulimit -l"), std::string::npos)
      << "threads and locks give EAGAIN too";
  EXPECT_EQ(TextOf(SystemFailure(ENOSPC, "w: epoll_ctl", "raise fs.epoll.max_user_watches")),
            "w: epoll_ctl: No space left on device (ENOSPC); raise fs.epoll.max_user_watches");
}

// Error texts hold names, labels and schemas that other processes chose. The
// texts are shown in terminals and logs.
TEST(UnitOsFailure, TextsHoldNoControlCharacters) {
  EXPECT_EQ(TextOf(Failure(Error::kSchema,
                           "\"\x1B[2J\xC2\x9B"
                           "1m\xE2\x80\xAE\xFFx\xC3\xBC\"")),
            "\"?[2J?1m??x\xC3\xBC\"");
  EXPECT_EQ(TextOf(Failure(Error::kSchema, "\xE2\x80")), "??");
}

// Bug: the text advised raising the limit of locked memory.
TEST(UnitOsFailure, NoMoreThreadsNamesTheLimitOfThreads) {
  const pid_t child = fork();
  if (child == 0) {
    const rlimit none{0, 0};
    if (setrlimit(RLIMIT_NPROC, &none) != 0 || (geteuid() == 0 && setresuid(65533, 65533, 65533) != 0))
      _exit(2);
    const std::string text = TextOf(StartThread(
        "none", [](void*) {}, nullptr, "watch \"q\""));
    _exit(text.find("watch \"q\": pthread_create") == 0 && text.find("ulimit -u") != std::string::npos ? 0
                                                                                                       : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(UnitOsHumanBytes, IsExact) {
  EXPECT_EQ(HumanBytes(0), "0 bytes");
  EXPECT_EQ(HumanBytes(1), "1 byte");
  EXPECT_EQ(HumanBytes(1000), "1000 bytes");
  EXPECT_EQ(HumanBytes(1023), "1023 bytes");
  EXPECT_EQ(HumanBytes(1024), "1 KiB");
  EXPECT_EQ(HumanBytes(1025), "1025 bytes");
  EXPECT_EQ(HumanBytes(4096), "4 KiB");
  EXPECT_EQ(HumanBytes(3 << 19), "1.5 MiB");
  EXPECT_EQ(HumanBytes(5 << 18), "1.25 MiB");
  EXPECT_EQ(HumanBytes((12 << 20) + 4096), "12292 KiB");
  EXPECT_EQ(HumanBytes(uint64_t{8} << 30), "8 GiB");
  EXPECT_EQ(HumanBytes(uint64_t{1} << 63), "8 EiB");
  EXPECT_EQ(HumanBytes(~uint64_t{0}), "18446744073709551615 bytes");
}

}  // namespace
}  // namespace millrace::os
