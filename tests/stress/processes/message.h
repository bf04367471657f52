// SPDX-License-Identifier: Apache-2.0
// Messages that validate themselves: length and every byte follow from the seed and the sequence number.
//
// A torn, stale or misplaced message fails Check. A program that only added up numbers would not notice it.
#ifndef MILLRACE_TESTS_STRESS_PROCESSES_MESSAGE_H_
#define MILLRACE_TESTS_STRESS_PROCESSES_MESSAGE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "tests/stress/processes/random.h"

namespace millrace::stress {

class Messages {
 public:
  Messages(uint64_t seed, size_t most) : seed_(seed), most_(most) {}

  // Returns mostly short sizes, some of a page, a few up to the maximum, and a few tiny or empty.
  size_t SizeOf(uint64_t sequence) const {
    const uint64_t random = Mix(seed_ ^ sequence), kind = random % 1000;
    const size_t bound = kind < 700 ? 256 : kind < 980 ? 4096 : kind < 990 ? 8 : most_;
    return (random >> 10) % (std::min(bound, most_) + 1);
  }
  void Fill(uint64_t sequence, std::span<std::byte> to) const {
    uint64_t state = Mix(seed_ + sequence * 0x2545f4914f6cdd1dull) ^ to.size();
    for (size_t i = 0; i < to.size(); i += sizeof(uint64_t)) {
      const uint64_t word = Step(state);
      std::memcpy(to.data() + i, &word, std::min(sizeof word, to.size() - i));
    }
  }
  bool Check(uint64_t sequence, std::span<const std::byte> message) const {
    if (message.size() != SizeOf(sequence)) return false;
    uint64_t state = Mix(seed_ + sequence * 0x2545f4914f6cdd1dull) ^ message.size();
    for (size_t i = 0; i < message.size(); i += sizeof(uint64_t)) {
      const uint64_t word = Step(state);
      if (std::memcmp(message.data() + i, &word, std::min(sizeof word, message.size() - i)) != 0)
        return false;
    }
    return true;
  }

 private:
  static uint64_t Step(uint64_t& state) {
    state += 0x9e3779b97f4a7c15ull;
    return state ^ (state >> 29);
  }
  uint64_t seed_;
  size_t most_;
};

}  // namespace millrace::stress

#endif  // MILLRACE_TESTS_STRESS_PROCESSES_MESSAGE_H_
