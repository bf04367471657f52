// SPDX-License-Identifier: Apache-2.0
// The atomics policy of the real library.
//
// The code of ring and parking is templates over such a policy, so that a checker can run the same code under
// a memory model of its own. A policy sees every access to a shared word, with its order and its label
// (Site). This policy turns each access into a plain atomic instruction and ignores the label.
#ifndef MILLRACE_INTERNAL_ATOMICS_H_
#define MILLRACE_INTERNAL_ATOMICS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "millrace/internal/layout.h"

#if defined(__SANITIZE_THREAD__)
#define MILLRACE_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MILLRACE_THREAD_SANITIZER 1
#endif
#endif
#ifndef MILLRACE_THREAD_SANITIZER
#define MILLRACE_THREAD_SANITIZER 0
#endif

namespace millrace::internal {

// Labels of the accesses that order anything, one each. protocol/memory_order.md is their table. X marks
// words for people, which order nothing.
enum class Site : uint8_t {
  P1,
  P2,
  P3,
  P4,
  P5,
  P6,
  P7,
  P8,
  P9,
  P10,
  C1,
  C2,
  C3,
  C4,
  C5,
  C6,
  S1,
  S2,
  S3,
  S4,
  T1,
  T2,
  T3,
  R1,
  R2,
  R3,
  R4,
  R5,
  R6,
  R7,
  R8,
  R9,
  R10,
  R11,
  R12,
  K1,
  K2,
  K3,
  K4,
  K5,
  K6,
  K7,
  K8,
  K9,
  K10,
  J1,
  J2,
  J3,
  J4,
  J5,
  J6,
  J7,
  J8,
  G1,
  G2,
  G3,
  G4,
  G5,
  G6,
  G7,
  G8,
  G9,
  G10,
  G11,
  G12,
  G13,
  G14,
  E1,
  E2,
  W1,
  W2,
  W3,
  W4,
  W5,
  W6,
  B1,
  B2,
  B3,
  F1,
  F2,
  F3,
  F4,
  O1,
  O2,
  X,
};

struct RealAtomics {
  template <class T>
  static T Load(const T& word, std::memory_order order, Site) noexcept {
    return std::atomic_ref<T>(const_cast<T&>(word)).load(order);  // atomic_ref<const T> is C++26
  }
  template <class T>
  static void Store(T& word, T value, std::memory_order order, Site) noexcept {
    std::atomic_ref<T>(word).store(value, order);
  }
  template <class T>
  static T Exchange(T& word, T value, std::memory_order order, Site) noexcept {
    return std::atomic_ref<T>(word).exchange(value, order);
  }
  template <class T>
  static T Add(T& word, T value, std::memory_order order, Site) noexcept {
    return std::atomic_ref<T>(word).fetch_add(value, order);
  }
  template <class T>
  static bool CompareExchange(T& word, T& expected, T desired, std::memory_order order, Site) noexcept {
    return std::atomic_ref<T>(word).compare_exchange_strong(expected, desired, order,
                                                            std::memory_order_acquire);
  }

#if MILLRACE_THREAD_SANITIZER
  // ThreadSanitizer does not follow bare fences, so here a fence is a read-modify-write of one word.
  static void Fence(std::memory_order, Site) noexcept { fence_word.fetch_add(1, std::memory_order_seq_cst); }
  static inline std::atomic<uint64_t> fence_word{0};
#else
  static void Fence(std::memory_order order, Site) noexcept { std::atomic_thread_fence(order); }
#endif
  // Keeps the compiler from moving accesses across it. The sleeper's membarrier does the same for the CPU.
  static void CompilerBarrier(Site) noexcept { std::atomic_signal_fence(std::memory_order_seq_cst); }

  // Copies payload into the ring. A lossy reader may load these bytes at the same time; it then discards
  // them. Formally this is a race, confined to CopyIn and CopyOut. The sanitizer's build stores relaxed words
  // here, and those it checks.
  // A small message is copied word by word. Its sender has usually just stored it word by word, and a CPU
  // cannot forward narrow stores to a wider load such as memcpy's [NOTES copy-words].
  static void CopyIn(std::byte* to, const void* from, size_t bytes) noexcept {
#if MILLRACE_THREAD_SANITIZER
    for (size_t i = 0; i < bytes; i += sizeof(uint64_t)) {
      uint64_t word = 0;
      std::memcpy(&word, static_cast<const std::byte*>(from) + i, bytes - i < 8 ? bytes - i : 8);
      std::atomic_ref<uint64_t>(*reinterpret_cast<uint64_t*>(to + i)).store(word, std::memory_order_relaxed);
    }
#else
    if (__builtin_constant_p(bytes) || bytes > kMostCopiedByWords) {
      if (bytes != 0) std::memcpy(to, from, bytes);
      return;
    }
    const auto* const words = static_cast<const std::byte*>(from);
    size_t i = 0;
    for (; i + 8 <= bytes; i += 8) CopyWord<uint64_t>(to + i, words + i);
    if ((bytes & 4) != 0) CopyWord<uint32_t>(to + i, words + i);
    i += bytes & 4;
    if ((bytes & 2) != 0) CopyWord<uint16_t>(to + i, words + i);
    i += bytes & 2;
    if ((bytes & 1) != 0) to[i] = words[i];
#endif
  }
  // Stores zeros into the ring, whole words. A reader that may take one of them for a header has seen a
  // header that was stored later. For any other reader the zero is a byte of a later lap, as in CopyIn.
  // Not inlined: its caller is cold, and there GCC would make bytewise instructions of it.
  [[gnu::noinline]] static void Clear(std::byte* at, size_t bytes) noexcept {
#if MILLRACE_THREAD_SANITIZER
    for (size_t i = 0; i < bytes; i += sizeof(uint64_t)) {
      std::atomic_ref<uint64_t>(*reinterpret_cast<uint64_t*>(at + i)).store(0, std::memory_order_relaxed);
    }
#else
    std::memset(at, 0, bytes);
#endif
  }
  // Copies payload out of the ring in whole words, because a frame is a multiple of 8 bytes. Requires that
  // `to` has room for the last whole word.
  static void CopyOut(std::byte* to, const std::byte* from, size_t bytes) noexcept {
    for (size_t i = 0; i < bytes; i += sizeof(uint64_t)) {
      const uint64_t word =
          std::atomic_ref<uint64_t>(*const_cast<uint64_t*>(reinterpret_cast<const uint64_t*>(from + i)))
              .load(std::memory_order_relaxed);
      std::memcpy(to + i, &word, sizeof word);
    }
  }

 private:
  static constexpr size_t kMostCopiedByWords = 128;
  template <class Word>
  static void CopyWord(std::byte* to, const std::byte* from) noexcept {
    Word word;
    std::memcpy(&word, from, sizeof word);
    asm("" : "+r"(word));  // otherwise GCC turns the loop into memcpy
    std::memcpy(to, &word, sizeof word);
  }
};

// Prefetches a cache line for writing; does not wait for it. Assembly, because GCC's builtin prefetches for
// reading unless it compiles for a newer CPU. Does nothing on a CPU without this instruction.
inline void FetchToWrite(const std::byte* at) noexcept {
#if defined(__x86_64__)
  asm volatile("prefetchw %0" : : "m"(*at));
#else
  __builtin_prefetch(at, 1);
#endif
}

// Pauses inside a spin, so that the core's other hyperthread gets the execution units.
inline void CpuPause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");
#endif
}

}  // namespace millrace::internal

#endif  // MILLRACE_INTERNAL_ATOMICS_H_
