// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/mapping.h"

#include <sys/mman.h>

#include <cerrno>

#include "runtime/os/failure.h"
#include "runtime/os/file.h"
#include "runtime/os/fork.h"
#include "runtime/os/guard.h"

#ifndef MADV_POPULATE_READ  // Linux 5.14
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

namespace millrace::os {

absl::StatusOr<Mapping> Mapping::MapUnguarded(const ForkGuard&, int fd, uint64_t bytes, Use use,
                                              const std::string& path) {
  const std::string what = "map " + HumanBytes(bytes) + " of " + Quoted(path);
  void* const base =
      mmap(nullptr, bytes, PROT_READ | (use == Use::kWriting ? PROT_WRITE : 0), MAP_SHARED, fd, 0);
  if (base == MAP_FAILED)
    return SystemFailure(errno, what, errno == EAGAIN ? "raise the limit of locked memory (ulimit -l)" : "");
  Mapping mapping;
  mapping.base_ = static_cast<std::byte*>(base);
  mapping.bytes_ = bytes;
  if (madvise(base, bytes, MADV_DONTFORK) != 0) return SystemFailure(errno, what + ": keep it from children");
  if (madvise(base, bytes, MADV_DONTDUMP) != 0)
    return SystemFailure(errno, what + ": keep it out of core dumps");
  return mapping;
}

absl::StatusOr<Mapping> Mapping::Map(int fd, uint64_t bytes, Use use, Pages pages, const std::string& path) {
  absl::StatusOr<Mapping> mapping = [&] {
    const ForkGuard guard;
    return MapUnguarded(guard, fd, bytes, use, path);
  }();
  if (!mapping.ok()) return mapping;
  mapping->guarded_ = GuardRange(mapping->base_, bytes, use == Use::kWriting);
  if (mapping->guarded_ == nullptr)
    return SystemFailure(ENOMEM, "map " + HumanBytes(bytes) + " of " + Quoted(path) + ": guard it");
  if (pages == Pages::kOnAccess) return mapping;
  if (absl::Status populated = mapping->Populate(fd, use, path); !populated.ok()) return populated;
  return mapping;
}

absl::StatusOr<Mapping> Mapping::ForReading(int fd, uint64_t bytes, Pages pages, const std::string& path) {
  return Map(fd, bytes, Use::kReading, pages, path);
}

absl::StatusOr<Mapping> Mapping::ForWriting(int fd, uint64_t bytes, Pages pages, const std::string& path) {
  return Map(fd, bytes, Use::kWriting, pages, path);
}

absl::StatusOr<Mapping> Mapping::ToKeepOpen(const ForkGuard& guard, int fd, const std::string& path) {
  constexpr uint64_t kPage = 4096;  // A larger page of the machine is mapped as a whole.
  return MapUnguarded(guard, fd, kPage, Use::kReading, path);
}

absl::Status Mapping::Populate(int fd, Use use, const std::string& path) {
  int result;
  do {
    result = madvise(base_, bytes_, use == Use::kWriting ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
  } while (result != 0 && (errno == EINTR || errno == EAGAIN));
  // EINVAL is from a kernel without this advice. Accessing the pages instead could raise SIGBUS, so skip it.
  if (result == 0 || errno == EINVAL) return absl::OkStatus();
  const int error = errno;
  const std::string what = "map " + HumanBytes(bytes_) + " of " + Quoted(path);
  if (error != EFAULT) return SystemFailure(error, what + ": load its pages");
  // EFAULT is from a page whose access would raise SIGBUS: beyond the end, or in a hole without space to fill
  // it.
  const absl::StatusOr<FileFacts> facts = FactsOf(fd, path);
  if (facts.ok() && facts->bytes >= bytes_) {
    return Failure(Error::kNoSpace,
                   what +
                       ": found a hole and no space to fill it, expected allocated pages; enlarge "
                       "the file system, then create the ring again");
  }
  return Failure(Error::kTruncated, what + ": found only " +
                                        (facts.ok() ? HumanBytes(facts->bytes) : std::string("a part")) +
                                        " in the file: it was truncated; create the ring again");
}

void Mapping::Abandon() {
  UnguardRange(std::exchange(guarded_, nullptr));
  base_ = nullptr;
  bytes_ = 0;
}

bool Mapping::Faulted() const { return os::Faulted(guarded_); }

void Mapping::Unmap() {
  if (base_ == nullptr) return;
  const int saved = errno;
  UnguardRange(std::exchange(guarded_, nullptr));
  munmap(std::exchange(base_, nullptr), std::exchange(bytes_, 0));
  errno = saved;
}

}  // namespace millrace::os
