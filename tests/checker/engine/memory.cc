// SPDX-License-Identifier: Apache-2.0
#include "tests/checker/engine/memory.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace millrace::checker {

Memory::Memory(const std::byte* arena, size_t bytes) : arena_(arena), number_(bytes / 4) {
  offsets_.push_back(0);  // word 0 is unused
  sizes_.push_back(0);
  words_.emplace_back();
  plain_reads_.emplace_back();
  may_race_.push_back(false);
  is_touched_.push_back(false);
}

void Memory::Touch(uint32_t word) {
  if (is_touched_[word]) return;
  is_touched_[word] = true;
  touched_.insert(std::lower_bound(touched_.begin(), touched_.end(), word), word);
}

void Memory::Clear(View* view) const {
  std::memset(view, 0, sizeof *view);
  view->words = kWords;
}

void Memory::Copy(View* to, const View& from) const {
  to->words = static_cast<uint32_t>(offsets_.size());
  std::memcpy(to->clock, from.clock, sizeof to->clock);
  std::memcpy(to->seen, from.seen, sizeof(Stamp) * offsets_.size());
}

void Memory::Join(View* to, const View& from, bool clocks) const {
  if (clocks) {
    for (uint32_t i = 0; i < kThreads; ++i) to->clock[i] = std::max(to->clock[i], from.clock[i]);
  }
  const size_t n = std::min<size_t>(from.words, offsets_.size());
  for (size_t i = 0; i < n; ++i) to->seen[i] = std::max(to->seen[i], from.seen[i]);
}

void Memory::Reload() {
  Reset();
  for (size_t i = 1; i < words_.size(); ++i) {
    words_[i][0].bits = 0;
    std::memcpy(&words_[i][0].bits, arena_ + offsets_[i], sizes_[i]);
  }
}

void Memory::Reset() {
  for (const uint32_t word : touched_) {
    words_[word].resize(1);
    plain_reads_[word] = {};
    is_touched_[word] = false;
  }
  touched_.clear();
  // Words numbered during an execution are new to views made before it, so all of a view is cleared.
  for (ThreadViews& t : threads_) {
    Clear(&t.now);
    Clear(&t.pending);
    Clear(&t.released);
    t.released_copy = nullptr;
  }
  Clear(&seq_cst_);
  pool_used_ = 0;
}

uint32_t Memory::WordAt(const void* address, uint32_t bytes) {
  const ptrdiff_t offset = static_cast<const std::byte*>(address) - arena_;
  if (offset < 0 || static_cast<size_t>(offset) + bytes > number_.size() * 4 || offset % bytes != 0) {
    std::fprintf(stderr, "checker: an access outside of the shared memory (offset %td)\n", offset);
    std::abort();
  }
  uint16_t& number = number_[static_cast<size_t>(offset) / 4];
  if (number == 0) {
    if (offsets_.size() == kWords) {
      std::fprintf(stderr, "checker: more than %u words\n", kWords);
      std::abort();
    }
    number = static_cast<uint16_t>(offsets_.size());
    offsets_.push_back(static_cast<uint32_t>(offset));
    sizes_.push_back(static_cast<uint8_t>(bytes));
    uint64_t bits = 0;
    std::memcpy(&bits, address, bytes);
    words_.emplace_back().push_back({bits, nullptr, 0, 0, 0, false});
    words_.back().reserve(16);
    plain_reads_.emplace_back();
    may_race_.push_back(false);
    is_touched_.push_back(false);
  }
  if (sizes_[number] != bytes) {
    std::fprintf(stderr, "checker: offset %td accessed with %u and %u bytes\n", offset, sizes_[number],
                 bytes);
    std::abort();
  }
  return number;
}

uint32_t Memory::LoadChoices(uint32_t thread, uint32_t word) const {
  const std::vector<Value>& values = words_[word];
  const Stamp oldest = threads_[thread].now.seen[word];
  uint32_t n = 1;
  while (n < values.size() && values[values.size() - 1 - n].stamp >= oldest) ++n;
  return n;
}

bool Memory::TellTheSame(uint32_t a, uint32_t b, uint32_t values) const {
  for (uint32_t i = 1; i <= values; ++i) {
    if (words_[a][words_[a].size() - i].view != words_[b][words_[b].size() - i].view) return false;
  }
  return true;
}

const Value& Memory::Load(uint32_t thread, uint32_t word, std::memory_order order, uint32_t choice) {
  const Value& value = words_[word][words_[word].size() - 1 - choice];
  ThreadViews& t = threads_[thread];
  t.now.seen[word] = std::max(t.now.seen[word], value.stamp);
  if (value.view != nullptr) Join(Acquires(order) ? &t.now : &t.pending, *value.view);
  return value;
}

uint32_t Memory::StoreChoices(uint32_t thread, uint32_t word) const {
  const std::vector<Value>& values = words_[word];
  const Stamp oldest = threads_[thread].now.seen[word];
  uint32_t n = 1;
  for (size_t i = values.size() - 1; i > 0 && values[i].stamp > oldest; --i) {
    const bool room = !values[i].by_rmw && values[i].stamp - values[i - 1].stamp > 1;
    if (!room) break;
    ++n;
  }
  return n;
}

const View* Memory::Snapshot(const View& view) {
  if (pool_used_ == pool_.size()) pool_.push_back(std::make_unique<View>());
  View* const copy = pool_[pool_used_++].get();
  Copy(copy, view);
  return copy;
}

const View* Memory::Attached(uint32_t thread, std::memory_order order, const View* also) {
  ThreadViews& t = threads_[thread];
  const View* view = nullptr;
  if (Releases(order)) {
    view = Snapshot(t.now);
  } else {
    if (t.released_copy == nullptr) t.released_copy = Snapshot(t.released);
    view = t.released_copy;
  }
  if (also == nullptr) return view;
  View* const both = const_cast<View*>(Snapshot(*view));
  Join(both, *also);
  return both;
}

void Memory::Store(uint32_t thread, uint32_t word, uint64_t bits, std::memory_order order, uint32_t choice) {
  std::vector<Value>& values = words_[word];
  Touch(word);
  const size_t place = values.size() - choice;
  const Stamp before = values[place - 1].stamp;
  const Stamp stamp = choice == 0 ? static_cast<Stamp>(before + kStampGap)
                                  : static_cast<Stamp>((before + values[place].stamp) / 2);
  if (stamp < before) {
    std::fprintf(stderr, "checker: too many stores to one word\n");
    std::abort();
  }
  threads_[thread].now.seen[word] = stamp;
  const View* const view = Attached(thread, order, nullptr);
  values.insert(values.begin() + static_cast<ptrdiff_t>(place),
                {bits, view, ClockOf(thread), stamp, static_cast<uint8_t>(thread), false});
}

uint64_t Memory::Replace(uint32_t thread, uint32_t word, uint64_t bits, std::memory_order order) {
  std::vector<Value>& values = words_[word];
  Touch(word);
  const Value old = values.back();
  ThreadViews& t = threads_[thread];
  if (old.view != nullptr) Join(Acquires(order) ? &t.now : &t.pending, *old.view);
  const Stamp stamp = static_cast<Stamp>(old.stamp + kStampGap);
  t.now.seen[word] = stamp;
  const View* const view = Attached(thread, order, old.view);
  values.push_back({bits, view, ClockOf(thread), stamp, static_cast<uint8_t>(thread), true});
  return old.bits;
}

void Memory::Fence(uint32_t thread, std::memory_order order) {
  if (order == std::memory_order_seq_cst) return SeqCstFence(thread);
  ThreadViews& t = threads_[thread];
  if (Acquires(order)) Join(&t.now, t.pending);
  if (Releases(order)) {
    Copy(&t.released, t.now);
    t.released_copy = nullptr;
  }
}

void Memory::SeqCstFence(uint32_t thread) {
  ThreadViews& t = threads_[thread];
  Join(&t.now, t.pending);
  Join(&seq_cst_, t.now, /*clocks=*/false);
  Join(&t.now, seq_cst_, /*clocks=*/false);
  Copy(&t.released, t.now);
  t.released_copy = nullptr;
}

bool Memory::PlainRead(uint32_t thread, uint32_t word, uint64_t* bits) {
  const Value& value = words_[word].back();
  *bits = value.bits;
  ThreadViews& t = threads_[thread];
  if (value.clock > t.now.clock[value.writer]) return false;
  t.now.seen[word] = value.stamp;
  MayRace(word);
  Touch(word);
  plain_reads_[word][thread] = ClockOf(thread);
  return true;
}

int Memory::RacingReader(uint32_t thread, uint32_t word) const {
  for (uint32_t i = 0; i < kThreads; ++i) {
    if (plain_reads_[word][i] > threads_[thread].now.clock[i]) return static_cast<int>(i);
  }
  return -1;
}

void Memory::Give(uint32_t thread, View* to) const { Join(to, threads_[thread].now); }
void Memory::Take(uint32_t thread, const View& from) { Join(&threads_[thread].now, from); }

}  // namespace millrace::checker
