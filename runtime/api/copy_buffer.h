// SPDX-License-Identifier: Apache-2.0
// The memory into which a consumer copies its current message.
#ifndef MILLRACE_RUNTIME_API_COPY_BUFFER_H_
#define MILLRACE_RUNTIME_API_COPY_BUFFER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace millrace::internal {

class CopyBuffer {
 public:
  // Returns room for at least `bytes`, aligned to 8. Returns null if there is no memory for it. The next call
  // reuses the room.
  std::byte* Room(size_t bytes) {
    if (words_ != nullptr && bytes <= bytes_) return reinterpret_cast<std::byte*>(words_.get());
    constexpr size_t kLeast = 4096;
    const size_t needed = (bytes + 7) & ~size_t{7};
    for (const size_t size : {std::max({needed, bytes_ * 2, kLeast}), needed}) {
      auto* const made = new (std::nothrow) uint64_t[size / sizeof(uint64_t)];
      if (made == nullptr) continue;
      words_.reset(made);
      bytes_ = size;
      return reinterpret_cast<std::byte*>(made);
    }
    refused_bytes_ = needed;
    return nullptr;
  }
  // Returns the size of the last room for which there was no memory.
  size_t refused_bytes() const { return refused_bytes_; }

 private:
  std::unique_ptr<uint64_t[]> words_;
  size_t bytes_ = 0, refused_bytes_ = 0;
};

}  // namespace millrace::internal

#endif  // MILLRACE_RUNTIME_API_COPY_BUFFER_H_
