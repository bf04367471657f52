// SPDX-License-Identifier: Apache-2.0
// Options as users write them: if a user names some members, the compiler must not warn about the others.
#include <millrace/options.h>

using namespace std::chrono_literals;
using millrace::Access;
using millrace::ConsumerOptions;
using millrace::ProducerOptions;
using millrace::RingOptions;

void Create(const RingOptions&, const ProducerOptions& = {});
void Open(const ConsumerOptions&);

void Use(gid_t group) {
  Create({.capacity = 65536});
  Create({.seats = 3}, {.on_full = millrace::OnFull::kDropNew});
  Create({.capacity = 65536, .schema = "number:u64", .keep = true}, {.evict_after = 1s, .label = "one"});
  Create({.max_message = 100, .access = Access{.seats = 0660}},
         {.take_over_timeout = 0s, .directory = "/tmp"});
  Create({.access = Access{.ring = 0640, .group = group}});
  Create({.access = Access::Everyone()});
  Open({.copy = true});
  Open({.start = millrace::Start::Last(1), .open_timeout = 1s, .label = "two"});
  Open({.wait = millrace::Wait::kPark, .schema = "number:u64"});
  Open({.on_overrun = millrace::Overrun::kResumeNewest, .follow_reopen = true, .directory = "/tmp"});
  const RingOptions named{.capacity = 4096, .access = Access::Group(group)};
  const ProducerOptions producer{.label = "three"};
  Create(named, producer);
}
