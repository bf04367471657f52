// SPDX-License-Identifier: Apache-2.0
#include "millrace/wait_set.h"

#include <memory>

#include "runtime/c/errors.h"
#include "runtime/c/handles.h"

using namespace millrace::c;  // NOLINT(google-build-using-namespace): the functions below are C's
using millrace::Error;

int millrace_wait_set_create(millrace_wait_set** out) {
  constexpr char kCall[] = "millrace_wait_set_create";
  if (out == nullptr) return Fail(Error::kBadArgument, kCall, "the pointer for the handle is null");
  *out = nullptr;
  return Guarded(kCall, [&] {
    *out = new millrace_wait_set;
    return static_cast<int>(MILLRACE_OK);
  });
}

void millrace_wait_set_free(millrace_wait_set* set) {
  if (set == nullptr) return;
  if (set->waiting)
    set->freed = true;
  else
    delete set;
}

int millrace_wait_set_add(millrace_wait_set* set, millrace_consumer* consumer, millrace_handler handler,
                          void* context) {
  constexpr char kCall[] = "millrace_wait_set_add";
  if (set == nullptr) return Fail(Error::kBadArgument, kCall, "the wait set is null");
  if (consumer == nullptr) return Fail(Error::kBadArgument, kCall, "the consumer is null");
  if (handler == nullptr) return Fail(Error::kBadArgument, kCall, "the handler is null");
  return Guarded(kCall, [&] {
    return Fail(set->set.Add(*consumer->consumer, [handler, context](const millrace::Received& received) {
      if (!received) return handler(context, static_cast<uint8_t>(received.why()), nullptr);
      millrace_message message{};
      Give(*received, MILLRACE_NO_SOURCE, &message);
      handler(context, MILLRACE_GOT_MESSAGE, &message);
    }));
  });
}

int millrace_wait_set_remove(millrace_wait_set* set, millrace_consumer* consumer) {
  constexpr char kCall[] = "millrace_wait_set_remove";
  if (set == nullptr) return Fail(Error::kBadArgument, kCall, "the wait set is null");
  if (consumer == nullptr) return Fail(Error::kBadArgument, kCall, "the consumer is null");
  return Guarded(kCall, [&] { return Fail(set->set.Remove(*consumer->consumer)); });
}

uint8_t millrace_wait_set_wait(millrace_wait_set* set, int64_t timeout_ns) {
  constexpr char kCall[] = "millrace_wait_set_wait";
  if (set == nullptr) return BadRead(kCall, "the wait set is null");
  if (set->waiting) return BadRead(kCall, "called in a handler of this wait set");
  set->waiting = true;
  uint8_t got = MILLRACE_GOT_BAD_ARGUMENT;  // if a handler of C++ has thrown
  (void)Guarded(kCall, [&] {
    got = static_cast<uint8_t>(set->set.Wait(millrace::Nanos(timeout_ns)).why);
    return static_cast<int>(MILLRACE_OK);
  });
  set->waiting = false;
  if (set->freed) delete set;
  return got;
}

size_t millrace_wait_set_size(const millrace_wait_set* set) { return set == nullptr ? 0 : set->set.size(); }

void millrace_wait_set_interrupt(millrace_wait_set* set) {
  if (set != nullptr) set->set.Interrupt();
}
