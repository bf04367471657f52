// SPDX-License-Identifier: Apache-2.0
#include "verdict.h"

#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "source.h"

namespace demo {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDirectory = "/dev/shm";

std::string Hex(uint32_t crc) {
  char text[16];
  std::snprintf(text, sizeof text, "%08" PRIx32, crc);
  return text;
}

// Returns what is wrong with a consumer's result, or "" if nothing is.
std::string Objection(const Role& role, const Actor& actor, const Tally& tally, uint64_t published,
                      uint32_t crc) {
  if (actor.stage != Stage::kEnded) return "it did not reach the end";
  if (role.killed && !actor.was_killed) return "it was not killed";
  if (tally.damaged > 0) return std::to_string(tally.damaged) + " messages differ from the file";
  if (tally.received + tally.lost != published) return "received + lost differs from published";
  // A killed consumer does not hold back the producer. Messages published before its restart may be
  // overwritten; it then counts them as lost.
  const bool may_lose = role.delivery.kind() == millrace::Delivery::Kind::kLossy || role.killed;
  if (tally.lost > 0 && !may_lose) return "a lossless consumer lost messages";
  if (tally.lost == 0 && FinishCrc(static_cast<uint32_t>(tally.crc)) != crc)
    return "its checksum differs from the file's";
  return "";
}

std::vector<fs::path> ObjectsOf(const std::string& ring) {
  std::vector<fs::path> objects;
  std::error_code error;
  for (fs::directory_iterator entry(kDirectory, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().filename().string().starts_with(ring + ".")) objects.push_back(entry->path());
  }
  return objects;
}

}  // namespace

bool Judge(const Settings& settings, const Scoreboard& board, const Cast& cast) {
  const uint64_t published = board.producer.published.load(std::memory_order_relaxed);
  bool all = true;
  const std::optional<uint32_t> crc = CrcOfFile(settings.file);
  if (!crc || cast.producer().stage != Stage::kEnded || published != settings.chunks()) {
    std::printf("FAIL  producer: %s\n", std::string(board.producer.last_words.Heard()).c_str());
    all = false;
  }
  std::printf("%-5s %-18s %8ju published                  crc32 %s\n", "", "source", uintmax_t{published},
              Hex(crc.value_or(0)).c_str());
  uint64_t delivered = 0;
  for (size_t i = 0; i < kConsumers; ++i) {
    const Tally tally = board.consumers[i].checkpoint.Load();
    const std::string objection =
        Objection(settings.roles[i], cast.consumer(i), tally, published, crc.value_or(0));
    const std::string proof = tally.lost == 0 ? "crc32 " + Hex(FinishCrc(static_cast<uint32_t>(tally.crc)))
                                              : "each message whole, received + lost = published";
    std::printf("%-5s %-18s %8ju received + %8ju lost  %s\n", objection.empty() ? "PASS" : "FAIL",
                settings.roles[i].name.c_str(), uintmax_t{tally.received}, uintmax_t{tally.lost},
                proof.c_str());
    if (!objection.empty()) {
      std::printf("      %s (%s)\n", objection.c_str(),
                  std::string(board.consumers[i].last_words.Heard()).c_str());
    }
    if (cast.consumer(i).was_killed) {
      std::printf("      kill -9 at message %ju, back when %ju were published\n",
                  uintmax_t{cast.consumer(i).killed_at}, uintmax_t{cast.consumer(i).back_at});
    }
    delivered += tally.bytes;
    all = all && objection.empty();
  }
  const auto bytes = static_cast<double>(board.producer.bytes.load(std::memory_order_relaxed));
  const double seconds =
      static_cast<double>(board.producer.nanoseconds.load(std::memory_order_relaxed)) / 1e9;
  if (seconds > 0) {
    std::printf("%s in %.2f s: %.1f MB/s in, %.1f MB/s out to %zu consumers\n", Megabytes(bytes).c_str(),
                seconds, bytes / seconds / 1e6, static_cast<double>(delivered) / seconds / 1e6, kConsumers);
  }
  return all;
}

bool CleanUp(const Settings& settings) {
  using millrace::SegmentManager;
  const absl::Status removed = SegmentManager().Unlink(settings.ring, SegmentManager::Force::kYes);
  if (!removed.ok() && millrace::ErrorOf(removed) != millrace::Error::kNotFound) {
    std::printf("%s\n", removed.ToString().c_str());
  }
  std::error_code ignored;  // a producer killed in Create leaves files of an unfinished ring
  for (const fs::path& object : ObjectsOf(settings.ring)) fs::remove(object, ignored);
  const std::vector<fs::path> left = ObjectsOf(settings.ring);
  if (left.empty()) std::printf("no file of %s is left in %s\n", settings.ring.c_str(), kDirectory);
  for (const fs::path& object : left) std::printf("FAIL  file left over: %s\n", object.c_str());
  return left.empty();
}

}  // namespace demo
