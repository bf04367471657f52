// SPDX-License-Identifier: Apache-2.0
#include "runtime/c/options.h"

#include <limits>

#include "runtime/c/structs.h"

namespace millrace::c {
namespace {

// Enumerations whose numbers are those of C++.
static_assert(MILLRACE_BLOCK == static_cast<int>(OnFull::kBlock));
static_assert(MILLRACE_DROP_NEW == static_cast<int>(OnFull::kDropNew));
static_assert(MILLRACE_EVICT_SLOWEST == static_cast<int>(OnFull::kEvictSlowest));
static_assert(MILLRACE_WAIT_ADAPTIVE == static_cast<int>(Wait::kAdaptive));
static_assert(MILLRACE_WAIT_SPIN == static_cast<int>(Wait::kSpin));
static_assert(MILLRACE_WAIT_PARK == static_cast<int>(Wait::kPark));
static_assert(MILLRACE_RESUME_OLDEST == static_cast<int>(Overrun::kResumeOldest));
static_assert(MILLRACE_RESUME_NEWEST == static_cast<int>(Overrun::kResumeNewest));

int Bad(std::string_view call, std::string_view why) { return Fail(Error::kBadArgument, call, why); }

int ConvertAccess(std::string_view call, const millrace_ring_options& given, std::optional<Access>* access) {
  switch (given.access) {
    case MILLRACE_ACCESS_DEFAULT:
      if (given.has_access_group == 0) return 0;
      *access = Access::Private();
      break;
    case MILLRACE_ACCESS_PRIVATE:
      *access = Access::Private();
      break;
    case MILLRACE_ACCESS_WATCHABLE:
      *access = Access::Watchable();
      break;
    case MILLRACE_ACCESS_GROUP:
      if (given.has_access_group == 0)
        return Bad(call, "MILLRACE_ACCESS_GROUP needs has_access_group and access_group");
      *access = Access::Group(given.access_group);
      break;
    case MILLRACE_ACCESS_EVERYONE:
      *access = Access::Everyone();
      break;
    case MILLRACE_ACCESS_MODES:
      *access = Access{given.ring_mode, given.seats_mode, {}};
      break;
    default:
      return Bad(call, "`access` is not a value of enum millrace_access");
  }
  if (given.has_access_group != 0) (*access)->group = given.access_group;
  return 0;
}

}  // namespace

int Convert(std::string_view call, const millrace_ring_options* given, RingOptions* options) {
  millrace_ring_options known;
  if (const int error = ReadStruct(call, given, &known); error != 0) return error;
  if (known.reserved != 0) return Bad(call, "`reserved` of millrace_ring_options must be 0");
  if (known.capacity != 0) options->capacity = known.capacity;
  if (known.max_message != 0) options->max_message = known.max_message;
  if (known.seats != 0) options->seats = known.seats;
  if (known.schema != nullptr) options->schema = known.schema;
  options->keep = known.keep != 0;
  return ConvertAccess(call, known, &options->access);
}

int Convert(std::string_view call, const millrace_producer_options* given, ProducerOptions* options) {
  millrace_producer_options known;
  if (const int error = ReadStruct(call, given, &known); error != 0) return error;
  if (known.reserved != 0) return Bad(call, "`reserved` of millrace_producer_options must be 0");
  if (known.on_full > MILLRACE_EVICT_SLOWEST)
    return Bad(call, "`on_full` is not a value of enum millrace_on_full");
  options->on_full = static_cast<OnFull>(known.on_full);
  if (known.evict_after_ns != 0) options->evict_after = Nanos(known.evict_after_ns);
  if (known.take_over_timeout_ns != 0) options->take_over_timeout = Nanos(known.take_over_timeout_ns);
  if (known.label != nullptr) options->label = known.label;
  options->directory = DirectoryOr(known.directory);
  if (known.has_owner != 0) options->owner = known.owner;
  return 0;
}

int Convert(std::string_view call, uint32_t delivery, const millrace_consumer_options* given,
            std::optional<Delivery>* how, ConsumerOptions* options) {
  millrace_consumer_options known;
  if (const int error = ReadStruct(call, given, &known); error != 0) return error;
  if (known.group != nullptr && delivery != MILLRACE_GROUP)
    return Bad(call, "`group` is set, but the delivery is not MILLRACE_GROUP");
  if (known.durable != 0 && delivery != MILLRACE_GROUP)
    return Bad(call, "`durable` is set, but the delivery is not MILLRACE_GROUP");
  switch (delivery) {
    case MILLRACE_LOSSLESS:
      *how = Delivery::Lossless();
      break;
    case MILLRACE_LOSSY:
      *how = Delivery::Lossy();
      break;
    case MILLRACE_OBSERVER:
      *how = Delivery::Observer();
      break;
    case MILLRACE_GROUP:
      if (known.group == nullptr) return Bad(call, "MILLRACE_GROUP needs the name of the group in `group`");
      *how = Delivery::Group(known.group, known.durable != 0);
      break;
    default:
      return Bad(call, "`delivery` is not a value of enum millrace_delivery");
  }
  if (known.wait > MILLRACE_WAIT_PARK) return Bad(call, "`wait` is not a value of enum millrace_wait");
  if (known.on_overrun > MILLRACE_RESUME_NEWEST)
    return Bad(call, "`on_overrun` is not a value of enum millrace_overrun");
  if (const int error = Convert(call, known.start, known.start_value, &options->start); error != 0)
    return error;
  options->wait = static_cast<Wait>(known.wait);
  options->on_overrun = static_cast<Overrun>(known.on_overrun);
  options->copy = known.copy != 0;
  if (known.messages_per_lease != 0) options->messages_per_lease = known.messages_per_lease;
  options->follow_reopen = known.follow_reopen != 0;
  options->open_timeout = Nanos(known.open_timeout_ns);
  if (known.cancel_open != nullptr) {
    options->cancel_open = [cancel = known.cancel_open, context = known.cancel_context] {
      return cancel(context);
    };
  }
  options->report_producer_gone = known.report_producer_gone != 0;
  if (known.schema != nullptr) options->schema = known.schema;
  if (known.label != nullptr) options->label = known.label;
  options->directory = DirectoryOr(known.directory);
  if (known.has_owner != 0) options->owner = known.owner;
  return 0;
}

int Convert(std::string_view call, uint32_t start, uint64_t value, Start* where) {
  switch (start) {
    case MILLRACE_START_END:
      *where = Start::End();
      return 0;
    case MILLRACE_START_OLDEST:
      *where = Start::Oldest();
      return 0;
    case MILLRACE_START_LAST:
      *where = Start::Last(value);
      return 0;
    case MILLRACE_START_SEQUENCE:
      *where = Start::Sequence(value);
      return 0;
    case MILLRACE_START_AGO:
      *where =
          Start::Ago(Nanos(static_cast<int64_t>(value < uint64_t{INT64_MAX} ? value : uint64_t{INT64_MAX})));
      return 0;
    default:
      return Bad(call, "`start` is not a value of enum millrace_start");
  }
}

}  // namespace millrace::c
