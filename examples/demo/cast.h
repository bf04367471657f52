// SPDX-License-Identifier: Apache-2.0
// The demo's processes: when each one is started, killed and started again.
#ifndef MILLRACE_EXAMPLES_DEMO_CAST_H_
#define MILLRACE_EXAMPLES_DEMO_CAST_H_

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <functional>

#include "scoreboard.h"
#include "settings.h"

namespace demo {

enum class Stage : uint8_t { kRunning, kKilled, kEnded, kFailed };

struct Actor {
  pid_t pid = -1;  // above 0 while the process runs
  Stage stage = Stage::kRunning;
  bool was_killed = false;
  uint64_t killed_at = 0;  // sequence of the message that it would have read next
  uint64_t back_at = 0;    // messages published when it was started again
};

class Cast {
 public:
  Cast(const Settings& settings, Scoreboard& board) : settings_(settings), board_(board) {}
  Cast(const Cast&) = delete;
  ~Cast() { KillAll(); }

  bool Start();    // returns false if a process could not be created
  void Step();     // notices processes that ended; kills and restarts those that are due
  void KillAll();  // kills the processes and waits until they are gone
  bool running() const;
  bool failed() const;  // a process gave up, so the others would wait forever

  const Actor& producer() const { return producer_; }
  const Actor& consumer(size_t i) const { return consumers_[i]; }

 private:
  bool StartConsumer(size_t i, uint64_t wait_for_kill_at);
  void Reap(Actor& actor);
  void KillOrBringBack(size_t i);

  const Settings& settings_;
  Scoreboard& board_;
  Actor producer_;
  std::array<Actor, kConsumers> consumers_;
};

}  // namespace demo

#endif  // MILLRACE_EXAMPLES_DEMO_CAST_H_
