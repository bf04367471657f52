// SPDX-License-Identifier: Apache-2.0
// The part of the machine that accesses words: every access of checked code.
#include <cstring>

#include "tests/checker/engine/machine.h"

namespace millrace::checker {
namespace {

uint64_t Cut(uint64_t value, uint32_t bytes) { return bytes == 4 ? value & 0xffffffffu : value; }

}  // namespace

uint64_t Machine::Load(const void* address, uint32_t bytes, std::memory_order order, Site site) {
  Enter(address, static_cast<uint64_t>(order), static_cast<uint64_t>(site));
  if (!memory_.Covers(address)) {  // a constant of the program: not shared
    uint64_t bits = 0;
    std::memcpy(&bits, address, bytes);
    return bits;
  }
  const uint32_t word = memory_.WordAt(address, bytes);
  Begin(Look(word, /*writes=*/false, site));
  const uint32_t choice = ChooseValue(memory_.LoadChoices(self_, word));
  const Value& value = memory_.Load(self_, word, order, choice);
  const uint64_t bits = value.bits;
  if (trace_ != nullptr && site != Site::X) Trace(site, "load", address, bits, choice);
  return bits;
}

void Machine::CheckWrite(uint32_t word) {
  const int reader = memory_.RacingReader(self_, word);
  if (reader < 0) return;
  Violate("TORN: overwrites bytes that " + std::string(threads_[reader].role.name) + " reads in place (" +
          name_of_(memory_.AddressOf(word)) + ")");
}

void Machine::Store(void* address, uint32_t bytes, uint64_t value, std::memory_order order, Site site) {
  Enter(address, value, static_cast<uint64_t>(order) << 8 | static_cast<uint64_t>(site));
  const uint32_t word = memory_.WordAt(address, bytes);
  Begin(Look(word, /*writes=*/true, site));
  CheckWrite(word);
  const uint32_t choice = ChooseValue(memory_.StoreChoices(self_, word));
  memory_.Store(self_, word, Cut(value, bytes), order, choice);
  if (trace_ != nullptr && site != Site::X) Trace(site, "store", address, Cut(value, bytes), choice);
  stored_(address, value, site);
}

uint64_t Machine::ReadModifyWrite(void* address, uint32_t bytes, Rmw what, uint64_t value,
                                  std::memory_order order, Site site) {
  Enter(address, value, static_cast<uint64_t>(order) << 8 | static_cast<uint64_t>(site));
  const uint32_t word = memory_.WordAt(address, bytes);
  Look(word, /*writes=*/false, site);
  Begin(Look(word, /*writes=*/true, site));
  const uint64_t old = memory_.Newest(word).bits;
  const uint64_t fresh = Cut(what == Rmw::kAdd ? old + value : value, bytes);
  memory_.Replace(self_, word, fresh, order);
  if (trace_ != nullptr) Trace(site, what == Rmw::kAdd ? "add" : "exchange", address, fresh, 0);
  return old;
}

bool Machine::CompareExchange(void* address, uint32_t bytes, uint64_t* expected, uint64_t desired,
                              std::memory_order order, Site site) {
  Enter(address, MixBits(*expected) ^ desired,
        static_cast<uint64_t>(order) << 8 | static_cast<uint64_t>(site));
  const uint32_t word = memory_.WordAt(address, bytes);
  Look(word, /*writes=*/false, site);
  Begin(Look(word, /*writes=*/true, site));
  // A failing exchange is a load, and may fail because of an old value.
  const uint32_t choice = ChooseValue(memory_.LoadChoices(self_, word));
  if (choice != 0) {
    const Value& value = memory_.Load(self_, word, std::memory_order_acquire, choice);
    if (value.bits != *expected) {
      *expected = value.bits;
      if (trace_ != nullptr) Trace(site, "cas fails", address, *expected, choice);
      return false;
    }
  }
  const Value& newest = memory_.Newest(word);
  if (newest.bits != *expected) {
    *expected = memory_.Load(self_, word, std::memory_order_acquire, 0).bits;
    if (trace_ != nullptr) Trace(site, "cas fails", address, *expected, 0);
    return false;
  }
  memory_.Replace(self_, word, Cut(desired, bytes), order);
  if (trace_ != nullptr) Trace(site, "cas", address, desired, 0);
  return true;
}

void Machine::Fence(std::memory_order order, Site site) {
  Enter(static_cast<uint64_t>(order), static_cast<uint64_t>(site));
  const bool full = order == std::memory_order_seq_cst;  // any other is between the thread and its own view
  Begin(full ? Look(Conflicts::kFences, /*writes=*/true, site)
             : (choices_->Exhaustive() && reduces ? Step::kOwn : Step::kActs));
  memory_.Fence(self_, order);
  if (trace_ != nullptr) Trace(site, "fence", nullptr, 0, 0);
}

bool Machine::Membarrier() {
  Enter();
  uint64_t progress = 0;
  const auto fence = [&](uint32_t thread) {
    threads_[self_].call = ++progress;
    Begin(Step::kActs);
    Look(Conflicts::kFences, /*writes=*/true, Site::W3);
    memory_.SeqCstFence(thread);
  };
  fence(self_);
  for (uint32_t i = 0; i < count_; ++i) {
    // The interrupt reaches each of them at some point inside the call.
    if (i != self_ && threads_[i].role.registered) fence(i);
  }
  fence(self_);
  if (trace_ != nullptr) Trace(Site::W3, "membarrier", nullptr, 0, 0);
  return true;
}

// Stores the payload in one step. A crash in between leaves bytes that no reader looks at. A concurrent
// reader may see each of them old or new (LoadPayload).
void Machine::StorePayload(std::byte* to, const uint64_t* words, size_t n) {
  Enter(to, n);
  if (n == 0) return;
  Begin(LookAtAll(to, n, /*writes=*/true));
  for (size_t i = 0; i < n; ++i) {
    const uint32_t word = memory_.WordAt(to + 8 * i, 8);
    memory_.MayRace(word);
    CheckWrite(word);
    memory_.Store(self_, word, words[i], std::memory_order_relaxed, 0);
  }
  if (trace_ != nullptr) Trace(Site::X, "payload", to, words[0], 0);
}

// Tries only two kinds of mixtures of old and new words. In the first, every word is as old as possible
// except one: a thread learns least from it. Any other wrong copy that is believed contains a wrong word. The
// mixture with that word alone is believed as well, since the thread learnt less that could contradict it. In
// the second, every word is the newest: the calm execution.
void Machine::LoadPayload(uint64_t* to, const std::byte* from, size_t n) {
  Enter(from, n);
  if (n == 0) return;
  Begin(LookAtAll(from, n, /*writes=*/false));
  constexpr size_t kMost = 256;
  uint32_t choices[kMost];
  mixtures_.clear();
  for (size_t i = 0; i < n && i < kMost; ++i) {
    const uint32_t word = memory_.WordAt(from + 8 * i, 8);
    choices[i] = memory_.LoadChoices(self_, word);
    if (choices[i] == 1) continue;
    if (mixtures_.empty()) mixtures_.push_back({n, 0});
    const bool alike = i > 0 && choices[i] == choices[i - 1] &&
                       memory_.TellTheSame(word, memory_.WordAt(from + 8 * (i - 1), 8), choices[i]);
    for (uint32_t c = 0; !alike && c + 1 < choices[i]; ++c) mixtures_.push_back({i, c});
  }
  const uint32_t chosen = ChooseValue(static_cast<uint32_t>(mixtures_.size()) + 1);
  const Mixture mixture = chosen == 0 ? Mixture{n, 0} : mixtures_[chosen - 1];
  for (size_t i = 0; i < n; ++i) {
    uint32_t choice = chosen == 0 ? 0 : choices[i] - 1;
    if (i == mixture.word) choice = mixture.choice;
    const uint32_t word = memory_.WordAt(from + 8 * i, 8);
    const Value& value = memory_.Load(self_, word, std::memory_order_relaxed, choice);
    to[i] = value.bits;
    if (trace_ != nullptr && choice != 0) Trace(Site::X, "copied", from + 8 * i, value.bits, choice);
  }
  if (trace_ != nullptr) Trace(Site::X, "copied", from, to[0], 0);
}

// Makes no choice of which thread runs first: a race shows in the clocks in either order.
void Machine::ReadPlain(uint64_t* to, const std::byte* from, size_t n) {
  Enter(from, n);
  if (n == 0) return;
  const bool exhaustive = choices_->Exhaustive();
  Begin(exhaustive && reduces ? Step::kOwn : Step::kActs);
  for (size_t i = 0; i < n; ++i) {
    const uint32_t word = memory_.WordAt(from + 8 * i, 8);
    if (exhaustive) conflicts_.Touch(word, self_, threads_[self_].stage, Conflicts::Access::kPlainRead);
    if (!memory_.PlainRead(self_, word, &to[i])) {
      Violate("TORN: reads bytes in place that are being written (" + name_of_(from + 8 * i) + ")");
    }
  }
  if (trace_ != nullptr) Trace(Site::X, "in place", from, to[0], 0);
}

}  // namespace millrace::checker
