// SPDX-License-Identifier: Apache-2.0
#include "tools/shmctl/pub/pace.h"

#include <time.h>

#include <algorithm>
#include <charconv>

#include "tools/shmctl/io/signals.h"

namespace millrace::tool {
namespace {

constexpr double kSlowest = 1e-6,
                 kFastest = 1e9;  // per second; above this, the interval is below a nanosecond
constexpr std::chrono::milliseconds kMadeUpFor{10};

}  // namespace

std::optional<double> ParseRate(std::string_view text) {
  if (text.ends_with("/s")) text.remove_suffix(2);
  double rate = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), rate);
  if (error != std::errc() || rest != text.data() + text.size()) return std::nullopt;
  if (!(rate >= kSlowest && rate <= kFastest)) return std::nullopt;
  return rate;
}

Pace::Pace(double per_second)
    : interval_(std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(1 / per_second))) {}

void Pace::WaitForTurn() {
  due_ = std::max(due_, Clock::now() - kMadeUpFor);
  while (Clock::now() < due_ && CaughtSignal() == 0) {
    const auto due_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(due_.time_since_epoch()).count();
    const timespec until = {due_ns / 1'000'000'000, due_ns % 1'000'000'000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);  // a signal ends the sleep early
  }
  due_ += interval_;
}

}  // namespace millrace::tool
