// SPDX-License-Identifier: Apache-2.0
#include "tests/stress/processes/director.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace millrace::stress {
namespace {

// Mean seconds between two events of one kind.
constexpr double kKillEvery = 0.08, kStopEvery = 0.1, kEvictEvery = 0.3;
constexpr double kLongestStop = 0.4;
// Seconds without any progress after which an actor hangs. Several times what a busy machine has needed.
constexpr double kStandstill = 8;

double Monotonic() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace

Director::Director(const Settings& settings, Ledger& ledger)
    : settings_(settings), ledger_(ledger), random_(settings.seed, 0, 0) {
  for (int i = 0; i < kProducers + settings.consumer_count() + settings.member_count(); ++i)
    actors_.push_back({i});
  advances_.resize(actors_.size());
  next_kill_ = random_.Gap(kKillEvery);
  next_stop_ = random_.Gap(kStopEvery);
  next_eviction_ = random_.Gap(kEvictEvery);
  sigemptyset(&awaited_);
  for (const int signal : {SIGCHLD, SIGINT, SIGTERM, SIGHUP}) sigaddset(&awaited_, signal);
  sigprocmask(SIG_BLOCK, &awaited_, &old_mask_);
}

Director::~Director() {
  for (Actor& actor : actors_) {
    if (actor.pid < 0) continue;
    kill(actor.pid, SIGKILL);
    waitpid(actor.pid, nullptr, 0);
  }
  sigprocmask(SIG_SETMASK, &old_mask_, nullptr);
}

double Director::Now() const { return Monotonic() - start_; }

void Director::Start() {
  start_ = Monotonic();
  for (Actor& actor : actors_) Launch(actor);
}

bool Director::Over() const {
  if (ledger_.violations.load() != 0) return true;
  return std::all_of(actors_.begin(), actors_.end(), [](const Actor& actor) { return actor.ended; });
}

// Waits for a few milliseconds or until a child ends. Returns the signal that requests an end, or 0.
int Director::Await() {
  const timespec longest{0, 5'000'000};
  const int signal = sigtimedwait(&awaited_, nullptr, &longest);
  return signal > 0 && signal != SIGCHLD ? signal : 0;
}

void Director::Step() {
  Reap();
  const double now = Now();
  if (now >= settings_.seconds && ending_since_ == 0) {
    ending_since_ = now;
    ledger_.ending.store(true);
  }
  Continue(ending_since_ != 0);
  LookForStandstill();
  if (ending_since_ != 0) return;
  // At most one of each kind: events that a stalled machine missed are not caught up.
  if (settings_.kills && now >= next_kill_) Kill();
  if (settings_.stops && now >= next_stop_) Stop();
  if (settings_.evictions && now >= next_eviction_) Evict();
}

void Director::Launch(Actor& actor) {
  const uint64_t life = lives_++;
  std::fflush(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    signal(SIGINT, SIG_IGN);  // Ctrl-C reaches all processes; the director ends the others in order
    sigprocmask(SIG_SETMASK, &old_mask_, nullptr);
    _exit(RunActor(actor, life));
  }
  if (pid < 0) {
    ledger_.Violation(absl::StrCat("fork: ", std::strerror(errno)));
    return;
  }
  actor.pid = pid;
  actor.killed = false;
  actor.stopped_until = 0;
  ++troubles_.processes;
}

int Director::RunActor(const Actor& actor, uint64_t life) {
  if (IsProducer(actor)) return RunProducer(settings_, ledger_, actor.number, life);
  if (IsMember(actor)) return RunMember(settings_, ledger_, MemberOf(actor), life);
  return RunConsumer(settings_, ledger_, ConsumerOf(actor), life);
}

// Returns how far an actor has come. Producers take turns, so all get the published messages. A member gets
// what its group was given. Opening a handle also counts for members and consumers.
uint64_t Director::ProgressOf(const Actor& actor) const {
  if (IsProducer(actor)) return ledger_.producer.committed.load();
  if (IsMember(actor)) {
    const GroupSheet& sheet = ledger_.groups[static_cast<int>(GroupOf(MemberOf(actor)))];
    return sheet.received.load() + sheet.handles.load();
  }
  const ConsumerSheet& sheet = ledger_.consumers[ConsumerOf(actor)];
  return sheet.book.Read().next + sheet.handles.load();
}

void Director::Reap() {
  for (Actor& actor : actors_) {
    int status = 0;
    if (actor.pid < 0 || waitpid(actor.pid, &status, WNOHANG) != actor.pid) continue;
    actor.pid = -1;
    Died(actor, status);
    const bool done = IsProducer(actor) ? ledger_.ended.load()
                      : IsMember(actor) ? ledger_.members_finished[MemberOf(actor)].load()
                                        : ledger_.consumers[ConsumerOf(actor)].finished.load();
    if (done && !actor.killed)
      actor.ended = true;
    else if (ledger_.violations.load() == 0)
      Launch(actor);
  }
}

void Director::Died(Actor& actor, int status) {
  if (WIFSIGNALED(status) && !(actor.killed && WTERMSIG(status) == SIGKILL)) {
    ledger_.Violation(absl::StrCat(NameOf(actor), " was ended by ", strsignal(WTERMSIG(status))));
  } else if (WIFEXITED(status) && WEXITSTATUS(status) != 0 && ledger_.violations.load() == 0) {
    ledger_.Violation(absl::StrCat(NameOf(actor), " exited with ", WEXITSTATUS(status)));
  }
}

Director::Actor& Director::AnyActor() {
  const size_t count = random_.OneIn(3) ? kProducers : actors_.size();
  return actors_[random_.Below(count)];
}

void Director::Kill() {
  next_kill_ = Now() + random_.Gap(kKillEvery);
  Actor& actor = AnyActor();
  if (actor.pid < 0 || actor.killed) return;
  kill(actor.pid, SIGKILL);
  actor.killed = true;
  ++troubles_.kills;
}

void Director::Stop() {
  next_stop_ = Now() + random_.Gap(kStopEvery);
  Actor& actor = AnyActor();
  const double length =
      1e-6 * static_cast<double>(random_.Between(500, static_cast<uint64_t>(kLongestStop * 1e6)));
  if (actor.pid < 0 || actor.killed || actor.stopped_until != 0) return;
  kill(actor.pid, SIGSTOP);
  actor.stopped_until = Now() + length;
  ++troubles_.stops;
}

void Director::Continue(bool all) {
  for (Actor& actor : actors_) {
    if (actor.pid < 0 || actor.stopped_until == 0 || (!all && Now() < actor.stopped_until)) continue;
    kill(actor.pid, SIGCONT);
    actor.stopped_until = 0;
  }
}

// Evicts like an operator: looks at the seats, then takes one away if it still has the holder that was seen.
void Director::Evict() {
  next_eviction_ = Now() + random_.Gap(kEvictEvery);
  const SegmentManager manager;
  const absl::StatusOr<RingInfo> info = manager.Inspect(settings_.ring);
  if (!info.ok() || !info->damage.empty()) {
    ledger_.Violation(
        absl::StrCat("looking at the ring: ", info.ok() ? info->damage : info.status().ToString()));
    return;
  }
  if (info->consumers.empty()) return;
  const SeatInfo& seat = info->consumers[random_.Below(info->consumers.size())];
  const absl::Status evicted = manager.Evict(settings_.ring, seat.seat, seat.generation);
  if (evicted.ok()) ++troubles_.evictions;
  if (!evicted.ok() && ErrorOf(evicted) != Error::kNotFound)
    ledger_.Violation(absl::StrCat("evicting: ", evicted.ToString()));
}

void Director::LookForStandstill() {
  const double now = Now();
  for (size_t i = kProducers - 1; i < actors_.size(); ++i) {
    const bool producer = i < kProducers;
    const uint64_t count = ProgressOf(actors_[i]);
    Advance& advance = advances_[i];
    if (count != advance.count || actors_[i].ended || (producer && ending_since_ != 0))
      advance = {count, now};
    if (now - advance.since < kStandstill) continue;
    ledger_.Violation(absl::StrCat(producer ? "nothing was published" : NameOf(actors_[i]) + " did not move",
                                   " for ", static_cast<int>(kStandstill), " s"));
    return;
  }
  if (ending_since_ != 0 && now - ending_since_ > kStandstill)
    ledger_.Violation(
        absl::StrCat("not at the end ", static_cast<int>(kStandstill), " s after the last trouble"));
}

std::string Director::NameOf(const Actor& actor) const {
  if (IsProducer(actor)) return absl::StrCat("producer ", actor.number);
  if (IsMember(actor))
    return absl::StrCat(stress::NameOf(GroupOf(MemberOf(actor))), " member ", MemberOf(actor));
  return absl::StrCat(KindOf(ConsumerOf(actor)), " consumer ", ConsumerOf(actor));
}

}  // namespace millrace::stress
