// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/segment_manager.h"
#include "millrace/sigbus_guard.h"
#include "runtime/c/errors.h"
#include "runtime/c/options.h"
#include "runtime/c/ring_info.h"
#include "runtime/c/structs.h"

namespace millrace::c {
namespace {

// Calls body(manager) for a directory. Returns an error if `argument` is null, which the call needs.
template <class Body>
int Manage(std::string_view call, const char* directory, const void* argument, Body&& body) {
  if (argument == nullptr) return Fail(Error::kBadArgument, call, "an argument is null that must not be");
  return Guarded(call, [&] { return body(SegmentManager(DirectoryOr(directory))); });
}

}  // namespace
}  // namespace millrace::c

using namespace millrace::c;  // NOLINT(google-build-using-namespace): the functions below are C's
using millrace::Error;
using millrace::SegmentManager;

int millrace_list(const char* directory, millrace_ring_list** out) {
  return Manage("millrace_list", directory, out, [&](const SegmentManager& manager) {
    *out = nullptr;
    absl::StatusOr<std::vector<millrace::RingInfo>> rings = manager.List();
    if (!rings.ok()) return Fail(rings.status());
    *out = new OwnedRings(*std::move(rings));
    return static_cast<int>(MILLRACE_OK);
  });
}

void millrace_ring_list_free(millrace_ring_list* list) { delete static_cast<OwnedRings*>(list); }

int millrace_inspect(const char* directory, const char* name, millrace_ring_info** out) {
  if (out != nullptr) *out = nullptr;
  return Manage("millrace_inspect", directory, out == nullptr ? nullptr : name,
                [&](const SegmentManager& manager) {
                  absl::StatusOr<millrace::RingInfo> ring = manager.Inspect(name);
                  if (!ring.ok()) return Fail(ring.status());
                  *out = new OwnedRing(*std::move(ring));
                  return static_cast<int>(MILLRACE_OK);
                });
}

void millrace_ring_info_free(millrace_ring_info* info) { delete static_cast<OwnedRing*>(info); }

int millrace_create(const char* directory, const char* name, const millrace_ring_options* options) {
  constexpr char kCall[] = "millrace_create";
  return Manage(kCall, directory, name, [&](const SegmentManager& manager) {
    millrace::RingOptions ring;
    if (const int error = Convert(kCall, options, &ring); error != 0) return error;
    return Fail(manager.Create(name, ring));
  });
}

int millrace_unlink(const char* directory, const char* name, bool force) {
  return Manage("millrace_unlink", directory, name, [&](const SegmentManager& manager) {
    return Fail(manager.Unlink(name, force ? SegmentManager::Force::kYes : SegmentManager::Force::kNo));
  });
}

int millrace_find_stale(const char* directory, int64_t idle_for_ns, millrace_stale_list** out) {
  return Manage("millrace_find_stale", directory, out, [&](const SegmentManager& manager) {
    *out = nullptr;
    absl::StatusOr<std::vector<millrace::Stale>> stale = manager.FindStale(millrace::Nanos(idle_for_ns));
    if (!stale.ok()) return Fail(stale.status());
    *out = new OwnedStale(*std::move(stale));
    return static_cast<int>(MILLRACE_OK);
  });
}

void millrace_stale_list_free(millrace_stale_list* list) { delete static_cast<OwnedStale*>(list); }

int millrace_prune(const char* directory, const millrace_stale* stale) {
  constexpr char kCall[] = "millrace_prune";
  return Manage(kCall, directory, stale, [&](const SegmentManager& manager) {
    millrace_stale known;
    if (const int error = ReadStruct(kCall, stale, &known); error != 0) return error;
    if (known.name == nullptr) return Fail(Error::kBadArgument, kCall, "the name of the stale ring is null");
    millrace::Stale queue;
    queue.name = known.name;
    if (known.incarnation != nullptr) queue.incarnation = known.incarnation;
    if (known.why != nullptr) queue.why = known.why;
    queue.bytes = known.bytes;
    queue.owner = known.owner;
    queue.idle_for = millrace::Nanos(known.idle_for_ns);
    queue.used_ns = known.used_ns;
    queue.next_sequence = known.next_sequence;
    return Fail(manager.Prune(queue));
  });
}

int millrace_evict(const char* directory, const char* name, uint32_t seat, uint32_t generation) {
  return Manage("millrace_evict", directory, name,
                [&](const SegmentManager& manager) { return Fail(manager.Evict(name, seat, generation)); });
}

int millrace_remove_group(const char* directory, const char* name, const char* group) {
  return Manage("millrace_remove_group", directory, name == nullptr ? nullptr : group,
                [&](const SegmentManager& manager) { return Fail(manager.RemoveGroup(name, group)); });
}

int millrace_set(const char* directory, const char* name, const millrace_ring_changes* changes) {
  constexpr char kCall[] = "millrace_set";
  return Manage(kCall, directory, name, [&](const SegmentManager& manager) {
    millrace_ring_changes known;
    if (const int error = ReadStruct(kCall, changes, &known); error != 0) return error;
    millrace::RingChanges wanted;
    if (known.has_keep != 0) wanted.keep = known.keep != 0;
    if (known.has_ring_mode != 0) wanted.ring_mode = known.ring_mode;
    if (known.has_seats_mode != 0) wanted.seats_mode = known.seats_mode;
    if (known.has_owner != 0) wanted.owner = known.owner;
    if (known.has_group != 0) wanted.group = known.group;
    if (known.has_owned_by != 0) wanted.owned_by = known.owned_by;
    return Fail(manager.Set(name, wanted));
  });
}

int millrace_install_sigbus_guard(void) {
  return Guarded("millrace_install_sigbus_guard", [] { return Fail(millrace::InstallSigbusGuard()); });
}
