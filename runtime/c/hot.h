// SPDX-License-Identifier: Apache-2.0
// The inline half of a consumer's handle. Reading through it stores the fields of a message where the C caller
// wants them, without a Received in between, which would go through the stack.
#ifndef MILLRACE_RUNTIME_C_HOT_H_
#define MILLRACE_RUNTIME_C_HOT_H_

#include "millrace/consumer.h"

namespace millrace {
namespace c {
struct NoMessage;
}

// The typed handles are friends of Consumer. This one has no messages: it only hands out what a friend sees.
template <>
class TypedConsumer<c::NoMessage> {
 public:
  // Returns the hot half, whose address stays the same when the handle is moved.
  static internal::ConsumerHot* HotOf(Consumer& consumer) { return consumer.hot_.get(); }
};

}  // namespace millrace

#endif  // MILLRACE_RUNTIME_C_HOT_H_
