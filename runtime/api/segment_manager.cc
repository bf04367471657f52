// SPDX-License-Identifier: Apache-2.0
#include "millrace/segment_manager.h"

#include <set>

#include "runtime/os/failure.h"
#include "runtime/segment/create.h"
#include "runtime/segment/evict.h"
#include "runtime/segment/group.h"
#include "runtime/segment/inspect.h"
#include "runtime/segment/names.h"
#include "runtime/segment/prune.h"
#include "runtime/segment/set.h"
#include "runtime/segment/unlink.h"

namespace millrace {
SegmentManager::SegmentManager(std::string directory) : directory_(std::move(directory)) {}

absl::StatusOr<std::vector<RingInfo>> SegmentManager::List() const {
  const absl::StatusOr<std::set<std::string>> names = segment::StemsIn(directory_, {segment::kRingSuffix});
  if (!names.ok()) return names.status();
  std::vector<RingInfo> rings;
  for (const std::string& name : *names) {
    absl::StatusOr<segment::Paths> paths = segment::PathsOf(directory_, name);
    if (!paths.ok()) continue;
    absl::StatusOr<RingInfo> info = segment::Inspect(*paths);
    if (info.ok())
      rings.push_back(*std::move(info));
    else if (std::optional<RingInfo> unreadable = segment::InspectUnreadable(*paths, info.status()))
      // Otherwise the file is not a ring, or was removed during the listing.
      rings.push_back(*std::move(unreadable));
  }
  return rings;
}

absl::StatusOr<RingInfo> SegmentManager::Inspect(std::string_view name) const {
  absl::StatusOr<segment::Paths> paths = segment::PathsOf(directory_, name);
  if (!paths.ok()) return paths.status();
  return segment::Inspect(*paths);
}

absl::Status SegmentManager::Create(std::string_view name, const RingOptions& options) const {
  absl::StatusOr<segment::Paths> paths = segment::PathsOf(directory_, name);
  if (!paths.ok()) return paths.status();
  absl::StatusOr<segment::RingPlan> plan = segment::PlanOf(name, options);
  if (!plan.ok()) return plan.status();
  return segment::CreateWithoutProducer(*paths, *plan);
}

absl::Status SegmentManager::Unlink(std::string_view name, Force force) const {
  absl::StatusOr<segment::Paths> paths = segment::PathsOf(directory_, name);
  if (!paths.ok()) return paths.status();
  return segment::Unlink(*paths, force == Force::kYes);
}

absl::StatusOr<std::vector<Stale>> SegmentManager::FindStale(Nanos idle_for) const {
  if (idle_for < Nanos::zero())
    return os::Failure(Error::kBadArgument, "idle_for is negative; use 0 for \"of any age\"");
  return segment::FindStale(directory_, static_cast<uint64_t>(idle_for.count()));
}

absl::Status SegmentManager::Prune(const Stale& stale) const {
  absl::StatusOr<segment::Paths> paths = segment::PathsOf(directory_, stale.name);
  if (!paths.ok()) return paths.status();
  return segment::Prune(*paths, stale);
}

absl::Status SegmentManager::RemoveGroup(std::string_view name, std::string_view group) const {
  absl::StatusOr<segment::Paths> paths = segment::PathsOf(directory_, name);
  if (!paths.ok()) return paths.status();
  return segment::RemoveGroup(*paths, std::string(group));
}

absl::Status SegmentManager::Evict(std::string_view name, uint32_t seat, uint32_t generation) const {
  absl::StatusOr<segment::Paths> paths = segment::PathsOf(directory_, name);
  if (!paths.ok()) return paths.status();
  return segment::EvictSeat(*paths, seat, generation);
}

absl::Status SegmentManager::Set(std::string_view name, const RingChanges& changes) const {
  absl::StatusOr<segment::Paths> paths = segment::PathsOf(directory_, name);
  if (!paths.ok()) return paths.status();
  return segment::Set(*paths, changes);
}

}  // namespace millrace
