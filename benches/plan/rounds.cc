// SPDX-License-Identifier: Apache-2.0
#include "benches/plan/rounds.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>

namespace millrace::bench {
namespace {

class Progress {
 public:
  Progress(int rounds, size_t slices_per_round)
      : rounds_(rounds), all_(static_cast<size_t>(rounds) * slices_per_round) {}
  ~Progress() { Clear(); }

  void Round(int round) {
    if (!terminal_) std::printf("round %d of %d\n", round + 1, rounds_);
    std::fflush(stdout);
  }
  void Slice(const Group& group, const std::string& subject) {
    if (terminal_) {
      std::printf("\r\033[K%3zu %%%s  %s, %s: %s", done_ * 100 / all_, TimeLeft().c_str(),
                  group.experiment.c_str(), group.what.c_str(), subject.c_str());
      std::fflush(stdout);
    }
    ++done_;
  }
  // Clears the line on the terminal, before other output.
  void Clear() const {
    if (terminal_) std::printf("\r\033[K");
    std::fflush(stdout);
  }

 private:
  std::string TimeLeft() const {
    constexpr size_t kFew = 20;
    if (done_ < kFew) return "";
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - started_;
    const auto left =
        static_cast<int>(spent.count() / static_cast<double>(done_) * static_cast<double>(all_ - done_));
    char text[32];
    std::snprintf(text, sizeof text, "  %d:%02d left", left / 60, left % 60);
    return text;
  }

  const int rounds_;
  const size_t all_;
  size_t done_ = 0;
  const bool terminal_ = isatty(STDOUT_FILENO) == 1;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

void Complain(const Observation& o) {
  const std::string what = o.experiment + " " + o.subject + ", " + std::to_string(o.work.bytes) + " bytes, " +
                           std::to_string(o.work.consumers) + " consumer(s): ";
  if (!o.slice.failure.empty()) {
    std::fprintf(stderr, "  %s%s\n", what.c_str(), o.slice.failure.c_str());
  } else if (o.slice.damaged != 0) {
    std::fprintf(stderr, "  %s%llu DAMAGED MESSAGES\n", what.c_str(),
                 static_cast<unsigned long long>(o.slice.damaged));
  }
}

}  // namespace

void RunRounds(const std::vector<Group>& plan, int rounds, double slice_seconds, Observations* out) {
  size_t slices = 0;
  for (const Group& group : plan) slices += group.slices.size();
  if (slices == 0) return;
  SliceRunner runner(slice_seconds);
  Progress progress(rounds, slices);
  for (int round = 0; round < rounds; ++round) {
    progress.Round(round);
    for (const Group& group : plan) {
      for (size_t i = 0; i < group.slices.size(); ++i) {
        // Each round begins with another subject, so that no subject is always the first. The cyclic order
        // stays: the limits run directly before millrace, and the ratios between these matter most.
        const size_t turn = (i + group.slices.size() - static_cast<size_t>(round) % group.slices.size()) %
                            group.slices.size();
        const auto& [rival, work] = group.slices[turn];
        progress.Slice(group, rival->name);
        out->slices.push_back({.experiment = group.experiment,
                               .subject = rival->name,
                               .waiting = group.waiting,
                               .work = work,
                               .round = round,
                               .slice = runner.Run(*rival, work)});
        const Observation& seen = out->slices.back();
        if (!seen.slice.failure.empty() || seen.slice.damaged != 0) {
          progress.Clear();
          Complain(seen);
        }
      }
    }
  }
}

}  // namespace millrace::bench
