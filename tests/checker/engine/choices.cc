// SPDX-License-Identifier: Apache-2.0
#include "tests/checker/engine/choices.h"

#include <cstdlib>

#include "tests/checker/engine/memory.h"

namespace millrace::checker {

std::string Choices::Recording() const {
  std::string out;
  for (const auto& [place, chosen] : unusual_) {
    if (!out.empty()) out += ',';
    out += std::to_string(place) + ':' + std::to_string(chosen);
  }
  return out.empty() ? "0:0" : out;
}

bool HashSet::Insert(uint64_t hash) {
  if (hash == 0) hash = 1;
  if (size_ * 3 >= slots_.size() * 2) {
    std::vector<uint64_t> old(slots_.size() * 2);
    old.swap(slots_);
    size_ = 0;
    for (const uint64_t h : old) {
      if (h != 0) Insert(h);
    }
  }
  size_t i = hash & (slots_.size() - 1);
  for (; slots_[i] != 0; i = (i + 1) & (slots_.size() - 1)) {
    if (slots_[i] == hash) return false;
  }
  slots_[i] = hash;
  ++size_;
  return true;
}

void EveryChoice::Begin() {
  Choices::Begin();
  asked_ = 0;
}

uint32_t EveryChoice::Pick(uint32_t options, Choice, bool deviates) {
  const size_t number = asked_++;
  if (number < forced_.size()) return forced_[number];
  const size_t depth = number - forced_.size();
  if (depth < path_.size()) return path_[depth].chosen;
  if (deviates) {
    if (level_ < most_) PutAside(options);
    options = 1;
  }
  path_.push_back({0, static_cast<uint8_t>(options)});
  return 0;
}

// Puts aside each option except 0 of the current choice, as a part for the next level.
void EveryChoice::PutAside(uint32_t options) {
  std::vector<uint8_t> head;
  uint8_t zeros = 0;
  const auto append = [&](uint8_t chosen) {
    if (chosen != 0 || zeros == 254) {
      head.push_back(zeros);
      head.push_back(chosen);
      zeros = 0;
    } else {
      ++zeros;
    }
  };
  for (const uint8_t chosen : forced_) append(chosen);
  for (const Level& level : path_) append(level.chosen);
  for (uint32_t option = 1; option < options; ++option) {
    later_.insert(later_.end(), head.begin(), head.end());
    later_.push_back(zeros);
    later_.push_back(static_cast<uint8_t>(option));
    later_.push_back(255);
  }
}

bool EveryChoice::TakeUp() {
  if (taken_ == now_.size()) {
    if (later_.empty()) return false;
    ++level_;
    now_.swap(later_);
    later_.clear();
    taken_ = 0;
  }
  forced_.clear();
  for (; now_[taken_] != 255; taken_ += 2) {
    forced_.insert(forced_.end(), now_[taken_], 0);
    forced_.push_back(now_[taken_ + 1]);
  }
  ++taken_;
  return true;
}

bool EveryChoice::Advance() {
  while (!path_.empty() && path_.back().chosen + 1 == path_.back().options) path_.pop_back();
  if (path_.empty()) return TakeUp();
  ++path_.back().chosen;
  return true;
}

SeededChoices::SeededChoices(uint64_t seed) : state_(MixBits(seed)) {
  one_in_[static_cast<int>(Choice::kNext)] = 1;
  one_in_[static_cast<int>(Choice::kPreempt)] = 2u << Draw() % 6;
  one_in_[static_cast<int>(Choice::kValue)] = 2u << Draw() % 5;
  one_in_[static_cast<int>(Choice::kFate)] = 16u << Draw() % 5;
}

uint64_t SeededChoices::Draw() {
  state_ += 0x9e3779b97f4a7c15ull;
  return MixBits(state_);
}

uint32_t SeededChoices::Pick(uint32_t options, Choice kind, bool) {
  const uint32_t one_in = one_in_[static_cast<int>(kind)];
  if (one_in == 1) return static_cast<uint32_t>(Draw() % options);
  if (Draw() % one_in != 0) return 0;
  return 1 + static_cast<uint32_t>(Draw() % (options - 1));
}

RecordedChoices::RecordedChoices(const std::string& recording) {
  const char* at = recording.c_str();
  while (*at != '\0') {
    char* end = nullptr;
    const auto place = static_cast<uint32_t>(std::strtoul(at, &end, 10));
    if (*end != ':') break;
    recorded_.emplace_back(place, static_cast<uint8_t>(std::strtoul(end + 1, &end, 10)));
    at = *end == ',' ? end + 1 : end;
  }
}

uint32_t RecordedChoices::Pick(uint32_t options, Choice, bool) {
  const uint32_t place = place_ - 1;
  while (next_ < recorded_.size() && recorded_[next_].first < place) ++next_;
  if (next_ == recorded_.size() || recorded_[next_].first != place) return 0;
  return recorded_[next_].second < options ? recorded_[next_].second : 0;
}

}  // namespace millrace::checker
