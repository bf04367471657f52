// SPDX-License-Identifier: Apache-2.0
#include "millrace/producer.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "millrace/internal/words.h"
#include "runtime/api/park_ops.h"
#include "runtime/api/producer_cold.h"
#include "runtime/api/stranded.h"
#include "runtime/os/failure.h"
#include "runtime/segment/create.h"
#include "runtime/segment/epoch.h"
#include "runtime/segment/objects.h"
#include "runtime/segment/options_check.h"
#include "runtime/segment/take_over.h"

namespace millrace {
namespace {

using internal::ProducerCold;
using internal::ProducerHot;
using W = internal::Words<internal::RealAtomics>;

absl::StatusOr<std::unique_ptr<ProducerHot>> HotHalfOf(absl::StatusOr<segment::ProducerAttachment> attached,
                                                       const ProducerOptions& options) {
  if (!attached.ok()) return attached.status();
  return std::make_unique<ProducerHot>(std::make_unique<ProducerCold>(*std::move(attached), options));
}

absl::StatusOr<std::unique_ptr<ProducerHot>> CreateHotHalf(std::string_view name, const RingOptions& ring,
                                                           const ProducerOptions& options) {
  absl::StatusOr<segment::Paths> paths = segment::PathsOf(options.directory, name);
  if (!paths.ok()) return paths.status();
  absl::StatusOr<segment::RingPlan> plan = segment::PlanOf(name, ring);
  if (!plan.ok()) return plan.status();
  if (absl::Status s = segment::CheckProducerOptions(options); !s.ok()) return s;
  return HotHalfOf(segment::CreateWithProducer(*paths, *plan, options), options);
}

absl::StatusOr<std::unique_ptr<ProducerHot>> OpenHotHalf(std::string_view name, const RingOptions* wanted,
                                                         const ProducerOptions& options) {
  absl::StatusOr<segment::Paths> paths = segment::PathsOf(options.directory, name);
  if (!paths.ok()) return paths.status();
  if (absl::Status s = segment::CheckProducerOptions(options); !s.ok()) return s;
  return HotHalfOf(segment::TakeOver(*paths, wanted, options), options);
}

// Returns true if there is no ring of this name. A ring whose file was emptied does not count: creating a new
// one removes its remains.
bool ThereIsNone(const absl::Status& status, std::string_view name, const ProducerOptions& options) {
  if (ErrorOf(status) != Error::kTruncated) return ErrorOf(status) == Error::kNotFound;
  absl::StatusOr<segment::Paths> paths = segment::PathsOf(options.directory, name);
  return paths.ok() && segment::IsEmptied(*paths, paths->ring).value_or(false);
}

absl::Status Gone(const segment::Paths& paths) {
  return os::Failure(Error::kRemoved, absl::StrCat("\"", paths.name,
                                                   "\" was removed (shmctl unlink, rm, or systemd's "
                                                   "RemoveIPC at logout); create it again"));
}

absl::Status CheckObject(const segment::ObjectWatch& watch, os::LockProbe& probe, const segment::Paths& paths,
                         const std::string& path, uint64_t expected_bytes) {
  switch (watch.Look(&probe)) {
    case segment::Fate::kWhole:
      return absl::OkStatus();
    case segment::Fate::kRemoved:
      return Gone(paths);
    case segment::Fate::kCut:
      break;
  }
  const std::optional<os::FileFacts> now = probe.Facts();
  const uint64_t bytes = now ? now->bytes : 0, allocated = now ? now->allocated : 0;
  const std::string found =
      bytes < expected_bytes
          ? absl::StrCat("was truncated to ", bytes, " bytes, expected ", expected_bytes)
          : absl::StrCat("has a hole: ", allocated, " of its ", bytes, " bytes are in memory, expected all");
  return os::Failure(Error::kTruncated, absl::StrCat("\"", path, "\" ", found, "; create the ring again"));
}

}  // namespace

Producer::Producer(std::unique_ptr<ProducerHot> hot) : hot_(std::move(hot)) {}
Producer::Producer(Producer&&) noexcept = default;
Producer& Producer::operator=(Producer&&) noexcept = default;
Producer::~Producer() = default;

absl::StatusOr<Producer> Producer::Create(std::string_view name, const RingOptions& ring,
                                          const ProducerOptions& options) {
  auto hot = CreateHotHalf(name, ring, options);
  if (!hot.ok()) return hot.status();
  return Producer(*std::move(hot));
}

absl::StatusOr<Producer> Producer::Open(std::string_view name, const ProducerOptions& options) {
  auto hot = OpenHotHalf(name, nullptr, options);
  if (!hot.ok()) return hot.status();
  return Producer(*std::move(hot));
}

absl::StatusOr<Producer> Producer::OpenOrCreate(std::string_view name, const RingOptions& ring,
                                                const ProducerOptions& options) {
  absl::StatusOr<segment::RingPlan> plan = segment::PlanOf(name, ring);
  if (!plan.ok()) return plan.status();
  constexpr int kRaces = 100;  // other processes may create and remove it between the two looks
  for (int i = 0;; ++i) {
    auto hot = OpenHotHalf(name, &ring, options);
    if (!hot.ok() && ThereIsNone(hot.status(), name, options)) hot = CreateHotHalf(name, ring, options);
    if (hot.ok()) return Producer(*std::move(hot));
    if (ErrorOf(hot.status()) != Error::kExists || i == kRaces) return hot.status();
  }
}

Claim Producer::WaitClaimSlow(size_t n, Nanos timeout) {
  assert(!hot_->ring.batch_open());
  Sent why = Sent::kOk;
  std::byte* const data = hot_->WaitClaimSlow(n, timeout.count(), &why);
  if (data == nullptr) return Claim(nullptr, nullptr, 0, why);
  return Claim(hot_.get(), data, n, why);
}

Sent Producer::PublishSlow(std::span<const std::byte> message, Nanos timeout) {
  assert(!hot_->ring.batch_open());
  Sent why = Sent::kOk;
  std::byte* const data = hot_->WaitClaimSlow(message.size(), timeout.count(), &why);
  if (data == nullptr) return why;
  internal::RealAtomics::CopyIn(data, message.data(), message.size());
  hot_->Commit(message.size());
  return Sent::kOk;
}

absl::Status Producer::Close() {
  ProducerCold& cold = *hot_->cold;
  if (cold.forked) return os::Failure(Error::kForked, "Close: this producer belongs to the parent process");
  if (cold.closed) return os::Failure(Error::kClosed, "Close: this producer has closed its ring already");
  assert(!hot_->ring.batch_open());
  if (hot_->ring.batch_open()) hot_->ring.AbortBatch();
  hot_->ring.StoreTail();
  cold.FlushCounters(*hot_);
  segment::CloseEpoch(cold.attached.memory(), cold.attached.epoch);
  cold.closed = true;
  hot_->ring.Strand(internal::StrandedProducerRing(),
                    internal::StrandedSeats());  // the ring may belong to a successor from here on
  cold.attached.alive_lock.Release();
  cold.attached.producer_lock.Release();
  return absl::OkStatus();
}

absl::Status Producer::Check() {
  ProducerCold& cold = *hot_->cold;
  if (cold.forked) return os::Failure(Error::kForked, "Check: this producer belongs to the parent process");
  segment::ProducerAttachment& a = cold.attached;
  if (absl::Status s = CheckObject(a.ring_watch, a.ring_probe, a.paths, a.paths.ring, a.header.file_bytes);
      !s.ok()) {
    cold.removed = cold.removed || ErrorOf(s) == Error::kRemoved;
    return s;
  }
  absl::Status s =
      CheckObject(a.seats_watch, a.seats_probe, a.paths, a.paths.seats, a.seats_header.file_bytes);
  cold.removed = cold.removed || ErrorOf(s) == Error::kRemoved;
  return s;
}

absl::Status Producer::CheckCarries(std::string_view schema, size_t bytes) const {
  const segment::ProducerAttachment& a = hot_->cold->attached;
  const std::string_view carries(a.header.schema, a.header.schema_bytes);
  if (!schema.empty() && carries != schema) {
    return os::Failure(
        Error::kSchema,
        absl::StrCat("open \"", a.paths.name, "\": its messages are \"", os::Printable(carries),
                     "\", this program publishes \"", os::ToAbsl(schema),
                     "\"; build both programs from one schema, or use another ring"));
  }
  if (bytes > a.header.max_message) {
    return os::Failure(Error::kBadArgument,
                       absl::StrCat("open \"", a.paths.name, "\": a message of ", bytes,
                                    " bytes is larger than its maximum of ", a.header.max_message,
                                    "; create it with a larger capacity or maximum message"));
  }
  return absl::OkStatus();
}

bool Producer::WaitForConsumers(size_t lossless_or_group, Nanos timeout) {
  ProducerCold& cold = *hot_->cold;
  const internal::SeatTable& table = hot_->ring.seats();
  if (cold.forked || cold.closed || lossless_or_group > table.count) return false;
  const int64_t deadline = internal::DeadlineAfter(timeout.count());
  const ProducerCold::AwaitsConsumers noted(cold, *hot_, lossless_or_group);
  for (;;) {
    // No consumer can join a ring that has lost its name.
    if (!Check().ok()) return false;
    const uint32_t joins = W::LoadJoins(table.control->join);
    size_t alive = 0;
    const uint32_t used = std::min(W::LoadSeatsUsed(table.control->join), table.count);
    for (uint32_t i = 0; i < used && alive < lossless_or_group; ++i) {
      const uint64_t state = W::LoadSeatState(table.seats[i].identity);
      const uint8_t delivery = internal::DeliveryOf(state);
      if (internal::PhaseOf(state) != internal::SeatPhase::kLive) continue;
      if (delivery != internal::kDeliveryLossless && delivery != internal::kDeliveryGroup) continue;
      if (cold.attached.seats_probe.Ask(internal::kLockSeat + i) != os::LockState::kFree) ++alive;
    }
    if (alive >= lossless_or_group) {
      cold.awaited = 0;
      return true;
    }
    const int64_t left = deadline - os::MonotonicNs();
    if (left <= 0 || hot_->interrupted.load(std::memory_order_relaxed)) return false;
    os::FutexWait(&table.control->join.joins, joins, std::min(left, internal::kSleepBoundNs));
  }
}

uint64_t Producer::next_sequence() const { return hot_->ring.sequence(); }
size_t Producer::max_message() const { return hot_->cold->attached.header.max_message; }

ProducerStats Producer::stats() const {
  const ProducerCold& cold = *hot_->cold;
  return {hot_->ring.sequence(), hot_->ring.payload_bytes(), cold.dropped,
          cold.blocked,          hot_->ring.evictions(),     cold.wakes,
          Nanos(cold.blocked_ns)};
}

void Producer::Interrupt() noexcept {
  hot_->interrupted.store(true, std::memory_order_relaxed);
  const internal::SeatTable& table = hot_->ring.seats();
  segment::WakeProducer(*table.control);
  os::FutexWakeAll(&table.control->join.joins);
}

}  // namespace millrace
