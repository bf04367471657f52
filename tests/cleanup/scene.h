// SPDX-License-Identifier: Apache-2.0
// A directory that only this test uses, with queues in every state and helpers that query them.
#ifndef MILLRACE_TESTS_CLEANUP_SCENE_H_
#define MILLRACE_TESTS_CLEANUP_SCENE_H_

#include <sys/stat.h>

#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "millrace/millrace.h"
#include "tests/support/must.h"
#include "tests/support/queue_words.h"
#include "tests/support/scratch_dir.h"

namespace millrace::testing {

class Scene {
 public:
  const std::string& path() const { return dir_.path(); }
  std::string File(const std::string& file) const { return dir_ / file; }
  std::set<std::string> Entries() const { return dir_.Entries(); }
  const SegmentManager& manager() const { return manager_; }

  RingOptions Small() const { return {.capacity = 4096, .seats = 4}; }
  ProducerOptions Here() const { return {.take_over_timeout = Nanos::zero(), .directory = path()}; }
  ConsumerOptions From(Start start) const { return {.start = start, .directory = path()}; }

  Producer Create(const std::string& name) const { return Must(Producer::Create(name, Small(), Here())); }
  // Leaves a queue with one message. Its producer ends without closing it.
  void LeaveDead(const std::string& name) const {
    if (Create(name).TryPublish("left behind") != Sent::kOk) abort();
  }
  Consumer Join(const std::string& name, Delivery delivery = Delivery::Lossless()) const {
    return Must(Consumer::Open(name, delivery, From(Start::Oldest())));
  }
  RingInfo Inspect(const std::string& name) const { return Must(manager_.Inspect(name)); }

  std::vector<Stale> FindStale(Nanos idle_for = Nanos::zero()) const {
    return Must(manager_.FindStale(idle_for));
  }
  std::set<std::string> StaleNames(Nanos idle_for = Nanos::zero()) const {
    std::set<std::string> names;
    for (const Stale& stale : FindStale(idle_for)) names.insert(stale.name);
    return names;
  }
  std::optional<Stale> StaleOf(const std::string& name) const {
    for (const Stale& stale : FindStale()) {
      if (stale.name == name) return stale;
    }
    return std::nullopt;
  }
  // Returns the argument that Prune would get from a process that found the queue stale a moment ago.
  Stale AsIfStale(const std::string& name) const { return {name, Inspect(name).incarnation, "", 0}; }
  Error Prune(const Stale& stale) const { return ErrorOf(manager_.Prune(stale)); }

  // Changes one property: Set("ring", &RingChanges::keep, true).
  template <class T>
  absl::Status Set(const std::string& name, std::optional<T> RingChanges::*what,
                   std::type_identity_t<T> to) const {
    RingChanges changes;
    changes.*what = to;
    return manager_.Set(name, changes);
  }

  // Makes all times that a queue has stored older by `by`, or younger if `by` is negative.
  void Age(const std::string& name, std::chrono::nanoseconds by) const {
    const QueueWords words(File(name));
    const auto ns = static_cast<uint64_t>(by.count());
    words.header().created_ns -= ns;
    internal::ProducerIdentity& producer = words.control().producer;
    for (uint64_t* time : {&producer.since_ns, &producer.left_ns}) *time -= *time == 0 ? 0 : ns;
    for (uint32_t i = 0; i < words.header().seats; ++i) {
      internal::Seat& seat = words.seat(i);
      for (uint64_t* time : {&seat.identity.since_ns, &seat.words.left_ns}) *time -= *time == 0 ? 0 : ns;
    }
    for (internal::Mark& mark : words.control().marks) mark.time_ns -= ns;
  }
  void Write(const std::string& file, const std::string& contents) const {
    std::ofstream(File(file), std::ios::binary) << contents;
  }
  std::string Read(const std::string& file) const {
    std::ifstream in(File(file), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  ino_t InodeOf(const std::string& file) const {
    struct stat facts {};
    return lstat(File(file).c_str(), &facts) == 0 ? facts.st_ino : 0;
  }

 private:
  ScratchDir dir_;
  SegmentManager manager_{dir_.path()};
};

}  // namespace millrace::testing

#endif  // MILLRACE_TESTS_CLEANUP_SCENE_H_
