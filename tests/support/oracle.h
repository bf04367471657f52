// SPDX-License-Identifier: Apache-2.0
// Messages that validate themselves: their bytes follow from sequence and length.
//
// Check rejects a torn, stale or misplaced message. A test that only added up numbers would not notice one.
#ifndef MILLRACE_TESTS_SUPPORT_ORACLE_H_
#define MILLRACE_TESTS_SUPPORT_ORACLE_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace millrace::testing {

inline uint64_t Mix(uint64_t x) {  // splitmix64's finaliser (Steele, Lea, Flood 2014)
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

class Oracle {
 public:
  explicit Oracle(uint64_t seed = 1, size_t least = 16, size_t most = 200)
      : seed_(seed), least_(least), most_(most) {}

  size_t SizeOf(uint64_t sequence) const { return least_ + Mix(seed_ ^ sequence) % (most_ - least_ + 1); }

  void Fill(uint64_t sequence, std::span<std::byte> to) const {
    for (size_t i = 0; i < to.size(); i += 8) {
      const uint64_t word = WordAt(sequence, i, to.size());
      std::memcpy(to.data() + i, &word, to.size() - i < 8 ? to.size() - i : 8);
    }
  }
  std::vector<std::byte> Make(uint64_t sequence) const {
    std::vector<std::byte> message(SizeOf(sequence));
    Fill(sequence, message);
    return message;
  }
  bool Check(uint64_t sequence, std::span<const std::byte> message) const {
    if (message.size() != SizeOf(sequence)) return false;
    for (size_t i = 0; i < message.size(); i += 8) {
      const uint64_t word = WordAt(sequence, i, message.size());
      if (std::memcmp(message.data() + i, &word, message.size() - i < 8 ? message.size() - i : 8) != 0)
        return false;
    }
    return true;
  }

 private:
  uint64_t WordAt(uint64_t sequence, size_t i, size_t bytes) const {
    return Mix(seed_ * 0x2545f4914f6cdd1dull + sequence * 31 + i) ^ bytes;
  }
  uint64_t seed_;
  size_t least_, most_;
};

}  // namespace millrace::testing

#endif  // MILLRACE_TESTS_SUPPORT_ORACLE_H_
