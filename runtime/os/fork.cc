// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/fork.h"

#include <pthread.h>

namespace millrace::os {

// The list of handles, and the mutex that protects it. Both are constant-initialised and never destroyed,
// because handles in static storage may be constructed before everything else and destroyed after it. The
// mutex is recursive, because a signal handler may fork while its thread holds the guard. An unprotected fork
// is better than a deadlock.
struct ForkRegistry {
  static pthread_mutex_t mutex;
  static ForkRegistration* first;

  static void Prepare() { pthread_mutex_lock(&mutex); }
  static void InParent() { pthread_mutex_unlock(&mutex); }
  static void InChild() {
    for (ForkRegistration* one = first; one != nullptr; one = one->next_) one->handle_->InForkedChild();
    // A thread of the parent holds the mutex. The child has only one thread, so it can start with a new
    // mutex.
    mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
  }

  static void Add(ForkRegistration* one) {
    const ForkGuard guard;
    one->next_ = first;
    if (first != nullptr) first->previous_ = one;
    first = one;
  }

  static void Remove(ForkRegistration* one) {
    const ForkGuard guard;
    if (one->next_ != nullptr) one->next_->previous_ = one->previous_;
    (one->previous_ != nullptr ? one->previous_->next_ : first) = one->next_;
  }
};

constinit pthread_mutex_t ForkRegistry::mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
constinit ForkRegistration* ForkRegistry::first = nullptr;

namespace {

pthread_once_t handlers_once = PTHREAD_ONCE_INIT;

// Registers the fork handlers. Not a function-local static, because a child forked in the middle of its
// initialisation would wait forever. pthread_once() starts over there; handlers registered twice do no harm.
void SetHandlersOnce() {
  pthread_once(&handlers_once, [] {
    pthread_atfork(&ForkRegistry::Prepare, &ForkRegistry::InParent, &ForkRegistry::InChild);
  });
}

// Registers the handlers when the library is loaded, before the program's static objects are constructed.
// Prepare handlers run in the reverse order of their registration, so the program's run before ours. They
// take the program's locks before our mutex, in the order of a thread that calls us while it holds such a
// lock. In the other order the two threads could deadlock. protocol/life_cycle.md "Fork".
[[gnu::constructor(101)]] void SetHandlersAtLoad() { SetHandlersOnce(); }

}  // namespace

ForkGuard::ForkGuard() {
  SetHandlersOnce();
  pthread_mutex_lock(&ForkRegistry::mutex);
}

ForkGuard::ForkGuard(std::try_to_lock_t) {
  SetHandlersOnce();
  held_ = pthread_mutex_trylock(&ForkRegistry::mutex) == 0;
}

ForkGuard::~ForkGuard() {
  if (held_) pthread_mutex_unlock(&ForkRegistry::mutex);
}

ForkRegistration::ForkRegistration(ForkAware* handle) : handle_(handle) { ForkRegistry::Add(this); }

ForkRegistration::~ForkRegistration() { ForkRegistry::Remove(this); }

}  // namespace millrace::os
