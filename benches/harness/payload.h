// SPDX-License-Identifier: Apache-2.0
// The contents of messages. The first word is the message's number or its time stamp. The other words follow
// from the first, so every byte can be checked. Sizes are multiples of 8.
#ifndef MILLRACE_BENCHES_HARNESS_PAYLOAD_H_
#define MILLRACE_BENCHES_HARNESS_PAYLOAD_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace millrace::bench {

inline constexpr uint64_t kLastMessage = ~uint64_t{0};  // first word of the message that ends a slice

// A message to be sent. kBytes is its size, or 0 if the size is known only at run time. A program that always
// sends one type knows the size at compile time, so the common small sizes are compile-time constants here.
template <size_t kBytes>
struct Outgoing {
  uint64_t first;
  size_t run_time_bytes;

  size_t bytes() const { return kBytes != 0 ? kBytes : run_time_bytes; }
  // Writes the message to `to`, which is 8-aligned and has room for bytes().
  void Fill(void* to) const {
    auto* words = static_cast<uint64_t*>(__builtin_assume_aligned(to, 8));
    const size_t count = bytes() / 8;
    words[0] = first;
    for (size_t i = 1; i < count; ++i) words[i] = first + i;
  }
};

// A message that was received.
template <size_t kBytes>
struct Incoming {
  uint64_t first = 0;
  bool intact = false;

  // Reads and checks every byte. `prepared` means that the sender copied a prepared buffer, of which only the
  // first word differs between messages.
  static Incoming Read(const void* from, size_t run_time_bytes, bool prepared) {
    const auto* words = static_cast<const uint64_t*>(__builtin_assume_aligned(from, 8));
    const size_t count = (kBytes != 0 ? kBytes : run_time_bytes) / 8;
    Incoming in;
    in.first = words[0];
    if (count == 1) {
      in.intact = true;
      return in;
    }
    const uint64_t base = prepared ? words[1] - 1 : in.first;
    uint64_t wrong = 0;
    for (size_t i = 1; i < count; ++i) wrong |= words[i] ^ (base + i);
    in.intact = wrong == 0;
    return in;
  }
};

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_HARNESS_PAYLOAD_H_
