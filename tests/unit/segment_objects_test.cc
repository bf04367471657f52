// SPDX-License-Identifier: Apache-2.0
#include "runtime/segment/objects.h"

#include "runtime/segment/text.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>

#include "millrace/error.h"
#include "tests/support/heap_ring.h"
#include "tests/support/scratch_dir.h"

namespace millrace::segment {
namespace {

using internal::RingHeader;
using internal::SeatsHeader;

constexpr uint64_t kCapacity = 4096;
constexpr uint32_t kSeats = 3;

class UnitSegmentObjects : public ::testing::Test {
 protected:
  void SetUp() override {
    std::memcpy(ring_.magic, internal::kRingMagic, 8);
    ring_.layout_major = internal::kLayoutMajor;
    ring_.file_bytes = internal::RingFileBytes(kCapacity);
    ring_.data_offset = internal::kRingDataOffset;
    ring_.capacity = kCapacity;
    ring_.max_message = internal::MaxPayloadFor(kCapacity);
    std::memset(ring_.incarnation, 0xab, sizeof ring_.incarnation);
    ring_.seats = kSeats;
    ring_.groups = internal::kGroups;
    std::memcpy(seats_.magic, internal::kSeatsMagic, 8);
    seats_.layout_major = internal::kLayoutMajor;
    seats_.file_bytes = internal::SeatsFileBytes(kSeats);
    seats_.seats_offset = internal::kSeatsOffset;
    std::memset(seats_.incarnation, 0xab, sizeof seats_.incarnation);
    seats_.seats = kSeats;
    seats_.groups = internal::kGroups;
  }

  // Writes a file of `length` reserved bytes that begins with `header`.
  static void Put(const std::string& path, const void* header, size_t bytes, uint64_t length) {
    unlink(path.c_str());
    const int fd = open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    ASSERT_GE(fd, 0) << path;
    if (length != 0) {
      ASSERT_EQ(posix_fallocate(fd, 0, static_cast<off_t>(length)), 0);
    }
    ASSERT_EQ(pwrite(fd, header, std::min<uint64_t>(bytes, length), 0),
              static_cast<ssize_t>(std::min<uint64_t>(bytes, length)));
    close(fd);
  }
  void PutRing(const RingHeader& header, uint64_t length) {
    Put(paths_.ring, &header, sizeof header, length);
  }
  void PutSeats(const SeatsHeader& header, uint64_t length) {
    Put(paths_.seats, &header, sizeof header, length);
  }

  Error RingError(const RingHeader& header, bool write = false) {
    PutRing(header, internal::RingFileBytes(kCapacity));
    return ErrorOf(OpenRing(paths_, write).status());
  }
  Error SeatsError(const SeatsHeader& header) {
    PutSeats(header, internal::SeatsFileBytes(kSeats));
    return ErrorOf(OpenSeats(paths_, /*write=*/true, ring_).status());
  }

  testing::ScratchDir directory_;
  Paths paths_ = PathsOf(directory_.path(), "quotes").value();
  RingHeader ring_{};
  SeatsHeader seats_{};
};

TEST_F(UnitSegmentObjects, SoundObjectsOpen) {
  EXPECT_EQ(RingError(ring_), Error::kNone);
  EXPECT_EQ(RingError(ring_, /*write=*/true), Error::kNone);
  EXPECT_EQ(SeatsError(seats_), Error::kNone);
  const auto ring = OpenRing(paths_, false);
  EXPECT_EQ(std::memcmp(&ring->header, &ring_, sizeof ring_), 0);
  EXPECT_TRUE(StillNamed(paths_.ring, ring->facts.identity));
  PutRing(ring_, internal::RingFileBytes(kCapacity));
  EXPECT_FALSE(StillNamed(paths_.ring, ring->facts.identity)) << "another file of the same name";
}

TEST_F(UnitSegmentObjects, MissingObjectsHaveDistinctErrors) {
  EXPECT_EQ(ErrorOf(OpenRing(paths_, false).status()), Error::kNotFound);
  EXPECT_EQ(ErrorOf(OpenSeats(paths_, true, ring_).status()), Error::kIncarnation);
  EXPECT_TRUE(WorthAnotherTry(OpenSeats(paths_, true, ring_).status()));
  EXPECT_FALSE(WorthAnotherTry(OpenRing(paths_, false).status()));
}

TEST_F(UnitSegmentObjects, EveryFieldOfTheRingHeaderIsChecked) {
  const struct {
    const char* what;
    std::function<void(RingHeader&)> change;
    Error error;
  } cases[] = {
      {"magic", [](RingHeader& h) { h.magic[7] ^= 1; }, Error::kNotARing},
      {"magic of seats", [](RingHeader& h) { std::memcpy(h.magic, internal::kSeatsMagic, 8); },
       Error::kNotARing},
      {"newer layout", [](RingHeader& h) { ++h.layout_major; }, Error::kLayoutVersion},
      {"older layout", [](RingHeader& h) { h.layout_major = 0; }, Error::kLayoutVersion},
      {"newer minor layout", [](RingHeader& h) { h.layout_minor += 7; }, Error::kNone},
      {"incompatible feature", [](RingHeader& h) { h.features_incompatible = 1ull << 63; },
       Error::kLayoutVersion},
      {"compatible feature", [](RingHeader& h) { h.features_compatible = ~0ull; }, Error::kNone},
      {"capacity 0", [](RingHeader& h) { h.capacity = 0; }, Error::kBadLengths},
      {"capacity no power of two", [](RingHeader& h) { h.capacity = 6144; }, Error::kBadLengths},
      {"capacity too small", [](RingHeader& h) { h.capacity = 2048; }, Error::kBadLengths},
      {"capacity too large", [](RingHeader& h) { h.capacity = 1ull << 63; }, Error::kBadLengths},
      {"file length 0", [](RingHeader& h) { h.file_bytes = 0; }, Error::kBadLengths},
      {"file length of another capacity", [](RingHeader& h) { h.file_bytes += 4096; }, Error::kBadLengths},
      {"file length huge", [](RingHeader& h) { h.file_bytes = ~0ull; }, Error::kBadLengths},
      {"data offset 0", [](RingHeader& h) { h.data_offset = 0; }, Error::kBadLengths},
      {"data offset huge", [](RingHeader& h) { h.data_offset = ~0ull - 4095; }, Error::kBadLengths},
      {"maximum message 0", [](RingHeader& h) { h.max_message = 0; }, Error::kBadLengths},
      {"maximum message too large", [](RingHeader& h) { ++h.max_message; }, Error::kBadLengths},
      {"maximum message huge", [](RingHeader& h) { h.max_message = ~0ull; }, Error::kBadLengths},
      {"schema too long", [](RingHeader& h) { h.schema_bytes = internal::kMaxSchema + 1; },
       Error::kBadLengths},
      {"schema huge", [](RingHeader& h) { h.schema_bytes = ~0u; }, Error::kBadLengths},
      {"no seats", [](RingHeader& h) { h.seats = 0; }, Error::kBadLengths},
      {"too many seats", [](RingHeader& h) { h.seats = internal::kMaxSeats + 1; }, Error::kBadLengths},
      {"larger than the file",
       [](RingHeader& h) {
         h.capacity = 8192;
         h.file_bytes = internal::RingFileBytes(8192);
       },
       Error::kTruncated},
  };
  for (const auto& c : cases) {
    RingHeader header = ring_;
    c.change(header);
    EXPECT_EQ(RingError(header), c.error) << c.what;
  }
}

TEST_F(UnitSegmentObjects, UnknownWriteFeatureAllowsReadingOnly) {
  ring_.features_write = 2;
  EXPECT_EQ(RingError(ring_, /*write=*/false), Error::kNone);
  EXPECT_EQ(RingError(ring_, /*write=*/true), Error::kLayoutVersion);
}

TEST_F(UnitSegmentObjects, EveryFieldOfTheSeatsHeaderIsChecked) {
  const struct {
    const char* what;
    std::function<void(SeatsHeader&)> change;
    Error error;
  } cases[] = {
      {"magic", [](SeatsHeader& h) { h.magic[0] ^= 1; }, Error::kNotARing},
      {"layout", [](SeatsHeader& h) { ++h.layout_major; }, Error::kLayoutVersion},
      {"incompatible feature", [](SeatsHeader& h) { h.features_incompatible = 1; }, Error::kLayoutVersion},
      {"write feature", [](SeatsHeader& h) { h.features_write = 1; }, Error::kLayoutVersion},
      {"compatible feature", [](SeatsHeader& h) { h.features_compatible = 1; }, Error::kNone},
      {"other queue", [](SeatsHeader& h) { h.incarnation[15] ^= 1; }, Error::kIncarnation},
      {"fewer seats", [](SeatsHeader& h) { --h.seats; }, Error::kBadLengths},
      {"more seats", [](SeatsHeader& h) { ++h.seats; }, Error::kBadLengths},
      {"seats elsewhere", [](SeatsHeader& h) { h.seats_offset = ~0ull - 255; }, Error::kBadLengths},
      {"file length", [](SeatsHeader& h) { h.file_bytes += 4096; }, Error::kBadLengths},
  };
  for (const auto& c : cases) {
    SeatsHeader header = seats_;
    c.change(header);
    EXPECT_EQ(SeatsError(header), c.error) << c.what;
  }
}

TEST_F(UnitSegmentObjects, EveryTruncationIsSeen) {
  for (const uint64_t length : {uint64_t{8}, uint64_t{100}, uint64_t{4095}, uint64_t{4096}, uint64_t{8192},
                                internal::RingFileBytes(kCapacity) - 1}) {
    PutRing(ring_, length);
    EXPECT_EQ(ErrorOf(OpenRing(paths_, false).status()), Error::kTruncated) << length;
  }
  for (const uint64_t length :
       {uint64_t{8}, uint64_t{2047}, uint64_t{2048}, internal::SeatsFileBytes(kSeats) - 1}) {
    PutSeats(seats_, length);
    EXPECT_EQ(ErrorOf(OpenSeats(paths_, true, ring_).status()), Error::kTruncated) << length;
  }
}

TEST_F(UnitSegmentObjects, FileTooShortForAMagicIsRefused) {
  for (const uint64_t length : {0, 1, 7}) {
    PutRing(ring_, length);
    EXPECT_FALSE(OpenRing(paths_, false).ok()) << length;
    PutSeats(seats_, length);
    EXPECT_FALSE(OpenSeats(paths_, true, ring_).ok()) << length;
  }
}

TEST_F(UnitSegmentObjects, TextNamesThePlaceAndTheRemedy) {
  ring_.capacity = 6144;
  PutRing(ring_, internal::RingFileBytes(kCapacity));
  const std::string text(OpenRing(paths_, false).status().message());
  EXPECT_NE(text.find(paths_.ring), std::string::npos) << text;
  EXPECT_NE(text.find("6144"), std::string::npos) << text;
  EXPECT_NE(text.find("remove"), std::string::npos) << text;
}

TEST_F(UnitSegmentObjects, OtherKindsOfFilesAreLeftAlone) {
  ASSERT_EQ(mkdir(paths_.ring.c_str(), 0700), 0);
  EXPECT_EQ(ErrorOf(OpenRing(paths_, false).status()), Error::kNotARing);
  ASSERT_EQ(rmdir(paths_.ring.c_str()), 0);
  ASSERT_EQ(mkfifo(paths_.ring.c_str(), 0600), 0);
  EXPECT_EQ(ErrorOf(OpenRing(paths_, false).status()), Error::kNotARing) << "and it did not block";
  ASSERT_EQ(unlink(paths_.ring.c_str()), 0);
  ASSERT_EQ(symlink("/etc/passwd", paths_.ring.c_str()), 0);
  EXPECT_EQ(ErrorOf(OpenRing(paths_, false).status()), Error::kNotARing);
}

TEST_F(UnitSegmentObjects, LabelsFromSharedMemoryAreSafeToPrint) {
  char label[internal::kLabelBytes];
  SetLabel(label, "feed");
  EXPECT_EQ(LabelOf(label), "feed");
  SetLabel(label, std::string(200, 'x'));
  EXPECT_EQ(LabelOf(label), std::string(63, 'x'));
  std::memset(label, 'y', sizeof label);  // a hostile label has no terminator
  EXPECT_EQ(LabelOf(label), std::string(63, 'y'));
  SetLabel(label, "a\x1b[2J\n\x7f");
  EXPECT_EQ(LabelOf(label), "a?[2J??");
}

TEST_F(UnitSegmentObjects, IncarnationIsShownInHex) {
  uint8_t incarnation[16] = {0x00, 0x01, 0xfe, 0xff};
  EXPECT_EQ(HexOf(incarnation), "0001feff000000000000000000000000");
}

TEST_F(UnitSegmentObjects, DamageOfARingNamesThePlace) {
  testing::HeapRing<> ring(kCapacity);
  auto producer = ring.Attach();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(testing::PublishBytes(producer, 8));
  EXPECT_EQ(DamageOf(ring.memory()), "");
  ring.WordAt(producer.position()) = 1;
  EXPECT_NE(DamageOf(ring.memory()).find("position 80"), std::string::npos) << DamageOf(ring.memory());
  ring.WordAt(producer.position()) = 0;
  ring.control().tail.position += 4;
  EXPECT_NE(DamageOf(ring.memory()), "");
}

}  // namespace
}  // namespace millrace::segment
