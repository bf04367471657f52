#include "runtime/os/failure.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>
#include <string>

#include "absl/strings/cord.h"

namespace millrace::os {
namespace {

std::string TextOf(const absl::Status& status) { return std::string(status.message()); }

TEST(Failure, KeepsTheExactCauseOfEveryError) {
  for (int value = 1; value <= static_cast<int>(Error::kNoMemory); ++value) {
    const auto error = static_cast<Error>(value);
    const absl::Status status = Failure(error, "text");
    EXPECT_FALSE(status.ok()) << ToString(error);
    EXPECT_EQ(ErrorOf(status), error);
    EXPECT_EQ(TextOf(status), "text");
  }
}

TEST(Failure, GivesEachErrorItsOwnName) {
  std::set<std::string> names;
  for (int value = 0; value <= static_cast<int>(Error::kNoMemory); ++value) {
    names.insert(ToString(static_cast<Error>(value)));
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(Error::kNoMemory) + 1);
  EXPECT_EQ(names.count("kNoSpace"), 1u);
  EXPECT_STREQ(ToString(static_cast<Error>(200)), "unknown");
}

TEST(Failure, CoarseCodesFollowFromTheCause) {
  EXPECT_EQ(Failure(Error::kNotFound, "").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Failure(Error::kExists, "").code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Failure(Error::kNoSpace, "").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Failure(Error::kNoPermission, "").code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(Failure(Error::kTimedOut, "").code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(Failure(Error::kDamaged, "").code(), absl::StatusCode::kDataLoss);
}

TEST(Failure, ForeignStatusesAreOther) {
  EXPECT_EQ(ErrorOf(absl::OkStatus()), Error::kNone);
  EXPECT_EQ(ErrorOf(absl::NotFoundError("not from here")), Error::kOther);
  for (const std::string& bytes :
       {std::string(), std::string(1, '\0'), std::string(1, '\xff'), std::string("ab")}) {
    absl::Status status = absl::NotFoundError("forged");
    status.SetPayload("millrace.error", absl::Cord(bytes));
    EXPECT_EQ(ErrorOf(status), Error::kOther);
  }
}

TEST(Failure, ErrnoDecidesTheCause) {
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

TEST(Failure, TextNamesOperationErrnoAndRemedy) {
  EXPECT_EQ(TextOf(SystemFailure(EMFILE, "open \"/x\"")),
            "open \"/x\": Too many open files (EMFILE); raise the descriptor limit (ulimit -n)");
  EXPECT_EQ(TextOf(SystemFailure(99999, "w")), "w: unknown error (99999)");
}

TEST(HumanBytes, IsExact) {
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
