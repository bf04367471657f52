// Anonymous memory that forked children share, all pages touched.
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

  // A child inherits the memory but not the page table entries of it: call this in each, before anything is
  // measured.
  static void TouchAll();
  // In this process, from here on.
  void ForbidWriting();

  std::byte* at(size_t offset = 0) const { return static_cast<std::byte*>(at_) + offset; }

 private:
  size_t bytes_;
  void* at_;
};

// One object of a type in such memory.
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
