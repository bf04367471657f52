// SPDX-License-Identifier: Apache-2.0
#include "benches/harness/shared_memory.h"

#include <algorithm>
#include <vector>

#ifndef MADV_POPULATE_WRITE  // Linux 5.14
#define MADV_POPULATE_WRITE 23
#endif

namespace millrace::bench {
namespace {

std::vector<const SharedMemory*>& All() {
  static std::vector<const SharedMemory*> all;
  return all;
}

}  // namespace

SharedMemory::SharedMemory(size_t bytes)
    : bytes_(bytes),
      at_(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0)) {
  if (at_ == MAP_FAILED) throw std::runtime_error("mmap of shared memory failed");
  All().push_back(this);
}

SharedMemory::~SharedMemory() {
  munmap(at_, bytes_);
  std::erase(All(), this);
}

void SharedMemory::TouchAll() {
  // On a kernel without this call, the page faults happen during the warm-up.
  for (const SharedMemory* memory : All()) madvise(memory->at_, memory->bytes_, MADV_POPULATE_WRITE);
}

void SharedMemory::ForbidWriting() {
  if (mprotect(at_, bytes_, PROT_READ) != 0) throw std::runtime_error("mprotect of shared memory failed");
}

}  // namespace millrace::bench
