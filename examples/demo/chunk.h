// SPDX-License-Identifier: Apache-2.0
// The demo's message: a piece of the file between two checksums.
//
// The two are checksums of the file from its beginning up to the piece, and up to the end of the piece. So
// one pass over a piece proves that it is intact, even right after a loss. A consumer that lost nothing ends
// with the checksum of the file.
#ifndef MILLRACE_EXAMPLES_DEMO_CHUNK_H_
#define MILLRACE_EXAMPLES_DEMO_CHUNK_H_

#include <boost/crc.hpp>
#include <cstddef>
#include <cstdint>
#include <span>

namespace demo {

struct ChunkHeader {
  uint64_t offset;  // position of the piece in the file
  uint32_t crc_before, crc_after;
};

// CRC-32 in its unfinished form, to which more bytes can be added.
inline constexpr uint32_t kCrcStart = 0xffffffff;
inline uint32_t ContinueCrc(uint32_t crc, std::span<const std::byte> bytes) {
  boost::crc_32_type continued(crc);
  continued.process_bytes(bytes.data(), bytes.size());
  return continued.get_interim_remainder();
}
// Returns the CRC-32 that other programs print (crc32, zip, gzip).
inline uint32_t FinishCrc(uint32_t crc) { return boost::crc_32_type(crc).checksum(); }

}  // namespace demo

#endif  // MILLRACE_EXAMPLES_DEMO_CHUNK_H_
