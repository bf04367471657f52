// SPDX-License-Identifier: Apache-2.0
// All of millrace in one program. A producer process streams a real file through a ring that is smaller than
// the file. Three consumer processes read it: a lossless one, a lossy one that is too slow, and a lossless
// one that is killed with kill -9 midway and started again. You watch; at the end, checksums are compared.
//   millrace_demo [FILE] [--rate MB/s]            (millrace_demo --help for the rest)
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <bit>
#include <cstdio>
#include <exception>
#include <string>

#include "cast.h"
#include "picture.h"
#include "scoreboard.h"
#include "settings.h"
#include "source.h"
#include "verdict.h"

namespace demo {
namespace {

constexpr int kUsage = 2;
constexpr double kMegabyte = 1e6;
constexpr double kDefaultSeconds = 6;

// The options. An option that was not given is -1, or 0 where 0 has no meaning.
struct Wishes {
  double rate = -1, lossy_rate = -1, seconds = 0;  // MB/s, MB/s, seconds
  uint64_t capacity = 0, away = 0;
};

// Fills in the settings that the options leave open. Returns false, after printing why, if the demo cannot
// run.
bool Complete(const Wishes& wishes, Settings& s) {
  if (s.file.empty()) s.file = LargestSystemFile();
  struct stat facts {};
  if (stat(s.file.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_size == 0) {
    std::fprintf(stderr, "\"%s\" is not a file, or is empty; name another file\n", s.file.c_str());
    return false;
  }
  s.file_bytes = static_cast<uint64_t>(facts.st_size);
  const size_t least = std::bit_ceil(std::max<size_t>(4096, 8 * (s.chunk + sizeof(ChunkHeader))));
  const size_t quarter = std::bit_floor(std::max<uint64_t>(s.file_bytes / 4, 1));
  s.capacity = wishes.capacity > 0 ? wishes.capacity
                                   : std::clamp<size_t>(quarter, least, std::max<size_t>(least, 16 << 20));
  s.away = wishes.away > 0 ? wishes.away : s.capacity / 4 * 3;
  const double seconds = wishes.seconds > 0 ? wishes.seconds : kDefaultSeconds;
  s.rate = wishes.rate >= 0 ? wishes.rate * kMegabyte : static_cast<double>(s.file_bytes) / seconds;
  const double lossy = wishes.lossy_rate >= 0 ? wishes.lossy_rate * kMegabyte : s.rate * 0.6;
  s.ring = "millrace_demo." + std::to_string(getpid());
  s.roles = {Role{"lossless", millrace::Delivery::Lossless(), 0, false},
             Role{"lossy, slow", millrace::Delivery::Lossy(), lossy, false},
             Role{"lossless, killed", millrace::Delivery::Lossless(), 0, true}};
  if (s.rate <= 0) s.roles[1].name = "lossy";
  return true;
}

// Blocks the signals that end the demo early, and returns them. The children inherit the blocked signals,
// because this process cleans up.
sigset_t BlockEndings() {
  sigset_t endings;
  sigemptyset(&endings);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&endings, signal);
  sigprocmask(SIG_BLOCK, &endings, nullptr);
  return endings;
}

// Runs the demo to its end. Returns the signal that ended it early, or 0.
int Play(Cast& cast, Picture& picture) {
  const sigset_t endings = BlockEndings();
  if (!cast.Start()) return 0;
  while (cast.running() && !cast.failed()) {
    const timespec look_every{0, 5'000'000};
    const int signal = sigtimedwait(&endings, nullptr, &look_every);
    if (signal > 0) return signal;
    cast.Step();
    picture.Draw();
  }
  picture.DrawLast();
  return 0;
}

int Run(const Settings& settings) {
  std::printf("%s (%s) in messages of %zu bytes through a ring of %s\n\n", settings.file.c_str(),
              Megabytes(static_cast<double>(settings.file_bytes)).c_str(), settings.chunk,
              Megabytes(static_cast<double>(settings.capacity)).c_str());
  Scoreboard* const board = Scoreboard::Create();
  if (board == nullptr) return 1;
  Cast cast(settings, *board);
  int signal = 0;
  {
    Picture picture(settings, *board, cast, isatty(STDOUT_FILENO) != 0);
    signal = Play(cast, picture);
  }
  cast.KillAll();
  std::printf("\n");
  const bool passed = signal == 0 && Judge(settings, *board, cast);
  if (signal != 0) std::printf("ended by signal %d\n", signal);
  const bool clean = CleanUp(settings);
  if (signal != 0) return 128 + signal;
  std::printf("%s\n", passed && clean ? "PASS" : "FAIL");
  return passed && clean ? 0 : 1;
}

int Main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);  // so that `millrace_demo | head` cleans up too
  Settings settings;
  Wishes wishes;
  CLI::App app(
      "Streams a file through a ring to three consumers: lossless, lossy, and one that is killed with "
      "kill -9 and starts again.");
  app.add_option("FILE", settings.file,
                 "File to stream (default: the largest program or library here up to 128 MiB)");
  auto* rate = app.add_option("--rate", wishes.rate, "Rate of the producer, MB/s; 0: as fast as possible")
                   ->check(CLI::NonNegativeNumber);
  app.add_option("--seconds", wishes.seconds, "Duration instead of a rate (default: 6)")
      ->check(CLI::PositiveNumber)
      ->excludes(rate);
  app.add_option("--lossy-rate", wishes.lossy_rate,
                 "Rate of the lossy consumer, MB/s (default: 0.6 of the producer's)")
      ->check(CLI::NonNegativeNumber);
  app.add_option(
         "--capacity", wishes.capacity,
         "Size of the ring, a power of two such as 8MiB (default: a quarter of the file, at most 16MiB)")
      ->transform(CLI::AsSizeValue(false));
  app.add_option(
         "--away", wishes.away,
         "Bytes that pass while the killed consumer is away, such as 20MiB (default: 3/4 of the ring). "
         "If this is more than the ring, the consumer loses some messages and counts them")
      ->transform(CLI::AsSizeValue(false));
  app.add_option("--chunk", settings.chunk, "Bytes of the file in each message (default: 4096)")
      ->check(CLI::Range(1, 1 << 20));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  if (!Complete(wishes, settings)) return kUsage;
  return Run(settings);
}

}  // namespace
}  // namespace demo

int main(int argc, char** argv) {
  try {
    return demo::Main(argc, argv);
  } catch (const std::exception& error) {  // no memory, or a mistake in the declarations of options
    std::fputs(error.what(), stderr);
    return 1;
  }
}
