// SPDX-License-Identifier: Apache-2.0
// Functions that check_straight_path.sh must report (planted_*), and one that it must accept (fine_cold).
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace {
std::atomic<uint64_t> word;
uint64_t plain;
void (*pointer)();
// Prevents a tail call in the statement before it.
inline void Then() { asm volatile("nop"); }
}  // namespace

extern "C" {

[[gnu::noinline]] void elsewhere() { asm volatile(""); }
[[gnu::noinline, gnu::cold]] void rarely() { asm volatile(""); }

void planted_fence() {
  plain = 1;
  std::atomic_thread_fence(std::memory_order_seq_cst);
  plain = 2;
}
void planted_mfence() { __builtin_ia32_mfence(); }
void planted_lfence() { __builtin_ia32_lfence(); }
void planted_sfence() { __builtin_ia32_sfence(); }
void planted_seq_cst_store() { word.store(1); }
void planted_exchange() { plain = word.exchange(2, std::memory_order_relaxed); }
void planted_add() { word.fetch_add(1, std::memory_order_relaxed); }
void planted_call() {
  elsewhere();
  Then();
}
void planted_tail_call() { elsewhere(); }
void planted_indirect_call() {
  pointer();
  Then();
}
void planted_indirect_tail_call() { pointer(); }
void planted_memcpy(std::byte* to, const std::byte* from, size_t bytes) {  // a fault unless memcpy is allowed
  std::memcpy(to, from, bytes);
  Then();
}
void planted_call_on_a_branch(bool branch) {  // not cold: one of two equal ways
  if (branch) elsewhere();
  Then();
}
void planted_system_call() { asm volatile("syscall" : : "a"(39) : "rcx", "r11", "memory"); }

// A fence and a call, both after a jump to the cold section.
uint64_t fine_cold(uint64_t value) {
  if (value == 7) [[unlikely]] {
    rarely();
    std::atomic_thread_fence(std::memory_order_seq_cst);
  }
  word.store(value, std::memory_order_release);
  return value + 1;
}
}

int main() {}
