// What the processes of a run write down about themselves, outside the ring: anonymous shared memory, so that
// what a killed one wrote stays readable and its successor can account for it.
#ifndef MILLRACE_TOOLS_STRESS_LEDGER_H_
#define MILLRACE_TOOLS_STRESS_LEDGER_H_

#include <atomic>
#include <cstdint>
#include <string>

#include "tools/stress/settings.h"

namespace millrace::stress {

// One consumer's reading, over as many processes as it took. start + received + lost + skipped = next.
struct Account {
  uint64_t start = 0, next = 0;  // sequences
  uint64_t received = 0, lost = 0, skipped = 0;
};

// An account that a kill at any instruction leaves whole: written beside the valid one, then made valid.
class Book {
 public:
  Account Read() const { return pages_[current_.load(std::memory_order_acquire)]; }
  void Write(const Account& account) {
    const uint32_t other = 1 - current_.load(std::memory_order_relaxed);
    pages_[other] = account;
    current_.store(other, std::memory_order_release);
  }

 private:
  Account pages_[2];
  std::atomic<uint32_t> current_{0};
};

using Count = std::atomic<uint64_t>;

struct ConsumerSheet {
  Book book;
  std::atomic<bool> resumes{false};   // the account is to be gone on with
  std::atomic<bool> finished{false};  // read everything there ever was
  Count handles{0}, accounts{0}, received{0}, lost{0}, skipped{0}, overruns{0}, evicted{0}, late_wakeups{0};
  Count discarded{0};  // looked at in place, evicted meanwhile, and told so by StillIntact()
};

struct GroupSheet {
  Count handles{0}, received{0}, again{0}, evicted{0}, discarded{0}, late_wakeups{0};
};

// Which messages were given to which group. A byte a message, touched only where there were some.
class Given {
 public:
  static constexpr uint64_t kMost = uint64_t{1} << 30;  // messages; publishing ends there
  bool Create();
  // false: it was noted before that it came for the first time.
  bool Note(uint64_t sequence, Group group, bool first) {
    const auto bits = static_cast<uint8_t>(Came(group) | (first ? First(group) : 0));
    const uint8_t before = bytes_[sequence].fetch_or(bits, std::memory_order_relaxed);
    return !first || (before & First(group)) == 0;
  }
  bool Has(uint64_t sequence, Group group) const {
    return (bytes_[sequence].load(std::memory_order_relaxed) & Came(group)) != 0;
  }

 private:
  static uint8_t Came(Group group) { return static_cast<uint8_t>(1 << 2 * static_cast<int>(group)); }
  static uint8_t First(Group group) { return static_cast<uint8_t>(2 << 2 * static_cast<int>(group)); }
  std::atomic<uint8_t>* bytes_ = nullptr;
};

struct ProducerSheet {
  std::atomic<uint64_t> owner{0};                // the life that publishes
  std::atomic<uint64_t> begun{0}, committed{0};  // ends of the sequences that may be, and that are published
  std::atomic<uint64_t> batch_from{0}, batch_to{0};  // sequences of the batch that is being made; equal: none
  Count handles{0}, closed{0}, aborted{0}, dropped{0}, blocked{0}, batches{0};
};

struct Ledger {
  ProducerSheet producer;
  ConsumerSheet consumers[kMostConsumers * kKinds];
  GroupSheet groups[kGroups];
  std::atomic<bool> members_finished[kMostMembers * kGroups] = {};
  Given given;
  std::atomic<bool> ending{false};  // no more trouble: publish nothing, read what is there
  std::atomic<bool> ended{false};   // the last producer has closed the ring

  static constexpr uint64_t kTexts = 16;
  static constexpr size_t kTextBytes = 400;
  Count violations{0};
  char texts[kTexts][kTextBytes] = {};

  static Ledger* Create();                  // nullptr: no memory
  void Violation(const std::string& what);  // writes it down
};

// Descriptors open in this process.
int CountDescriptors();

}  // namespace millrace::stress

#endif  // MILLRACE_TOOLS_STRESS_LEDGER_H_
