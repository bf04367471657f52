// SPDX-License-Identifier: Apache-2.0
// The weak memory that the checked code runs on: C++ release/acquire, relaxed accesses and fences, by views.
//
// Purpose: every word keeps all values ever stored in it, in modification order. A thread's view gives, for
// each word, the oldest value that the thread may still read. A load may return that value or any newer one.
// A release attaches the view to the stored value; an acquire takes the view over. This is the operational
// form of C++20's memory model without load buffering (a load never returns a value that another thread
// stores later because of that load). The orders used here forbid that shape wherever it could matter, see
// README.md.
//
// Happens-before is kept apart from the views, as vector clocks. Sequentially consistent fences order values
// but do not by themselves make plain accesses race-free.
#ifndef MILLRACE_TESTS_CHECKER_ENGINE_MEMORY_H_
#define MILLRACE_TESTS_CHECKER_ENGINE_MEMORY_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace millrace::checker {

inline constexpr uint32_t kThreads = 6;
inline constexpr uint32_t kWords = 1280;  // words that one scenario may touch
using Stamp = uint16_t;                   // place in a word's modification order; only compared
inline constexpr Stamp kStampGap = 16;    // room for stores that take their place before existing ones

struct View {
  uint32_t words;            // known when the view was made; it knows nothing of later words
  uint32_t clock[kThreads];  // happens-before: this much of each thread
  Stamp seen[kWords];
};

struct Value {
  uint64_t bits;
  const View* view;  // what an acquiring reader learns; null: nothing
  uint32_t clock;    // clock of its writer when it was stored
  Stamp stamp;
  uint8_t writer;
  bool by_rmw;  // follows its predecessor immediately, forever
};

constexpr bool Acquires(std::memory_order o) {
  return o == std::memory_order_acquire || o == std::memory_order_acq_rel || o == std::memory_order_seq_cst;
}
constexpr bool Releases(std::memory_order o) {
  return o == std::memory_order_release || o == std::memory_order_acq_rel || o == std::memory_order_seq_cst;
}

// One execution's memory. The caller makes the choices: LoadChoices and StoreChoices return how many there
// are.
class Memory {
 public:
  // `arena`: the bytes that contain the words. Their initial values are read from there and never written
  // back.
  Memory(const std::byte* arena, size_t bytes);

  void Reload();  // takes new initial values, after the arena was written
  void Reset();   // back to the initial values, all threads at the beginning

  bool Covers(const void* address) const {
    const ptrdiff_t offset = static_cast<const std::byte*>(address) - arena_;
    return offset >= 0 && static_cast<size_t>(offset) < number_.size() * 4;
  }
  // Returns the number of a word, which is stable over executions.
  uint32_t WordAt(const void* address, uint32_t bytes);
  const void* AddressOf(uint32_t word) const { return arena_ + offsets_[word]; }
  // Do the newest `values` values of two words, pair by pair, give a reader the same views?
  bool TellTheSame(uint32_t a, uint32_t b, uint32_t values) const;

  // Loads. Choice 0 is the newest value, choices - 1 the oldest that this thread may still read.
  uint32_t LoadChoices(uint32_t thread, uint32_t word) const;
  const Value& Load(uint32_t thread, uint32_t word, std::memory_order order, uint32_t choice);
  const Value& Newest(uint32_t word) const { return words_[word].back(); }

  // Stores. Choice 0 is the end of the modification order, n the n-th free place before it.
  uint32_t StoreChoices(uint32_t thread, uint32_t word) const;
  void Store(uint32_t thread, uint32_t word, uint64_t bits, std::memory_order order, uint32_t choice);

  // Reads the newest value and replaces it.
  uint64_t Replace(uint32_t thread, uint32_t word, uint64_t bits, std::memory_order order);

  void Fence(uint32_t thread, std::memory_order order);
  void SeqCstFence(uint32_t thread);

  // Reads a word plainly. Returns false if the word's newest value does not happen before this read (a race).
  bool PlainRead(uint32_t thread, uint32_t word, uint64_t* bits);
  // Returns a thread whose plain read of this word a store by `thread` would race with, or -1.
  int RacingReader(uint32_t thread, uint32_t word) const;

  // Synchronisation other than through words: kernel locks, futex queues, the birth of a thread.
  void Give(uint32_t thread, View* to) const;
  void Take(uint32_t thread, const View& from);

  void Tick(uint32_t thread) { ++threads_[thread].now.clock[thread]; }
  uint32_t ClockOf(uint32_t thread) const { return threads_[thread].now.clock[thread]; }
  void Clear(View* view) const;

  // ---- recognising a state (state_hash.cc) ----------------------------------------------------------------
  // Hashes the state. Equal states have equal futures; what no thread can see any more makes no difference.
  // `live`: the threads that will load again, as bits.
  // `views`: the threads whose knowledge can still reach others, as bits: live ones, and dead ones that a
  // membarrier interrupts.
  // `concerns`: by word, the threads that will access it again.
  struct Seen {
    const View* view;
    uint64_t as;  // tag of the owner
  };
  uint64_t Canonical(uint32_t live, uint32_t views, const std::vector<uint8_t>& concerns,
                     const std::vector<Seen>& others);
  const std::vector<uint32_t>& touched() const { return touched_; }  // words that were changed or accessed
  // Records that a plain access may race with this word. From then on it matters when the word was written.
  void MayRace(uint32_t word) {
    if (!may_race_[word]) unforeseen_ = may_race_[word] = true;
  }
  bool TakeSurprise() {  // was there a word that earlier hashes took for race-free?
    const bool was = unforeseen_;
    unforeseen_ = false;
    return was;
  }

 private:
  struct ThreadViews {
    View now;       // what its loads must respect
    View pending;   // learnt by relaxed loads; an acquire fence makes it count
    View released;  // as of the last release fence: attached to relaxed stores
    const View* released_copy = nullptr;
  };
  const View* Snapshot(const View& view);
  const View* Attached(uint32_t thread, std::memory_order order, const View* also);
  void Join(View* to, const View& from, bool clocks = true) const;
  void Copy(View* to, const View& from) const;
  void Touch(uint32_t word);
  void FindReadable(const std::vector<uint8_t>& concerns);
  void FindEvents(uint32_t live);
  uint64_t HashOf(const View& view, const View* at_least);
  uint64_t HashOfValue(const View* view);

  const std::byte* arena_;
  std::vector<uint16_t> number_;   // by offset / 4; 0: none yet
  std::vector<uint32_t> offsets_;  // by word
  std::vector<uint8_t> sizes_;
  std::vector<std::vector<Value>> words_;
  std::vector<std::array<uint32_t, kThreads>> plain_reads_;  // by word: clock of each thread's last one
  std::vector<bool> may_race_;                               // by word
  bool unforeseen_ = false;
  std::vector<uint32_t> touched_;  // words whose state differs from the initial one, in order
  std::vector<bool> is_touched_;
  ThreadViews threads_[kThreads];
  View seq_cst_;
  std::vector<std::unique_ptr<View>> pool_;
  size_t pool_used_ = 0;

  // Parts of the state being hashed.
  struct Readable {
    uint32_t word;
    uint32_t from;  // its values from this one on can still be read
  };
  std::vector<Readable> readable_;                  // of touched words
  std::vector<const std::vector<Value>*> several_;  // words with more than one readable value, ...
  std::vector<uint32_t> several_words_;             // ... their numbers
  std::vector<uint32_t> several_from_;
  std::vector<uint32_t> events_[kThreads];  // clocks of plain accesses unknown to some live thread
  std::vector<std::pair<const View*, uint64_t>> value_hashes_;
};

inline uint64_t MixBits(uint64_t x) {  // splitmix64's finaliser
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

}  // namespace millrace::checker

#endif  // MILLRACE_TESTS_CHECKER_ENGINE_MEMORY_H_
