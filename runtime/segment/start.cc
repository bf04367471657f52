// SPDX-License-Identifier: Apache-2.0
#include "runtime/segment/start.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/os/failure.h"
#include "runtime/os/park.h"
#include "runtime/segment/objects.h"

namespace millrace::segment {
namespace {

using internal::JoinFailure;
using internal::StartAt;
using A = internal::RealAtomics;

}  // namespace

Where Locate(const Start& start) {
  switch (start.kind()) {
    case Start::Kind::kOldest:
      return {StartAt::kOldest, 0};
    case Start::Kind::kLast:
      return {StartAt::kLast, start.value()};
    case Start::Kind::kSequence:
      return {StartAt::kSequence, start.value()};
    case Start::Kind::kAgo: {
      const uint64_t age = start.value(), now = os::WallNs();
      if (age == 0) break;  // kEnd: the end is read after this, and no message below the end is younger.
      return {StartAt::kTime, age < now ? now - age : 0};
    }
    case Start::Kind::kEnd:
      break;
  }
  return {StartAt::kEnd, 0};
}

absl::Status JoinFailed(const Paths& paths, JoinFailure failure, const Start& start,
                        const internal::RingMemory& memory) {
  const std::string what = absl::StrCat("open \"", paths.name, "\": ");
  switch (failure) {
    case JoinFailure::kOutOfRange: {
      const auto end = internal::RingView<A>(memory).End();
      return os::Failure(Error::kBadArgument,
                         absl::StrCat(what, "sequence ", start.value(), " is not published yet (next is ",
                                      end ? end->sequence : 0, "); use at most that, or Start::End()"));
    }
    case JoinFailure::kEvicted:
    case JoinFailure::kOvertaken:
      return os::Failure(Error::kEvicted,
                         absl::StrCat(what,
                                      "the producer overtook every attempt to join; try again, "
                                      "or start at Start::End()"));
    case JoinFailure::kDamaged:
    case JoinFailure::kNone:
      break;
  }
  const std::string damage = DamageOf(memory);
  return os::Failure(Error::kDamaged,
                     absl::StrCat(what, damage.empty() ? "its contents contradict the protocol" : damage,
                                  "; remove the ring (shmctl unlink ", paths.name, ") and create it again"));
}

}  // namespace millrace::segment
