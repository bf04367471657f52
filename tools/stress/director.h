// Starts the processes, kills, stops and evicts them at random times of a seed, and replaces who ended.
#ifndef MILLRACE_TOOLS_STRESS_DIRECTOR_H_
#define MILLRACE_TOOLS_STRESS_DIRECTOR_H_

#include <signal.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tools/stress/ledger.h"
#include "tools/stress/process.h"
#include "tools/stress/random.h"
#include "tools/stress/settings.h"

namespace millrace::stress {

struct Troubles {
  uint64_t processes = 0, kills = 0, stops = 0, evictions = 0;
};

class Director {
 public:
  Director(const Settings& settings, Ledger& ledger);
  Director(const Director&) = delete;
  ~Director();  // nobody is left

  // Trouble for the duration, then peace until everybody has read everything. Calls `look(seconds)` often.
  // Returns the signal that ended it early, or 0. A violation ends it early too.
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
    double stopped_until = 0;  // 0: runs
    bool ended = false;        // and need not be replaced
  };
  struct Advance {  // when a count last changed
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

#endif  // MILLRACE_TOOLS_STRESS_DIRECTOR_H_
