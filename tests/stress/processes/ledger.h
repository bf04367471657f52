// SPDX-License-Identifier: Apache-2.0
// What the processes of a run record about themselves, outside the ring. The ledger is anonymous shared
// memory. So the record of a killed process stays readable, and its successor can account for it.
#ifndef MILLRACE_TESTS_STRESS_PROCESSES_LEDGER_H_
#define MILLRACE_TESTS_STRESS_PROCESSES_LEDGER_H_

#include <atomic>
#include <cstdint>
#include <string>

#include "tests/stress/processes/settings.h"

namespace millrace::stress {

// What one consumer has read, over all its processes. start + received + lost + skipped = next.
struct Account {
  uint64_t start = 0, next = 0;  // sequences
  uint64_t received = 0, lost = 0, skipped = 0;
};

// Holds an account that a kill at any instruction leaves whole: Write fills the other page, then makes it
// valid.
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
  std::atomic<bool> resumes{false};   // the next process continues the account
  std::atomic<bool> finished{false};  // everything ever published was read
  Count handles{0}, accounts{0}, received{0}, lost{0}, skipped{0}, overruns{0}, evicted{0}, late_wakeups{0};
  Count discarded{0};  // evicted while it looked at a message in place, as StillIntact() reported
};

struct GroupSheet {
  Count handles{0}, received{0}, again{0}, evicted{0}, discarded{0}, late_wakeups{0};
};

// Which messages were given to which group. One byte a message; only bytes of messages given are touched.
class Given {
 public:
  static constexpr uint64_t kMost = uint64_t{1} << 30;  // in messages; publishing ends there
  bool Create();
  // Notes that a message was given to a group. Returns false if this is a first delivery and another first
  // delivery was already noted.
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
  std::atomic<uint64_t> owner{0};  // the life that publishes
  // The sequences after the last message that may be published, and after the last that is.
  std::atomic<uint64_t> begun{0}, committed{0};
  // The sequences of the batch that is being made. Equal if there is none.
  std::atomic<uint64_t> batch_from{0}, batch_to{0};
  Count handles{0}, closed{0}, aborted{0}, dropped{0}, blocked{0}, batches{0};
};

struct Ledger {
  ProducerSheet producer;
  ConsumerSheet consumers[kMostConsumers * kKinds];
  GroupSheet groups[kGroups];
  std::atomic<bool> members_finished[kMostMembers * kGroups] = {};
  Given given;
  std::atomic<bool> ending{false};  // no more trouble: publish nothing, read the rest
  std::atomic<bool> ended{false};   // the last producer has closed the ring

  static constexpr uint64_t kTexts = 16;
  static constexpr size_t kTextBytes = 400;
  Count violations{0};
  char texts[kTexts][kTextBytes] = {};

  static Ledger* Create();                  // nullptr: no memory
  void Violation(const std::string& what);  // records it
};

// Returns how many descriptors are open in this process.
int CountDescriptors();

}  // namespace millrace::stress

#endif  // MILLRACE_TESTS_STRESS_PROCESSES_LEDGER_H_
