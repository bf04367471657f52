// SPDX-License-Identifier: Apache-2.0
#include "runtime/segment/mapped_ring.h"

#include <gtest/gtest.h>

#include "millrace/error.h"
#include "runtime/segment/create.h"
#include "runtime/segment/unlink.h"
#include "tests/support/scratch_dir.h"

namespace millrace::segment {
namespace {

class UnitSegmentMappedRing : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto plan = PlanOf("quotes", {.capacity = 64 << 10, .seats = 3});
    ASSERT_TRUE(plan.ok()) << plan.status();
    const absl::Status created = CreateWithoutProducer(paths_, *plan);
    ASSERT_TRUE(created.ok()) << created;
  }
  testing::ScratchDir directory_;
  Paths paths_ = PathsOf(directory_.path(), "quotes").value();
};

TEST_F(UnitSegmentMappedRing, HasTheSizesOfBothObjects) {
  const auto ring = MappedRing::Open(paths_, MappedRing::Ring::kWritable, Extent::kWhole);
  ASSERT_TRUE(ring.ok()) << ring.status();
  EXPECT_EQ(ring->memory().capacity, uint64_t{64} << 10);
  EXPECT_EQ(ring->ring.bytes(), ring->header.file_bytes);
  EXPECT_EQ(ring->table().count, 3u);
  EXPECT_EQ(ring->seats.bytes(), ring->seats_header.file_bytes);
}

TEST_F(UnitSegmentMappedRing, MapsNoMessagesForTheControlBlockAlone) {
  const auto ring = MappedRing::Open(paths_, MappedRing::Ring::kReadOnly, Extent::kControl);
  ASSERT_TRUE(ring.ok()) << ring.status();
  EXPECT_EQ(ring->ring.bytes(), internal::kRingDataOffset);
}

TEST_F(UnitSegmentMappedRing, LocksSeatsThroughAProbeOpenedForIt) {
  auto ring = MappedRing::Open(paths_, MappedRing::Ring::kReadOnly, Extent::kControl);
  ASSERT_TRUE(ring.ok()) << ring.status();
  EXPECT_EQ(ring->seats_probe.Ask(internal::kLockSeat), os::LockState::kFree);
  ASSERT_TRUE(ring->OpenSeatsToLock().ok());
  const os::ForkGuard guard;
  EXPECT_TRUE(ring->seats_probe.TryLock(guard, internal::kLockSeat).has_value());
}

TEST_F(UnitSegmentMappedRing, NoticesThatItLostItsName) {
  auto ring = MappedRing::Open(paths_, MappedRing::Ring::kReadOnly, Extent::kControl);
  ASSERT_TRUE(ring.ok()) << ring.status();
  EXPECT_TRUE(ring->StillNamed());
  ASSERT_TRUE(Unlink(paths_, /*force=*/false).ok());
  EXPECT_FALSE(ring->StillNamed());
  EXPECT_EQ(ErrorOf(ring->OpenSeatsToLock()), Error::kNotFound);
}

}  // namespace
}  // namespace millrace::segment
