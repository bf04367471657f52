// The machine's half that touches words: every access of checked code.
#include <cstring>

#include "tests/checker/machine.h"

namespace millrace::checker {
namespace {

uint64_t Origin(const Value& v) { return uint64_t{v.writer} << 32 | v.clock; }

uint64_t Cut(uint64_t value, uint32_t bytes) { return bytes == 4 ? value & 0xffffffffu : value; }

// Loads whose first look at a word that nobody ever wrote need no choice before them: scans of all marks.
bool IsMarkScan(Site site) {
  return site == Site::K5 || site == Site::K6 || site == Site::K7 || site == Site::K8;
}

}  // namespace

uint64_t Machine::Load(const void* address, uint32_t bytes, std::memory_order order, Site site) {
  if (!memory_.Covers(address)) {  // a constant of the program: nobody shares it
    uint64_t bits = 0;
    std::memcpy(&bits, address, bytes);
    return bits;
  }
  const uint32_t word = memory_.WordAt(address, bytes);
  if (IsMarkScan(site) && !memory_.EverWritten(word) && choices_->Exhaustive()) {
    Count();
  } else {
    Step(site);
  }
  uint32_t choice = 0;
  if (site != Site::X) {
    const uint32_t choices = memory_.LoadChoices(self_, word);
    if (choices > 1 && Allowance(values_, bounds_.values) != 0)
      choice = choices_->Choose(choices, Choice::kValue);
    values_ += choice != 0;
  }
  const Value& value = memory_.Load(self_, word, order, choice);
  const uint64_t bits = value.bits;
  Observe(Origin(value) ^ uint64_t{word} << 40);
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
  Step(site);
  const uint32_t word = memory_.WordAt(address, bytes);
  CheckWrite(word);
  uint32_t choice = 0;
  if (site != Site::X) {
    const uint32_t choices = memory_.StoreChoices(self_, word);
    if (choices > 1 && Allowance(values_, bounds_.values) != 0)
      choice = choices_->Choose(choices, Choice::kValue);
    values_ += choice != 0;
  }
  memory_.Store(self_, word, Cut(value, bytes), order, choice);
  Observe(uint64_t{word} << 40 ^ choice);
  if (trace_ != nullptr && site != Site::X) Trace(site, "store", address, Cut(value, bytes), choice);
  stored_(address, value, site);
}

uint64_t Machine::ReadModifyWrite(void* address, uint32_t bytes, Rmw what, uint64_t value,
                                  std::memory_order order, Site site) {
  Step(site);
  const uint32_t word = memory_.WordAt(address, bytes);
  Observe(Origin(memory_.Newest(word)) ^ uint64_t{word} << 40);
  const uint64_t old = memory_.Newest(word).bits;
  const uint64_t fresh = Cut(what == Rmw::kAdd ? old + value : value, bytes);
  memory_.Replace(self_, word, fresh, order);
  if (trace_ != nullptr) Trace(site, what == Rmw::kAdd ? "add" : "exchange", address, fresh, 0);
  return old;
}

bool Machine::CompareExchange(void* address, uint32_t bytes, uint64_t* expected, uint64_t desired,
                              std::memory_order order, Site site) {
  Step(site);
  const uint32_t word = memory_.WordAt(address, bytes);
  uint32_t choice = 0;  // a failing one is a load, and may fail because of an old value
  const uint32_t choices = memory_.LoadChoices(self_, word);
  if (choices > 1 && Allowance(values_, bounds_.values) != 0)
    choice = choices_->Choose(choices, Choice::kValue);
  if (choice != 0) {
    ++values_;
    const Value& value = memory_.Load(self_, word, std::memory_order_acquire, choice);
    Observe(Origin(value) ^ uint64_t{word} << 40);
    if (value.bits != *expected) {
      *expected = value.bits;
      if (trace_ != nullptr) Trace(site, "cas fails", address, *expected, choice);
      return false;
    }
  }
  const Value& newest = memory_.Newest(word);
  Observe(Origin(newest) ^ uint64_t{word} << 40);
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
  if (IsMarkScan(site) && choices_->Exhaustive()) {
    Count();
  } else {
    Step(site);
  }
  memory_.Fence(self_, order);
  Observe(static_cast<uint64_t>(order));
  if (order == std::memory_order_seq_cst) fence_history_ = MixBits(fence_history_ ^ threads_[self_].history);
  if (trace_ != nullptr) Trace(site, "fence", nullptr, 0, 0);
}

bool Machine::Membarrier() {
  const auto fence = [this](uint32_t thread) {
    memory_.SeqCstFence(thread);
    threads_[thread].history = MixBits(threads_[thread].history ^ 0x3e3b);
    fence_history_ = MixBits(fence_history_ ^ threads_[thread].history);
  };
  Step(Site::W3);
  fence(self_);
  for (uint32_t i = 0; i < count_; ++i) {
    if (i == self_ || !threads_[i].role.registered) continue;
    Step(Site::W3);  // the interrupt reaches each of them somewhere in between
    fence(i);
  }
  Step(Site::W3);
  fence(self_);
  if (trace_ != nullptr) Trace(Site::W3, "membarrier", nullptr, 0, 0);
  return true;
}

void Machine::StorePayload(std::byte* to, const uint64_t* words, size_t n) {
  if (n != 0) Step(Site::P1);
  for (size_t i = 0; i < n; ++i) {
    const uint32_t word = memory_.WordAt(to + 8 * i, 8);
    memory_.Tick(self_);
    CheckWrite(word);
    memory_.Store(self_, word, words[i], std::memory_order_relaxed, 0);
  }
  Observe(n);
  if (trace_ != nullptr && n != 0) Trace(Site::X, "payload", to, words[0], 0);
}

void Machine::LoadPayload(uint64_t* to, const std::byte* from, size_t n) {
  if (n != 0) Step(Site::C4);
  for (size_t i = 0; i < n; ++i) {
    const uint32_t word = memory_.WordAt(from + 8 * i, 8);
    uint32_t choice = 0;
    const uint32_t choices = memory_.LoadChoices(self_, word);
    if (choices > 1 && Allowance(values_, bounds_.values) != 0)
      choice = choices_->Choose(choices, Choice::kValue);
    values_ += choice != 0;
    const Value& value = memory_.Load(self_, word, std::memory_order_relaxed, choice);
    to[i] = value.bits;
    Observe(Origin(value));
    if (trace_ != nullptr && choice != 0) Trace(Site::X, "copied", from + 8 * i, value.bits, choice);
  }
  if (trace_ != nullptr && n != 0) Trace(Site::X, "copied", from, to[0], 0);
}

void Machine::ReadPlain(uint64_t* to, const std::byte* from, size_t n) {
  if (n != 0) Step(Site::C2);
  for (size_t i = 0; i < n; ++i) {
    if (!memory_.PlainRead(self_, memory_.WordAt(from + 8 * i, 8), &to[i])) {
      Violate("TORN: reads bytes in place that are being written (" + name_of_(from + 8 * i) + ")");
    }
  }
  Observe(n);
  if (trace_ != nullptr && n != 0) Trace(Site::X, "in place", from, to[0], 0);
}

}  // namespace millrace::checker
