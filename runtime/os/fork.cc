#include "runtime/os/fork.h"

#include <pthread.h>

namespace millrace::os {

// The list of handles, and the mutex that protects it. Both are constant-initialised and never destroyed,
// because handles in static storage may be constructed before everything else and destroyed after it. The
// mutex is recursive, because a signal handler may fork while its thread holds the guard. An unprotected fork
// is better than a deadlock.
struct ForkRegistry {
  static pthread_mutex_t mutex;
  static ForkAware* first;

  static void Prepare() { pthread_mutex_lock(&mutex); }
  static void InParent() { pthread_mutex_unlock(&mutex); }
  static void InChild() {
    for (ForkAware* handle = first; handle != nullptr; handle = handle->next_) handle->InForkedChild();
    // A thread of the parent holds the mutex. The child has only one thread, so it can start with a new
    // mutex.
    mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
  }

  static void Add(ForkAware* handle) {
    const ForkGuard guard;
    handle->next_ = first;
    if (first != nullptr) first->previous_ = handle;
    first = handle;
  }

  static void Remove(ForkAware* handle) {
    const ForkGuard guard;
    if (handle->next_ != nullptr) handle->next_->previous_ = handle->previous_;
    (handle->previous_ != nullptr ? handle->previous_->next_ : first) = handle->next_;
  }
};

constinit pthread_mutex_t ForkRegistry::mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
constinit ForkAware* ForkRegistry::first = nullptr;

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

ForkAware::ForkAware() { ForkRegistry::Add(this); }

ForkAware::~ForkAware() { ForkRegistry::Remove(this); }

}  // namespace millrace::os
