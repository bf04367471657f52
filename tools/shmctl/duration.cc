#include "tools/shmctl/duration.h"

#include <algorithm>
#include <cctype>

#include "absl/strings/numbers.h"
#include "absl/time/time.h"

namespace millrace::tool {

std::optional<Nanos> ParseDuration(const std::string& text) {
  const bool bare = !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isdigit(c) != 0 || c == '.';
  });
  absl::Duration duration;
  double days = 0;
  if (text.ends_with('d') && absl::SimpleAtod(text.substr(0, text.size() - 1), &days)) {
    duration = days * absl::Hours(24);
  } else if (!absl::ParseDuration(bare ? text + "s" : text, &duration)) {
    return std::nullopt;
  }
  if (duration < absl::ZeroDuration() || duration == absl::InfiniteDuration()) return std::nullopt;
  return absl::ToChronoNanoseconds(duration);
}

}  // namespace millrace::tool
