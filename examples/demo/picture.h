// SPDX-License-Identifier: Apache-2.0
// What a person sees while the demo runs. On a terminal a picture is redrawn in place. Otherwise one line is
// printed per second.
#ifndef MILLRACE_EXAMPLES_DEMO_PICTURE_H_
#define MILLRACE_EXAMPLES_DEMO_PICTURE_H_

#include <array>
#include <chrono>
#include <cstdint>
#include <string>

#include "cast.h"
#include "scoreboard.h"
#include "settings.h"

namespace demo {

// Bytes and messages per second, smoothed.
class Speed {
 public:
  void Sample(uint64_t bytes, uint64_t messages, double seconds);
  void Stop() { bytes_ = messages_ = 0; }
  double bytes() const { return bytes_; }
  double messages() const { return messages_; }

 private:
  uint64_t last_bytes_ = 0, last_messages_ = 0;
  double bytes_ = 0, messages_ = 0;
  bool first_ = true;
};

class Picture {
 public:
  Picture(const Settings& settings, const Scoreboard& board, const Cast& cast, bool terminal);
  Picture(const Picture&) = delete;
  ~Picture();  // restores the terminal

  void Draw();      // draws if the next picture is due
  void DrawLast();  // draws the final state

 private:
  using Clock = std::chrono::steady_clock;
  struct Line;  // one consumer, in words and numbers
  void Sample();
  Line Describe(size_t i) const;
  std::string Frame() const;
  std::string PlainLine() const;
  void Show();

  const Settings& settings_;
  const Scoreboard& board_;
  const Cast& cast_;
  const bool terminal_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point shown_ = start_;
  Speed producer_;
  std::array<Speed, kConsumers> consumers_;
  int lines_up_ = 0;  // height of the picture on the terminal; 0 before the first
};

}  // namespace demo

#endif  // MILLRACE_EXAMPLES_DEMO_PICTURE_H_
