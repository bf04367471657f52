// SPDX-License-Identifier: Apache-2.0
#include "tools/shmctl/io/signals.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "millrace/consumer.h"
#include "millrace/merge.h"
#include "millrace/producer.h"

namespace millrace::tool {
namespace {

// The handler runs in the only thread of the process. So these words need lock-free atomicity but no
// ordering.
std::atomic<int> caught{0};
std::atomic<Producer*> active_producer{nullptr};
std::atomic<Consumer*> active_consumer{nullptr};
std::atomic<Merge*> active_merge{nullptr};
timer_t ticker;
bool has_ticker = false;  // set before any handler is installed
static_assert(std::atomic<Consumer*>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

void InterruptActive() {
  if (Producer* producer = active_producer.load()) producer->Interrupt();
  if (Consumer* consumer = active_consumer.load()) consumer->Interrupt();
  if (Merge* merge = active_merge.load()) merge->Interrupt();
}

void Handle(int number, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, nullptr);
}

// The tick is a real-time signal. SIGALRM is left to the process that started this tool (timeout -s ALRM).
int TickSignal() { return SIGRTMIN; }

extern "C" void OnSignal(int number) {
  const int saved_errno = errno;
  if (caught.load() == 0) {
    caught.store(number);
    const itimerspec every_second = {{1, 0}, {1, 0}};
    if (has_ticker) timer_settime(ticker, 0, &every_second, nullptr);
  }
  InterruptActive();
  errno = saved_errno;
}

extern "C" void OnTick(int /*number*/) {
  const int saved_errno = errno;
  if (caught.load() != 0) InterruptActive();
  errno = saved_errno;
}

void CreateTicker() {
  Handle(TickSignal(), OnTick);
  sigevent event = {};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = TickSignal();
  has_ticker = timer_create(CLOCK_MONOTONIC, &event, &ticker) == 0;
}

bool IsIgnored(int number) {
  struct sigaction action = {};
  return sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

void InstallSignalHandlers() {
  Handle(SIGPIPE, SIG_IGN);
  Handle(SIGXFSZ, SIG_IGN);
  CreateTicker();
  Handle(SIGINT, OnSignal);
  Handle(SIGTERM, OnSignal);
  for (const int number : {SIGHUP, SIGALRM}) {
    if (!IsIgnored(number)) Handle(number, OnSignal);
  }
}

int CaughtSignal() { return caught.load(std::memory_order_relaxed); }

InterruptOnSignal::InterruptOnSignal(Producer* producer) {
  active_producer.store(producer);
  // The signal may have arrived before there was anything to interrupt.
  if (CaughtSignal() != 0) producer->Interrupt();
}

InterruptOnSignal::InterruptOnSignal(Consumer* consumer) {
  active_consumer.store(consumer);
  if (CaughtSignal() != 0) consumer->Interrupt();
}

InterruptOnSignal::InterruptOnSignal(Merge* merge) {
  active_merge.store(merge);
  if (CaughtSignal() != 0) merge->Interrupt();
}

InterruptOnSignal::~InterruptOnSignal() {
  active_producer.store(nullptr);
  active_consumer.store(nullptr);
  active_merge.store(nullptr);
}

}  // namespace millrace::tool
