// SPDX-License-Identifier: Apache-2.0
// The exact causes of the errors in an absl::Status of this library.
#ifndef MILLRACE_ERROR_H_
#define MILLRACE_ERROR_H_

#include "millrace/internal/compiler.h"  // first

#include <cstdint>

#include "absl/status/status.h"
#include "millrace/export.h"

namespace millrace {

// The exact cause of an error of a cold call (create, open, unlink and so on). Programs should decide by this
// value. Status::code() is only the coarse canonical code. Status::message() is for people: it names the
// operation, the object, what was found, what was expected and what to do.
enum class Error : uint8_t {
  kNone,           // the status is OK
  kOther,          // a system call failed for a reason without a name here; the text has its errno
  kBadArgument,    // an option, a size or a time is out of range
  kBadName,        // not [A-Za-z0-9_][A-Za-z0-9_.-]*, or longer than 200 characters
  kNotFound,       // there is no ring of that name; also: no such seat, group, or consumer in a WaitSet
  kExists,         // Create: a ring of that name exists
  kNoPermission,   // the kernel refused access, or the ring belongs to another user than the required one
  kNoSpace,        // the file system of the directory is full
  kNoMemoryLimit,  // the ring exceeds the limit of the memory cgroup or RLIMIT_FSIZE
  kProducerAlive,  // another process is the producer of this ring
  kNoSeat,         // living consumers hold all seats, or the ring has its 8 groups already
  kTruncated,      // the file is smaller than its header says
  kNotARing,       // a file of that name exists and is not a ring
  kLayoutVersion,  // the ring has a layout or features that this build does not know
  kBadLengths,     // sizes in the header contradict each other or the file
  kIncarnation,    // ring and seats belong to different rings, one is missing, or the ring was replaced
  kSchema,         // the ring carries messages of another schema
  kOptionsDiffer,  // OpenOrCreate: the existing ring differs from an option that is set; also for a group
  kInUse,          // a producer, a consumer or a group member is alive; WaitSet: the consumer is in a set
  kRemoved,        // the ring was unlinked
  kClosed,         // the producer has closed the ring
  kEvicted,        // this consumer was evicted
  kDamaged,        // the contents of the ring contradict the protocol
  kTimedOut,       // another process held a lock of the ring for too long
  kForked,         // the handle was inherited through fork()
  kInterrupted,    // Interrupt() was called, or ConsumerOptions::cancel_open returned true
  kProducerGone,   // the producer ended without closing the ring (ConsumerOptions::report_producer_gone)
  kNoMemory,       // this process could not allocate memory for the copy of a message
};

// Returns the exact cause recorded in a status of this library. Returns Error::kNone for an OK status and
// Error::kOther for a status of other origin. Thread-safe.
MILLRACE_EXPORT Error ErrorOf(const absl::Status& status);

// Returns the name of a value, such as "kNoSpace"; never null. For logs.
MILLRACE_EXPORT const char* ToString(Error error);

}  // namespace millrace

#endif  // MILLRACE_ERROR_H_
