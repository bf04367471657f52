// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/mapping.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "runtime/os/failure.h"
#include "tests/unit/os_scratch.h"

namespace millrace::os {
namespace {

using UnitOsMapping = Scratch;

TEST_F(UnitOsMapping, PopulatingAHoleOfAFullFileSystemIsAnErrorNotASignal) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may mount a small tmpfs";
  const std::string told = OnSmallTmpfs(directory_, [](const std::string& directory) {
    const NewFile holes = NewFile::Create(directory, 0600, {}).value();
    if (ftruncate(holes.fd().get(), 2 * kMiB) != 0) return std::string("no holes");
    const absl::Status status = Mapping::ForWriting(holes.fd().get(), 2 * kMiB, Pages::kNow, "x").status();
    return std::string(ToString(ErrorOf(status)));
  });
  if (told == "no tmpfs") GTEST_SKIP() << "no right to mount a tmpfs here";
  EXPECT_EQ(told, "kNoSpace");
}

TEST_F(UnitOsMapping, MappingsShareTheFile) {
  const NewFile file = Make(4 * kPage);
  Mapping writing = Mapping::ForWriting(file.fd().get(), 4 * kPage, Pages::kNow, "x").value();
  Mapping reading = Mapping::ForReading(file.fd().get(), 2 * kPage, Pages::kNow, "x").value();
  EXPECT_EQ(reading.bytes(), 2 * kPage);
  writing.data()[kPage] = std::byte{7};
  EXPECT_EQ(reading.data()[kPage], std::byte{7});
  Mapping moved = std::move(writing);
  EXPECT_EQ(writing.data(), nullptr);
  moved = Mapping();
  EXPECT_EQ(reading.data()[kPage], std::byte{7});
}

TEST_F(UnitOsMapping, AReadOnlyDescriptorGivesNoWritableMapping) {
  NewFile file = Make(kPage);
  ASSERT_TRUE(file.LinkAs(At("a")).ok());
  const Fd reading = OpenExisting(At("a"), false).value();
  EXPECT_EQ(ErrorOf(Mapping::ForWriting(reading.get(), kPage, Pages::kOnAccess, "x").status()),
            Error::kNoPermission);
  EXPECT_FALSE(Mapping::ForReading(reading.get(), 0, Pages::kOnAccess, "x").ok());
}

TEST_F(UnitOsMapping, PopulatingBeyondTheEndIsAnErrorNotASignal) {
  const NewFile file = Make(kPage);
  for (const bool write : {false, true}) {
    const absl::Status status =
        (write ? Mapping::ForWriting(file.fd().get(), 4 * kPage, Pages::kNow, "/q.ring")
               : Mapping::ForReading(file.fd().get(), 4 * kPage, Pages::kNow, "/q.ring"))
            .status();
    EXPECT_EQ(ErrorOf(status), Error::kTruncated) << status;
  }
  EXPECT_TRUE(Mapping::ForReading(file.fd().get(), 4 * kPage, Pages::kOnAccess, "x").ok());
}

TEST_F(UnitOsMapping, MappingsAreNotInherited) {
  const NewFile file = Make(kPage);
  const Mapping mapping = Mapping::ForWriting(file.fd().get(), kPage, Pages::kNow, "x").value();
  EXPECT_EQ(msync(mapping.data(), kPage, MS_ASYNC), 0);
  EXPECT_EQ(InChild([&] {
              const bool gone = msync(mapping.data(), kPage, MS_ASYNC) != 0 && errno == ENOMEM;
              return std::string(gone ? "gone" : "there");
            }),
            "gone");
}

}  // namespace
}  // namespace millrace::os
