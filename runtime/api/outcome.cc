// SPDX-License-Identifier: Apache-2.0
#include "millrace/outcome.h"

namespace millrace {

const char* ToString(Sent sent) {
  switch (sent) {
    case Sent::kOk:
      return "kOk";
    case Sent::kFull:
      return "kFull";
    case Sent::kTimedOut:
      return "kTimedOut";
    case Sent::kDropped:
      return "kDropped";
    case Sent::kTooLarge:
      return "kTooLarge";
    case Sent::kClosed:
      return "kClosed";
    case Sent::kRemoved:
      return "kRemoved";
    case Sent::kInterrupted:
      return "kInterrupted";
    case Sent::kForked:
      return "kForked";
    case Sent::kBadArgument:
      return "kBadArgument";
  }
  return "unknown Sent";
}

const char* ToString(Got got) {
  switch (got) {
    case Got::kMessage:
      return "kMessage";
    case Got::kEmpty:
      return "kEmpty";
    case Got::kTimedOut:
      return "kTimedOut";
    case Got::kClosed:
      return "kClosed";
    case Got::kEvicted:
      return "kEvicted";
    case Got::kRemoved:
      return "kRemoved";
    case Got::kDamaged:
      return "kDamaged";
    case Got::kInterrupted:
      return "kInterrupted";
    case Got::kForked:
      return "kForked";
    case Got::kProducerGone:
      return "kProducerGone";
    case Got::kNoMemory:
      return "kNoMemory";
  }
  return "unknown Got";
}

}  // namespace millrace
