// SPDX-License-Identifier: Apache-2.0
#include "runtime/segment/plan.h"

#include <algorithm>
#include <bit>

#include "absl/strings/str_cat.h"
#include "runtime/os/failure.h"

namespace millrace::segment {
namespace {

absl::Status Bad(std::string_view name, const std::string& what) {
  return os::Failure(Error::kBadArgument, absl::StrCat("create \"", os::ToAbsl(name), "\": ", what));
}

std::string Neighbours(uint64_t capacity) {
  const uint64_t below = std::max(std::bit_floor(capacity), internal::kMinCapacity);
  const uint64_t above = std::min(below * 2, internal::kMaxCapacity);
  if (capacity < internal::kMinCapacity) return absl::StrCat("use at least ", internal::kMinCapacity);
  if (below >= internal::kMaxCapacity) return absl::StrCat("use at most ", internal::kMaxCapacity);
  return absl::StrCat("use ", below, " or ", above);
}

}  // namespace

absl::StatusOr<RingPlan> PlanOf(std::string_view name, const RingOptions& options) {
  RingPlan plan{};
  plan.capacity = options.capacity.value_or(internal::kDefaultCapacity);
  if (!std::has_single_bit(plan.capacity) || plan.capacity < internal::kMinCapacity ||
      plan.capacity > internal::kMaxCapacity) {
    return Bad(name,
               absl::StrCat("capacity ", plan.capacity, " bytes is not a power of two from 4 KiB to 8 GiB; ",
                            Neighbours(plan.capacity)));
  }
  const uint64_t bound = internal::MaxPayloadFor(plan.capacity);
  plan.max_message = options.max_message.value_or(bound);
  if (plan.max_message == 0 || plan.max_message > bound) {
    return Bad(name,
               absl::StrCat("maximum message ", plan.max_message, " bytes is not between 1 and ", bound,
                            " (an eighth of the capacity); choose a larger capacity or a smaller message"));
  }
  plan.seats = options.seats.value_or(kDefaultSeats);
  if (plan.seats == 0 || plan.seats > internal::kMaxSeats) {
    return Bad(name, absl::StrCat(plan.seats, " seats is not between 1 and ", internal::kMaxSeats));
  }
  plan.schema = options.schema.value_or("");
  if (plan.schema.size() > internal::kMaxSchema) {
    return Bad(name, absl::StrCat("a schema of ", plan.schema.size(), " bytes is longer than ",
                                  internal::kMaxSchema));
  }
  if (os::Printable(plan.schema) != plan.schema) {
    return Bad(name, "the schema contains control characters or is not UTF-8; write plain text on one line");
  }
  plan.access = options.access.value_or(Access::Private());
  // The kernel understands this number as "leave the group unchanged".
  if (plan.access.group == static_cast<gid_t>(-1)) {
    return Bad(name,
               absl::StrCat("group ", *plan.access.group,
                            " is not a group; use one of this process's groups (id -G), or leave it unset"));
  }
  plan.keep = options.keep;
  return plan;
}

}  // namespace millrace::segment
