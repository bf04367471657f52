// SPDX-License-Identifier: Apache-2.0
#include "cast.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <limits>

#include "consumer.h"
#include "producer.h"

namespace demo {
namespace {

constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();

// Starts a process that runs `body` and dies with this one. Returns false if it could not be created.
bool Fork(Actor& actor, const std::function<int()>& body) {
  std::fflush(nullptr);
  const pid_t parent = getpid();
  actor.pid = fork();
  if (actor.pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    _exit(body());
  }
  actor.stage = actor.pid > 0 ? Stage::kRunning : Stage::kFailed;
  return actor.pid > 0;
}

int WaitFor(pid_t pid, int* status, int options) {
  for (;;) {
    const pid_t ended = waitpid(pid, status, options);
    if (ended >= 0 || errno != EINTR) return ended;
  }
}

}  // namespace

bool Cast::StartConsumer(size_t i, uint64_t wait_for_kill_at) {
  return Fork(consumers_[i], [this, i, wait_for_kill_at] {
    return RunConsumer(settings_, settings_.roles[i], wait_for_kill_at, board_.consumers[i]);
  });
}

bool Cast::Start() {
  for (size_t i = 0; i < kConsumers; ++i) {  // before the ring exists: they wait for it
    if (!StartConsumer(i, settings_.roles[i].killed ? settings_.kill_until() : kNever)) return false;
  }
  return Fork(producer_, [this] { return RunProducer(settings_, board_.producer); });
}

void Cast::Reap(Actor& actor) {
  int status = 0;
  if (actor.pid <= 0 || WaitFor(actor.pid, &status, WNOHANG) != actor.pid) return;
  actor.pid = -1;
  actor.stage = WIFEXITED(status) && WEXITSTATUS(status) == 0 ? Stage::kEnded : Stage::kFailed;
}

void Cast::KillOrBringBack(size_t i) {
  Actor& actor = consumers_[i];
  const uint64_t published = board_.producer.published.load(std::memory_order_relaxed);
  if (!actor.was_killed) {
    if (actor.pid <= 0 || !board_.producer.started.load(std::memory_order_relaxed)) return;
    if (board_.consumers[i].checkpoint.Load().received < settings_.kill_from()) return;
    kill(actor.pid, SIGKILL);
    WaitFor(actor.pid, nullptr, 0);
    actor.pid = -1;
    actor.stage = Stage::kKilled;
    actor.was_killed = true;
    actor.killed_at = board_.consumers[i].checkpoint.Load().next;
    actor.back_at = published + settings_.away / settings_.chunk;
  } else if (actor.stage == Stage::kKilled) {
    if (published < actor.back_at && !board_.producer.done.load(std::memory_order_relaxed)) return;
    actor.back_at = published;
    StartConsumer(i, kNever);
  }
}

void Cast::Step() {
  Reap(producer_);
  for (size_t i = 0; i < kConsumers; ++i) {
    Reap(consumers_[i]);
    if (settings_.roles[i].killed) KillOrBringBack(i);
  }
}

void Cast::KillAll() {
  const auto end = [](Actor& actor) {
    if (actor.pid <= 0) return;
    kill(actor.pid, SIGKILL);
    WaitFor(actor.pid, nullptr, 0);
    actor.pid = -1;
  };
  end(producer_);
  for (Actor& actor : consumers_) end(actor);
}

bool Cast::running() const {
  bool running = producer_.pid > 0;
  for (const Actor& actor : consumers_) running = running || actor.pid > 0 || actor.stage == Stage::kKilled;
  return running;
}

bool Cast::failed() const {
  bool failed = producer_.stage == Stage::kFailed;
  for (const Actor& actor : consumers_) failed = failed || actor.stage == Stage::kFailed;
  return failed;
}

}  // namespace demo
