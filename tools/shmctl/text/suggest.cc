// SPDX-License-Identifier: Apache-2.0
#include "tools/shmctl/text/suggest.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>

namespace millrace::tool {
namespace {

constexpr std::pair<std::string_view, const char*> kOthers[] = {
    {"add", "create"},   {"cat", "tail"},      {"chmod", "set"},      {"chown", "set"},
    {"consume", "tail"}, {"delete", "unlink"}, {"destroy", "unlink"}, {"dir", "list"},
    {"follow", "tail"},  {"gc", "prune"},      {"info", "stat"},      {"inspect", "stat"},
    {"kick", "evict"},   {"kill", "evict"},    {"ls", "list"},        {"make", "create"},
    {"mk", "create"},    {"new", "create"},    {"ps", "list"},        {"publish", "pub"},
    {"read", "tail"},    {"recv", "tail"},     {"remove", "unlink"},  {"rm", "unlink"},
    {"send", "pub"},     {"show", "stat"},     {"sub", "tail"},       {"subscribe", "tail"},
    {"top", "list"},     {"write", "pub"},
};

// Returns how many characters to insert, remove or replace. Two swapped neighbours count as one.
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before, last(b.size() + 1), now(b.size() + 1);
  std::iota(last.begin(), last.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) now[j] = std::min(now[j], before[j - 2] + 1);
    }
    before = std::exchange(last, now);
  }
  return last[b.size()];
}

}  // namespace

std::string NearestWord(std::string_view typed, const std::vector<std::string>& known) {
  std::string nearest;
  size_t distance = std::max<size_t>(typed.size() / 3, 1) + 1;
  for (const std::string& word : known) {
    const std::string_view shorter = typed.size() < word.size() ? typed : std::string_view(word);
    const std::string_view longer = typed.size() < word.size() ? std::string_view(word) : typed;
    const bool begins = shorter.size() >= 3 && longer.starts_with(shorter);
    const size_t found = begins ? 1 : Distance(typed, word);
    if (found >= distance) continue;
    distance = found;
    nearest = word;
  }
  return nearest;
}

std::string CommandOfOthers(std::string_view typed) {
  for (const auto& [word, command] : kOthers) {
    if (word == typed) return command;
  }
  return "";
}

}  // namespace millrace::tool
