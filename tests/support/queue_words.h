// SPDX-License-Identifier: Apache-2.0
// The words of a queue in shared memory, mapped a second time next to the library's mapping. With them a test
// can see that a process sleeps, copy what a crash left, and damage any byte.
#ifndef MILLRACE_TESTS_SUPPORT_QUEUE_WORDS_H_
#define MILLRACE_TESTS_SUPPORT_QUEUE_WORDS_H_

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "millrace/internal/layout.h"

namespace millrace::testing {

class MappedFile {
 public:
  explicit MappedFile(const std::string& path) {
    const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
    struct stat facts {};
    if (fd < 0 || fstat(fd, &facts) != 0) abort();
    bytes_ = static_cast<size_t>(facts.st_size);
    void* const at = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) abort();
    data_ = static_cast<std::byte*>(at);
    close(fd);
  }
  MappedFile(const MappedFile&) = delete;
  ~MappedFile() { munmap(data_, bytes_); }
  std::byte* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  std::byte* data_ = nullptr;
  size_t bytes_ = 0;
};

class QueueWords {
 public:
  // `stem` is the directory and name, without suffix.
  explicit QueueWords(const std::string& stem) : ring_(stem + ".ring"), seats_(stem + ".seats") {}

  MappedFile& ring_file() { return ring_; }
  MappedFile& seats_file() { return seats_; }
  internal::RingHeader& header() const { return *reinterpret_cast<internal::RingHeader*>(ring_.data()); }
  internal::RingControl& control() const {
    return *reinterpret_cast<internal::RingControl*>(ring_.data() + internal::kRingControlOffset);
  }
  std::byte* data() const { return ring_.data() + internal::kRingDataOffset; }
  internal::SeatsControl& seats() const { return *reinterpret_cast<internal::SeatsControl*>(seats_.data()); }
  internal::Seat& seat(uint32_t i) const {
    return reinterpret_cast<internal::Seat*>(seats_.data() + internal::kSeatsOffset)[i];
  }

  // Returns once a consumer has announced that it is about to sleep. The caller's watchdog bounds the wait.
  void AwaitSleeper() const { Await(seats().sleeper.sleepers); }
  // Returns once the producer has announced that it waits for room.
  void AwaitBlockedProducer() const { Await(seats().room_waiting.waiting); }

 private:
  static void Await(uint32_t& word) {
    while (std::atomic_ref<uint32_t>(word).load(std::memory_order_acquire) == 0) sched_yield();
  }
  MappedFile ring_, seats_;
};

}  // namespace millrace::testing

#endif  // MILLRACE_TESTS_SUPPORT_QUEUE_WORDS_H_
