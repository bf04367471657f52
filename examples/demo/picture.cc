// SPDX-License-Identifier: Apache-2.0
#include "picture.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

#include "source.h"

namespace demo {
namespace {

constexpr const char* kBold = "\x1b[1m";
constexpr const char* kGreen = "\x1b[32m";
constexpr const char* kRed = "\x1b[31m";
constexpr const char* kPlain = "\x1b[0m";

[[gnu::format(printf, 1, 2)]] std::string Format(const char* format, ...) {
  char text[256];
  va_list values;
  va_start(values, format);
  std::vsnprintf(text, sizeof text, format, values);
  va_end(values);
  return text;
}

std::string Bar(double share, int width) {
  const int full = std::clamp(static_cast<int>(share * width + 0.5), 0, width);
  std::string bar = "[";
  bar.append(static_cast<size_t>(full), '#').append(static_cast<size_t>(width - full), '.');
  return bar.append("]");
}

}  // namespace

struct Picture::Line {
  Tally tally;
  double lag;  // as a share of the ring
  std::string state;
  const char* color;
};

void Speed::Sample(uint64_t bytes, uint64_t messages, double seconds) {
  if (seconds <= 0) return;
  const double weight = first_ ? 1.0 : std::min(1.0, seconds / 0.5);  // averages over about half a second
  first_ = false;
  bytes_ += weight * (static_cast<double>(bytes - last_bytes_) / seconds - bytes_);
  messages_ += weight * (static_cast<double>(messages - last_messages_) / seconds - messages_);
  last_bytes_ = bytes;
  last_messages_ = messages;
}

Picture::Picture(const Settings& settings, const Scoreboard& board, const Cast& cast, bool terminal)
    : settings_(settings), board_(board), cast_(cast), terminal_(terminal) {
  if (terminal_) std::fputs("\x1b[?25l\x1b[?7l", stdout);  // hides the cursor; cuts long lines
}

Picture::~Picture() {
  if (terminal_) std::fputs("\x1b[?7h\x1b[?25h", stdout);
  std::fflush(stdout);
}

void Picture::Sample() {
  const double seconds = std::chrono::duration<double>(Clock::now() - shown_).count();
  producer_.Sample(board_.producer.bytes.load(std::memory_order_relaxed),
                   board_.producer.published.load(std::memory_order_relaxed), seconds);
  for (size_t i = 0; i < kConsumers; ++i) {
    const Tally tally = board_.consumers[i].checkpoint.Load();
    consumers_[i].Sample(tally.bytes, tally.received, seconds);
    if (cast_.consumer(i).stage == Stage::kEnded) consumers_[i].Stop();
  }
  if (cast_.producer().stage == Stage::kEnded) producer_.Stop();
}

Picture::Line Picture::Describe(size_t i) const {
  const Actor& actor = cast_.consumer(i);
  Line line{board_.consumers[i].checkpoint.Load(), 0, "reads", kGreen};
  const uint64_t published = board_.producer.published.load(std::memory_order_relaxed);
  const uint64_t behind = published - std::min(published, line.tally.next);
  const size_t frame = settings_.chunk + sizeof(ChunkHeader) + 8;
  line.lag = std::min(1.0, static_cast<double>(behind * frame) / static_cast<double>(settings_.capacity));
  if (actor.was_killed) line.state = Format("back since message %ju", uintmax_t{actor.back_at});
  if (actor.stage == Stage::kEnded) line.state += ", at the end";
  if (actor.stage == Stage::kFailed) line.state = "gave up";
  if (actor.stage == Stage::kKilled)
    line.state = Format("kill -9 at message %ju", uintmax_t{actor.killed_at});
  if (actor.stage == Stage::kFailed || actor.stage == Stage::kKilled) line.color = kRed;
  return line;
}

std::string Picture::Frame() const {
  const auto published = static_cast<double>(board_.producer.bytes.load(std::memory_order_relaxed));
  const double share = published / static_cast<double>(settings_.file_bytes);
  std::string out = Format("%s%-18s%s %s %3.0f%%  %s of %s\x1b[K\n", kBold, "file", kPlain,
                           Bar(share, 32).c_str(), share * 100, Megabytes(published).c_str(),
                           Megabytes(static_cast<double>(settings_.file_bytes)).c_str());
  out += Format("%-18s %8.1f MB/s %9.0f messages/s\x1b[K\n\x1b[K\n", "producer", producer_.bytes() / 1e6,
                producer_.messages());
  out += Format("%s%-18s %8s %10s  %-22s %8s  %s%s\x1b[K\n", kBold, "consumer", "MB/s", "messages/s",
                "lag (of the ring)", "lost", "state", kPlain);
  for (size_t i = 0; i < kConsumers; ++i) {
    const Line line = Describe(i);
    out += Format("%-18s %8.1f %10.0f  %s %3.0f%% %8ju  %s%s%s\x1b[K\n", settings_.roles[i].name.c_str(),
                  consumers_[i].bytes() / 1e6, consumers_[i].messages(), Bar(line.lag, 15).c_str(),
                  line.lag * 100, uintmax_t{line.tally.lost}, line.color, line.state.c_str(), kPlain);
  }
  return out;
}

std::string Picture::PlainLine() const {
  const auto published = static_cast<double>(board_.producer.bytes.load(std::memory_order_relaxed));
  std::string out =
      Format("%5.1f s %4.0f%% %6.1f MB/s", std::chrono::duration<double>(Clock::now() - start_).count(),
             100 * published / static_cast<double>(settings_.file_bytes), producer_.bytes() / 1e6);
  for (size_t i = 0; i < kConsumers; ++i) {
    const Line line = Describe(i);
    out +=
        Format(" | %s: %.1f MB/s, lag %.0f%%, lost %ju, %s", settings_.roles[i].name.c_str(),
               consumers_[i].bytes() / 1e6, line.lag * 100, uintmax_t{line.tally.lost}, line.state.c_str());
  }
  return out.append("\n");
}

void Picture::Show() {
  Sample();
  shown_ = Clock::now();
  std::string out = terminal_ ? Frame() : PlainLine();
  if (terminal_ && lines_up_ > 0) out.insert(0, Format("\x1b[%dA\r", lines_up_));
  if (terminal_) lines_up_ = static_cast<int>(3 + 1 + kConsumers);
  std::fputs(out.c_str(), stdout);
  std::fflush(stdout);
}

void Picture::Draw() {
  const auto every = terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(1000);
  if (lines_up_ == 0 && terminal_) Show();
  if (Clock::now() - shown_ >= every) Show();
}

void Picture::DrawLast() { Show(); }

}  // namespace demo
