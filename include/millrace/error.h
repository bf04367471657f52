// The exact causes behind an absl::Status of this library.
#ifndef MILLRACE_ERROR_H_
#define MILLRACE_ERROR_H_

#include "millrace/internal/compiler.h"  // first

#include <cstdint>

#include "absl/status/status.h"
#include "millrace/export.h"

namespace millrace {

// Exact cause of a refused cold call (create, open, unlink, ...). Status::code() is the coarse canonical
// code and Status::message() is for people: it names the operation, the object, what was found, what was
// expected and what to do. Programs decide by this.
enum class Error : uint8_t {
  kNone,           // the status is OK
  kOther,          // a system call failed in a way that has no name here; errno is in the text
  kBadArgument,    // an option, size or time out of its range
  kBadName,        // not [A-Za-z0-9_][A-Za-z0-9_.-]*, or longer than 200 characters
  kNotFound,       // no ring of that name
  kExists,         // Create: there is a ring of that name
  kNoPermission,   // the kernel refused access, or another user owns the ring than the one required
  kNoSpace,        // the file system of the directory is full
  kNoMemoryLimit,  // the memory cgroup (or RLIMIT_FSIZE) would not allow it
  kProducerAlive,  // another process is this ring's producer
  kNoSeat,         // every consumer seat is taken by a living consumer
  kTruncated,      // the object is smaller than its own header says
  kNotARing,       // a file of that name exists and is not a ring
  kLayoutVersion,  // a ring of a layout or with features this build does not know
  kBadLengths,     // sizes in the header contradict each other or the file
  kIncarnation,    // ring and seats belong to different queues, or one of them is missing
  kSchema,         // the ring carries messages of another schema
  kOptionsDiffer,  // OpenOrCreate: the existing ring differs from an option that was set
  kInUse,          // Unlink: a producer or consumer is alive
  kRemoved,        // the ring was unlinked
  kClosed,         // the producer has closed the ring
  kEvicted,        // this consumer was evicted
  kDamaged,        // the ring's contents contradict the protocol
  kTimedOut,
  kForked,        // the handle was inherited through fork()
  kInterrupted,   // Interrupt() was called, or ConsumerOptions::cancel_open returned true
  kProducerGone,  // the producer is gone without closing the ring (ConsumerOptions::report_producer_gone)
  kNoMemory,      // this process gets no memory for the copy of a message
};

// The exact cause recorded in a status of this library. Error::kNone for an OK status, Error::kOther for
// a status that does not come from here. Thread-safe.
MILLRACE_EXPORT Error ErrorOf(const absl::Status& status);

// "kNoSpace" and so on; never null. For logs.
MILLRACE_EXPORT const char* ToString(Error error);

}  // namespace millrace

#endif  // MILLRACE_ERROR_H_
