#include "tests/checker/choices.h"

#include <cstdlib>

#include "tests/checker/memory.h"

namespace millrace::checker {

std::string Choices::Recording() const {
  std::string out;
  for (size_t i = 0; i < made_.size(); ++i) {
    if (made_[i] == 0) continue;
    if (!out.empty()) out += ',';
    out += std::to_string(i) + ':' + std::to_string(made_[i]);
  }
  return out.empty() ? "0:0" : out;
}

bool HashSet::Insert(uint64_t hash) {
  if (hash == 0) hash = 1;
  if (size_ * 2 >= slots_.size()) {
    std::vector<uint64_t> old(slots_.size() * 4);
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

uint32_t EveryChoice::Pick(uint32_t options, Choice) {
  const size_t depth = made_.size();
  if (depth == path_.size()) path_.push_back({0, static_cast<uint8_t>(options)});
  return path_[depth].chosen;
}

bool EveryChoice::Advance() {
  path_.resize(made_.size());  // an execution that was cut short made fewer
  while (!path_.empty() && path_.back().chosen + 1 == path_.back().options) path_.pop_back();
  if (path_.empty()) return false;
  ++path_.back().chosen;
  return true;
}

bool EveryChoice::Known(uint64_t state) { return made_.size() >= path_.size() && !known_.Insert(state); }

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

uint32_t SeededChoices::Pick(uint32_t options, Choice kind) {
  const uint32_t one_in = one_in_[static_cast<int>(kind)];
  if (one_in == 1) return static_cast<uint32_t>(Draw() % options);
  if (Draw() % one_in != 0) return 0;
  return 1 + static_cast<uint32_t>(Draw() % (options - 1));
}

RecordedChoices::RecordedChoices(const std::string& recording) {
  const char* at = recording.c_str();
  while (*at != '\0') {
    char* end = nullptr;
    const size_t place = std::strtoull(at, &end, 10);
    if (*end != ':') break;
    unusual_.emplace_back(place, static_cast<uint8_t>(std::strtoul(end + 1, &end, 10)));
    at = *end == ',' ? end + 1 : end;
    if (*end != ',') break;
  }
}

uint32_t RecordedChoices::Pick(uint32_t options, Choice) {
  while (next_ < unusual_.size() && unusual_[next_].first < made_.size()) ++next_;
  if (next_ == unusual_.size() || unusual_[next_].first != made_.size()) return 0;
  return unusual_[next_].second < options ? unusual_[next_].second : 0;
}

}  // namespace millrace::checker
