#include "runtime/os/fork.h"

#include <pthread.h>

namespace millrace::os {

// The list of handles and the lock over it. Constant-initialised and never destroyed: handles in static
// storage may be made before and destroyed after everything else. Recursive, because a signal handler may
// fork while its thread holds the guard: without protection is better than never.
struct ForkRegistry {
  static pthread_mutex_t mutex;
  static ForkAware* first;

  static void Prepare() { pthread_mutex_lock(&mutex); }
  static void InParent() { pthread_mutex_unlock(&mutex); }
  static void InChild() {
    for (ForkAware* handle = first; handle != nullptr; handle = handle->next_) handle->InForkedChild();
    // The mutex belongs to a thread of the parent; here there is only one thread, so it may start afresh.
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

// Not a function-local static: pthread_once() starts over in a child that was forked in the middle of it,
// where the static would wait for ever. Handlers set twice do no harm.
void SetHandlersOnce() {
  pthread_once(&handlers_once, [] {
    pthread_atfork(&ForkRegistry::Prepare, &ForkRegistry::InParent, &ForkRegistry::InChild);
  });
}

// Sets them when the library is loaded, before static objects of the program are made. Prepare handlers run
// in the reverse order of their registration. So those of the program run before ours and take their locks
// before our mutex, in the order of a thread that holds such a lock while it calls us. In the other order the
// two could wait for each other. PROTOCOL.md "Fork".
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
