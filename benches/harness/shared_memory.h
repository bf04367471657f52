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
  explicit SharedMemory(size_t bytes)
      : bytes_(bytes),
        at_(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0)) {
    if (at_ == MAP_FAILED) throw std::runtime_error("mmap of shared memory failed");
  }
  ~SharedMemory() { munmap(at_, bytes_); }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

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
