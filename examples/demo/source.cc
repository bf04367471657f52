// SPDX-License-Identifier: Apache-2.0
#include "source.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <vector>

#include "chunk.h"

namespace demo {
namespace {

namespace fs = std::filesystem;

struct Largest {
  std::string file;
  uint64_t bytes = 0;
};

void LookInto(const fs::path& directory, int depth, Largest& largest) {
  constexpr uint64_t kMost = uint64_t{128} << 20;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;  // entries that cannot be examined are skipped
    if (entry->is_symlink(ignored)) continue;
    if (entry->is_directory(ignored) && depth > 0) LookInto(entry->path(), depth - 1, largest);
    if (!entry->is_regular_file(ignored)) continue;
    const uint64_t bytes = entry->file_size(ignored);
    if (!ignored && bytes <= kMost && bytes > largest.bytes && std::ifstream(entry->path()).good()) {
      largest = {entry->path(), bytes};
    }
  }
}

}  // namespace

std::string LargestSystemFile() {
  Largest largest;
  LookInto("/usr/bin", 0, largest);
  LookInto("/usr/lib", 1, largest);
  LookInto("/usr/lib/gcc", 2, largest);
  return largest.file;
}

std::optional<uint32_t> CrcOfFile(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  std::vector<char> buffer(1 << 20);
  uint32_t crc = kCrcStart;
  while (stream.good()) {
    stream.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    crc = ContinueCrc(crc, std::as_bytes(std::span(buffer.data(), static_cast<size_t>(stream.gcount()))));
  }
  if (!stream.eof()) return std::nullopt;
  return FinishCrc(crc);
}

std::string Megabytes(double bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f MB", bytes / 1e6);
  return text;
}

}  // namespace demo
