// What check_straight_path.sh must find, one function each, and what it must let pass.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace {
std::atomic<uint64_t> word;
uint64_t plain;
void (*pointer)();
inline void Then() { asm volatile("nop"); }  // so that what is before it is no tail call
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
void planted_memcpy(std::byte* to, const std::byte* from, size_t bytes) {  // only where it is allowed
  std::memcpy(to, from, bytes);
  Then();
}
void planted_call_on_a_branch(bool branch) {  // not cold: just one of two ways
  if (branch) elsewhere();
  Then();
}
void planted_system_call() { asm volatile("syscall" : : "a"(39) : "rcx", "r11", "memory"); }

// A fence and a call, both behind a jump to the cold section.
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
