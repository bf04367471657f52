// SPDX-License-Identifier: Apache-2.0
// Mappings of shared files.
#ifndef MILLRACE_RUNTIME_OS_MAPPING_H_
#define MILLRACE_RUNTIME_OS_MAPPING_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace millrace::os {

class ForkGuard;
struct GuardedRange;

// When the pages of a mapping are faulted in.
enum class Pages : bool { kOnAccess, kNow };

// A shared mapping that a forked child does not inherit and that core dumps omit. (If its file has no name,
// the kernel dumps a mapping like anonymous memory, so a dump would contain all messages of the ring.)
class Mapping {
 public:
  Mapping() = default;
  // Maps the first bytes of a file. With Pages::kNow, faults all pages in during the call, so that no later
  // access takes a page fault. The SIGBUS guard protects the mapping (guard.h).
  static absl::StatusOr<Mapping> ForReading(int fd, uint64_t bytes, Pages pages, const std::string& path);
  static absl::StatusOr<Mapping> ForWriting(int fd, uint64_t bytes, Pages pages, const std::string& path);
  // Maps the first page of a file, whose bytes are never accessed: the mapping keeps the open file, and so the
  // locks taken through it, after the descriptor is closed. The file may be empty.
  static absl::StatusOr<Mapping> ToKeepOpen(const ForkGuard& guard, int fd, const std::string& path);
  Mapping(Mapping&& other) noexcept
      : base_(std::exchange(other.base_, nullptr)),
        bytes_(std::exchange(other.bytes_, 0)),
        guarded_(std::exchange(other.guarded_, nullptr)) {}
  Mapping& operator=(Mapping&& other) noexcept {
    if (this != &other) {
      Unmap();
      base_ = std::exchange(other.base_, nullptr);
      bytes_ = std::exchange(other.bytes_, 0);
      guarded_ = std::exchange(other.guarded_, nullptr);
    }
    return *this;
  }
  ~Mapping() { Unmap(); }
  std::byte* data() const { return base_; }
  uint64_t bytes() const { return bytes_; }
  void Unmap();
  void Abandon();  // Forgets the mapping, in a forked child, where nothing is mapped.
  // Returns true if a truncation took a page of the mapping, which the guard has replaced (guard.h).
  bool Faulted() const;
  // Returns the entry for os::Faulted in another thread. It stays valid when the mapping is moved, until the
  // mapping is unmapped.
  const GuardedRange* guarded() const { return guarded_; }

 private:
  enum class Use : bool { kReading, kWriting };
  static absl::StatusOr<Mapping> MapUnguarded(const ForkGuard& guard, int fd, uint64_t bytes, Use use,
                                              const std::string& path);
  static absl::StatusOr<Mapping> Map(int fd, uint64_t bytes, Use use, Pages pages, const std::string& path);
  absl::Status Populate(int fd, Use use, const std::string& path);
  std::byte* base_ = nullptr;
  uint64_t bytes_ = 0;
  GuardedRange* guarded_ = nullptr;
};

}  // namespace millrace::os

#endif  // MILLRACE_RUNTIME_OS_MAPPING_H_
