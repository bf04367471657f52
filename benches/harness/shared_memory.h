// SPDX-License-Identifier: Apache-2.0
// Anonymous memory that forked children share. All its pages are touched in advance.
#ifndef MILLRACE_BENCHES_HARNESS_SHARED_MEMORY_H_
#define MILLRACE_BENCHES_HARNESS_SHARED_MEMORY_H_

#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <stdexcept>

namespace millrace::bench {

class SharedMemory {
 public:
  explicit SharedMemory(size_t bytes);
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  // Touches the pages of all such memory. A child inherits the memory but not its page table entries, so each
  // child calls this before its measurement.
  static void TouchAll();
  // Makes the memory read-only in this process.
  void ForbidWriting();

  std::byte* at(size_t offset = 0) const { return static_cast<std::byte*>(at_) + offset; }

 private:
  size_t bytes_;
  void* at_;
};

// One object of type T in shared memory.
template <class T>
class SharedObject {
 public:
  SharedObject() : memory_(sizeof(T)), object_(new (memory_.at()) T) {}
  ~SharedObject() { object_->~T(); }
  SharedObject(const SharedObject&) = delete;
  SharedObject& operator=(const SharedObject&) = delete;
  T& operator*() const { return *object_; }
  T* operator->() const { return object_; }

 private:
  SharedMemory memory_;
  T* object_;
};

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_HARNESS_SHARED_MEMORY_H_
