// The page that the demo's processes share with the picture: who got how far.
//
// Anonymous MAP_SHARED memory made before the first fork, so it outlives each of them. Every word has one
// writer; all accesses are relaxed except the one that makes a checkpoint count.
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

// What a consumer has to show for itself. All it needs to go on after kill -9.
struct Tally {
  uint64_t next = 0;                             // sequence of the message it reads next
  uint64_t received = 0, lost = 0, damaged = 0;  // messages
  uint64_t bytes = 0;                            // of the file
  uint64_t crc = kCrcStart;                      // of the file up to here, while nothing is lost
};

// Keeps a tally whole although its writer may be killed at any instruction: it writes the slot that does not
// count and then makes that one count. Read by others meanwhile, two neighbouring tallies may mix (good
// enough for a picture); once the writer is gone, the answer is exact.
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

// What a process says before it gives up; read after it has ended.
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
  std::atomic<bool> started{false};      // the consumers that it must wait for are there
  std::atomic<bool> done{false};         // closed: the whole file is published
  std::atomic<uint64_t> published{0};    // messages
  std::atomic<uint64_t> bytes{0};        // of the file
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

  // Never unmapped: the processes end with it. Null: no memory.
  static Scoreboard* Create() {
    void* page = mmap(nullptr, sizeof(Scoreboard), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? nullptr : new (page) Scoreboard;
  }
};

}  // namespace demo

#endif  // MILLRACE_EXAMPLES_DEMO_SCOREBOARD_H_
