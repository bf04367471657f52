// SPDX-License-Identifier: Apache-2.0
// Starts the processes. Kills, stops and evicts them at random times that follow from a seed, and replaces
// those that ended.
#ifndef MILLRACE_TESTS_STRESS_PROCESSES_DIRECTOR_H_
#define MILLRACE_TESTS_STRESS_PROCESSES_DIRECTOR_H_

#include <signal.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/stress/processes/ledger.h"
#include "tests/stress/processes/process.h"
#include "tests/stress/processes/random.h"
#include "tests/stress/processes/settings.h"

namespace millrace::stress {

struct Troubles {
  uint64_t processes = 0, kills = 0, stops = 0, evictions = 0;
};

class Director {
 public:
  Director(const Settings& settings, Ledger& ledger);
  Director(const Director&) = delete;
  ~Director();  // ends every process

  // Makes trouble for the duration, then waits until every process has read everything. Calls `look(seconds)`
  // often. Returns the signal that ended the run early, or 0. A violation also ends the run early.
  template <class Look>
  int Run(Look look) {
    Start();
    while (!Over()) {
      if (const int signal = Await(); signal != 0) return signal;
      Step();
      look(Now());
    }
    return 0;
  }
  const Troubles& troubles() const { return troubles_; }

 private:
  struct Actor {
    int number;  // producers first, then consumers, then members of groups
    pid_t pid = -1;
    bool killed = false;
    double stopped_until = 0;  // 0: it is running
    bool ended = false;        // and is not to be replaced
  };
  struct Advance {  // a count, and when it last changed
    uint64_t count = 0;
    double since = 0;
  };

  double Now() const;
  void Start();
  bool Over() const;
  int Await();
  void Step();
  void Launch(Actor& actor);
  void Reap();
  void Died(Actor& actor, int status);
  void Kill();
  void Stop();
  void Continue(bool all);
  void Evict();
  void LookForStandstill();
  Actor& AnyActor();
  std::string NameOf(const Actor& actor) const;
  int RunActor(const Actor& actor, uint64_t life);
  uint64_t ProgressOf(const Actor& actor) const;
  bool IsProducer(const Actor& actor) const { return actor.number < kProducers; }
  bool IsMember(const Actor& actor) const { return actor.number >= kProducers + settings_.consumer_count(); }
  int ConsumerOf(const Actor& actor) const { return actor.number - kProducers; }
  int MemberOf(const Actor& actor) const { return actor.number - kProducers - settings_.consumer_count(); }

  const Settings& settings_;
  Ledger& ledger_;
  Random random_;
  std::vector<Actor> actors_;
  std::vector<Advance> advances_;
  Troubles troubles_;
  uint64_t lives_ = 0;
  double start_ = 0, ending_since_ = 0, next_kill_, next_stop_, next_eviction_;
  sigset_t awaited_, old_mask_;
};

}  // namespace millrace::stress

#endif  // MILLRACE_TESTS_STRESS_PROCESSES_DIRECTOR_H_
