// SPDX-License-Identifier: Apache-2.0
// The main functions of the processes that are started, stopped and killed. Each returns the exit code of its
// process: 0 at the end of its life, 1 after a violation, which it has recorded.
#ifndef MILLRACE_TESTS_STRESS_PROCESSES_PROCESS_H_
#define MILLRACE_TESTS_STRESS_PROCESSES_PROCESS_H_

#include <cstdint>

#include "millrace/millrace.h"
#include "tests/stress/processes/ledger.h"
#include "tests/stress/processes/settings.h"

namespace millrace::stress {

// `life` is the number of processes started before, for the random choices.
int RunProducer(const Settings& settings, Ledger& ledger, int number, uint64_t life);
int RunConsumer(const Settings& settings, Ledger& ledger, int number, uint64_t life);
int RunMember(const Settings& settings, Ledger& ledger, int number, uint64_t life);

// Returns the deliveries in turn: consumers 0, 1, 2, 3 ... are lossless, lossy, observer, lossless ...
inline Delivery DeliveryOf(int consumer) {
  switch (consumer % kKinds) {
    case 0:
      return Delivery::Lossless();
    case 1:
      return Delivery::Lossy();
    default:
      return Delivery::Observer();
  }
}
// Returns the groups in turn: members 0, 1, 2, 3 ... are in the first, the second, the first, the second ...
inline Group GroupOf(int member) { return member % kGroups == 0 ? Group::kDurable : Group::kWorkers; }
inline const char* NameOf(Group group) { return group == Group::kDurable ? "durable" : "workers"; }
inline Delivery DeliveryOf(Group group) { return Delivery::Group(NameOf(group), group == Group::kDurable); }

inline const char* KindOf(int consumer) {
  constexpr const char* kNames[] = {"lossless", "lossy", "observer"};
  return kNames[consumer % kKinds];
}

}  // namespace millrace::stress

#endif  // MILLRACE_TESTS_STRESS_PROCESSES_PROCESS_H_
