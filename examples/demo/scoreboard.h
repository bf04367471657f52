// SPDX-License-Identifier: Apache-2.0
// The progress of each of the demo's processes, in memory that they share with the picture.
//
// The memory is anonymous and MAP_SHARED. It is mapped before the first fork, so it outlives each child.
// Every word has one writer. All accesses are relaxed except those to the word that makes a checkpoint valid.
#ifndef MILLRACE_EXAMPLES_DEMO_SCOREBOARD_H_
#define MILLRACE_EXAMPLES_DEMO_SCOREBOARD_H_

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>
#include <string_view>

#include "chunk.h"

namespace demo {

// A consumer's counts, which are also all that it needs to continue after kill -9.
struct Tally {
  uint64_t next = 0;                             // sequence of the next message to read
  uint64_t received = 0, lost = 0, damaged = 0;  // numbers of messages
  uint64_t bytes = 0;                            // bytes of the file received
  uint64_t crc = kCrcStart;                      // CRC of the file so far, if nothing was lost
};

// Keeps a tally intact although its writer may be killed at any instruction. The writer fills the slot that
// is not current, and then makes it current. If another process loads while the writer saves, it may see a
// mixture of two successive tallies, which is good enough for a picture. After the writer is gone, Load is
// exact.
class Checkpoint {
 public:
  void Save(const Tally& tally) {
    const auto words = std::bit_cast<Words>(tally);
    const uint64_t version = version_.load(std::memory_order_relaxed) + 1;
    for (size_t i = 0; i < words.size(); ++i)
      slots_[version % 2][i].store(words[i], std::memory_order_relaxed);
    version_.store(version, std::memory_order_release);
  }
  Tally Load() const {
    const uint64_t version = version_.load(std::memory_order_acquire);
    Words words;
    for (size_t i = 0; i < words.size(); ++i)
      words[i] = slots_[version % 2][i].load(std::memory_order_relaxed);
    return std::bit_cast<Tally>(words);
  }

 private:
  using Words = std::array<uint64_t, sizeof(Tally) / sizeof(uint64_t)>;
  std::atomic<uint64_t> version_{0};
  std::atomic<uint64_t> slots_[2][std::tuple_size_v<Words>];
};

// The reason why a process gave up. It is read after the process has ended.
class LastWords {
 public:
  void Say(std::string_view words) {
    const size_t n = std::min(words.size(), sizeof text_ - 1);
    std::copy_n(words.data(), n, text_);
    text_[n] = '\0';
  }
  std::string_view Heard() const { return text_; }

 private:
  char text_[400] = "";
};

struct ProducerRow {
  std::atomic<bool> started{false};      // the lossless consumers have joined
  std::atomic<bool> done{false};         // the whole file is published and the ring closed
  std::atomic<uint64_t> published{0};    // number of messages
  std::atomic<uint64_t> bytes{0};        // bytes of the file published
  std::atomic<uint64_t> nanoseconds{0};  // from the first to the last message
  LastWords last_words;
};

struct ConsumerRow {
  ConsumerRow() { checkpoint.Save({}); }
  Checkpoint checkpoint;
  LastWords last_words;
};

inline constexpr size_t kConsumers = 3;

struct Scoreboard {
  ProducerRow producer;
  std::array<ConsumerRow, kConsumers> consumers;

  // Returns null if there is no memory. The memory stays mapped until the process ends.
  static Scoreboard* Create() {
    void* page = mmap(nullptr, sizeof(Scoreboard), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? nullptr : new (page) Scoreboard;
  }
};

}  // namespace demo

#endif  // MILLRACE_EXAMPLES_DEMO_SCOREBOARD_H_
