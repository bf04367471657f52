// SPDX-License-Identifier: Apache-2.0
#include "millrace/merge.h"

#include <memory>
#include <optional>
#include <utility>

#include "runtime/c/errors.h"
#include "runtime/c/handles.h"

using namespace millrace::c;  // NOLINT(google-build-using-namespace): the functions below are C's
using millrace::Error;

int millrace_merge_create(millrace_merge** out) {
  constexpr char kCall[] = "millrace_merge_create";
  if (out == nullptr) return Fail(Error::kBadArgument, kCall, "the pointer for the handle is null");
  *out = nullptr;
  return Guarded(kCall, [&] {
    *out = new millrace_merge;
    return static_cast<int>(MILLRACE_OK);
  });
}

void millrace_merge_free(millrace_merge* merge) { delete merge; }

int millrace_merge_add(millrace_merge* merge, millrace_consumer* consumer, uint32_t* source) {
  constexpr char kCall[] = "millrace_merge_add";
  if (merge == nullptr) return Fail(Error::kBadArgument, kCall, "the merge is null");
  if (consumer == nullptr) return Fail(Error::kBadArgument, kCall, "the consumer is null");
  if (consumer->merge != nullptr) return Fail(Error::kInUse, kCall, "the consumer is in a merge already");
  return Guarded(kCall, [&] {
    // Makes the entry first, so that no memory is needed once the merge has the consumer.
    std::map<uint32_t, std::unique_ptr<millrace_consumer>> entry;
    entry.emplace(0, nullptr);
    const absl::StatusOr<uint32_t> added = merge->merge.Add(std::move(consumer->own));
    if (!added.ok()) return Fail(added.status());
    consumer->source = *added;
    consumer->merge = merge;
    consumer->consumer = merge->merge.consumer(*added);
    auto node = entry.extract(0);
    node.key() = *added;
    node.mapped().reset(consumer);
    merge->consumers.insert(std::move(node));
    if (source != nullptr) *source = *added;
    return static_cast<int>(MILLRACE_OK);
  });
}

int millrace_merge_remove(millrace_merge* merge, millrace_consumer* consumer) {
  constexpr char kCall[] = "millrace_merge_remove";
  if (merge == nullptr) return Fail(Error::kBadArgument, kCall, "the merge is null");
  if (consumer == nullptr) return Fail(Error::kBadArgument, kCall, "the consumer is null");
  if (consumer->merge != merge) return Fail(Error::kNotFound, kCall, "the consumer is not in this merge");
  return Guarded(kCall, [&] {
    std::optional<millrace::Consumer> removed = merge->merge.Remove(consumer->source);
    if (!removed) return Fail(Error::kNotFound, kCall, "the consumer is not in this merge");
    consumer->own = *std::move(removed);
    consumer->consumer = &consumer->own;
    (void)merge->consumers.extract(consumer->source).mapped().release();
    consumer->merge = nullptr;
    consumer->source = MILLRACE_NO_SOURCE;
    return static_cast<int>(MILLRACE_OK);
  });
}

millrace_consumer* millrace_merge_consumer(millrace_merge* merge, uint32_t source) {
  if (merge == nullptr) return nullptr;
  const auto found = merge->consumers.find(source);
  return found == merge->consumers.end() ? nullptr : found->second.get();
}

uint8_t millrace_merge_next(millrace_merge* merge, millrace_message* out, int64_t timeout_ns) {
  constexpr char kCall[] = "millrace_merge_next";
  if (out == nullptr) return BadRead(kCall, "the pointer for the message is null");
  out->source = MILLRACE_NO_SOURCE;
  if (merge == nullptr) return BadRead(kCall, "the merge is null");
  uint8_t got = MILLRACE_GOT_NO_MEMORY;
  (void)Guarded(kCall, [&] {
    const millrace::Merged merged = merge->merge.Next(millrace::Nanos(timeout_ns));
    const uint32_t source = merged.source().value_or(MILLRACE_NO_SOURCE);
    if (merged)
      Give(*merged, source, out);
    else
      out->source = source;
    got = static_cast<uint8_t>(merged.why());
    return static_cast<int>(MILLRACE_OK);
  });
  return got;
}

void millrace_merge_ack(millrace_merge* merge) {
  if (merge != nullptr) merge->merge.Ack();
}

size_t millrace_merge_size(const millrace_merge* merge) { return merge == nullptr ? 0 : merge->merge.size(); }

void millrace_merge_interrupt(millrace_merge* merge) {
  if (merge != nullptr) merge->merge.Interrupt();
}
