// SPDX-License-Identifier: Apache-2.0
// Recognises a state of the memory: hashes everything that can affect any thread's future, and no more.
//
// H1  Words that no thread will access again are left out. Values that lie in the past of every thread
//     that will access their word are left out too: none of them can be read, or have a store placed before it.
// H2  A stamp in a view matters only by its rank among the values of its word that can still be read.
// H3  A clock in a view matters only by its rank among the plain accesses that some live thread does not know
//     of: nothing else is ever compared with it.
// H4  What a thread has learnt by relaxed loads counts only where it knows no better already.
#include <algorithm>

#include "tests/checker/engine/memory.h"

namespace millrace::checker {

// Finds the values of H1.
void Memory::FindReadable(const std::vector<uint8_t>& concerns) {
  readable_.clear();
  several_.clear();
  several_words_.clear();
  several_from_.clear();
  for (const uint32_t word : touched_) {
    if (concerns[word] == 0) continue;
    const std::vector<Value>& values = words_[word];
    Stamp oldest = values.back().stamp;
    for (uint32_t i = 0; i < kThreads; ++i) {
      if ((concerns[word] >> i & 1) != 0) oldest = std::min(oldest, threads_[i].now.seen[word]);
    }
    auto from = static_cast<uint32_t>(values.size() - 1);
    while (from > 0 && values[from].stamp > oldest) --from;
    readable_.push_back({word, from});
    if (from + 1 == values.size()) continue;
    several_.push_back(&values);
    several_words_.push_back(word);
    several_from_.push_back(from);
  }
}

// Finds the accesses of H3.
void Memory::FindEvents(uint32_t live) {
  uint32_t known[kThreads];
  for (uint32_t i = 0; i < kThreads; ++i) {
    events_[i].clear();
    known[i] = ~0u;
    for (uint32_t t = 0; t < kThreads; ++t) {
      if ((live >> t & 1) != 0) known[i] = std::min(known[i], threads_[t].now.clock[i]);
    }
  }
  const auto add = [&](uint32_t thread, uint32_t clock) {
    if (clock > known[thread]) events_[thread].push_back(clock);
  };
  for (const Readable& r : readable_) {
    if (!may_race_[r.word]) continue;
    add(words_[r.word].back().writer, words_[r.word].back().clock);
    for (uint32_t i = 0; i < kThreads; ++i) add(i, plain_reads_[r.word][i]);
  }
  for (std::vector<uint32_t>& events : events_) {
    std::sort(events.begin(), events.end());
    events.erase(std::unique(events.begin(), events.end()), events.end());
  }
}

namespace {
uint64_t Rank(const std::vector<uint32_t>& events, uint32_t clock) {
  return static_cast<uint64_t>(std::upper_bound(events.begin(), events.end(), clock) - events.begin());
}
constexpr uint64_t kPrime = 0x9fb21c651e98df25ull;
uint64_t Mix(uint64_t h, uint64_t x) {
  h = (h ^ x) * kPrime;
  return h ^ h >> 29;
}
}  // namespace

// H2. `at_least`: a view that is known anyway (H4).
uint64_t Memory::HashOf(const View& view, const View* at_least) {
  uint64_t h = 7;
  for (size_t i = 0; i < several_.size(); ++i) {
    const std::vector<Value>& values = *several_[i];
    const uint32_t word = several_words_[i];
    Stamp seen = word < view.words ? view.seen[word] : 0;
    if (at_least != nullptr) seen = std::max(seen, at_least->seen[word]);
    auto newest = static_cast<uint32_t>(values.size() - 1);
    while (newest > several_from_[i] && values[newest].stamp > seen) --newest;
    h = Mix(h, newest - several_from_[i]);
  }
  for (uint32_t i = 0; i < kThreads; ++i) {
    if (events_[i].empty()) continue;
    uint32_t clock = view.clock[i];
    if (at_least != nullptr) clock = std::max(clock, at_least->clock[i]);
    h = Mix(h, Rank(events_[i], clock));
  }
  return h;
}

uint64_t Memory::HashOfValue(const View* view) {
  if (view == nullptr) return 1;
  for (auto known = value_hashes_.rbegin(); known != value_hashes_.rend(); ++known) {
    if (known->first == view) return known->second;  // mostly the last one: a payload has one view
  }
  const uint64_t h = HashOf(*view, nullptr);
  value_hashes_.emplace_back(view, h);
  return h;
}

uint64_t Memory::Canonical(uint32_t live, uint32_t views, const std::vector<uint8_t>& concerns,
                           const std::vector<Seen>& others) {
  FindReadable(concerns);
  FindEvents(live);
  value_hashes_.clear();
  uint64_t h = 3;
  for (const Readable& r : readable_) {
    const std::vector<Value>& values = words_[r.word];
    h = Mix(h, r.word);
    for (size_t i = r.from; i < values.size(); ++i) {
      const Value& v = values[i];
      h = Mix(h, v.bits);
      // A view adds nothing where all live threads know as much. It then hashes like any other such view.
      h = Mix(h, HashOfValue(v.view));
      if (i == r.from) continue;
      const bool room = v.stamp - values[i - 1].stamp > 1;  // for a store before it
      h = Mix(h, v.by_rmw * 2u + room);
    }
    if (!may_race_[r.word]) continue;
    h = Mix(h, values.back().writer * 1024u + Rank(events_[values.back().writer], values.back().clock));
    for (uint32_t i = 0; i < kThreads; ++i) h = Mix(h, Rank(events_[i], plain_reads_[r.word][i]));
  }
  for (uint32_t i = 0; i < kThreads; ++i) {
    if ((views >> i & 1) == 0) continue;
    const ThreadViews& t = threads_[i];
    h = Mix(h, HashOf(t.now, nullptr));
    h = Mix(h, HashOf(t.pending, &t.now));
    h = Mix(h, HashOf(t.released, nullptr));
  }
  h = Mix(h, HashOf(seq_cst_, nullptr));
  for (const Seen& other : others) h += Mix(other.as, HashOf(*other.view, nullptr));  // in any order
  return h;
}

}  // namespace millrace::checker
