// SPDX-License-Identifier: Apache-2.0
// millrace for C and for every language that can call C: a lock-free message queue between processes on one
// Linux machine. C11, also valid C++. Link with libmillrace (pkg-config millrace-c).
//
// This header has the functions of the C++ interface (millrace/millrace.h), under the same words. The
// guide, include/millrace/README.md of the source tree, explains them.
//
// Errors.  Cold calls (create, open, list, unlink and so on) return int: 0, or a negative MILLRACE_E_*, and
//   millrace_error_text() is then the text for people. Message calls return one byte: 0 means "sent" or "a
//   message", and every other value is the reason why not, MILLRACE_SENT_* or MILLRACE_GOT_*. Misuse, such
//   as a null handle, is MILLRACE_E_BAD_ARGUMENT, MILLRACE_SENT_BAD_ARGUMENT or MILLRACE_GOT_BAD_ARGUMENT,
//   with a text. No call ends the process, throws or installs a signal handler (except
//   millrace_install_sigbus_guard).
// Handles.  Opaque. Each is freed by the function whose name ends in _free, which accepts NULL. After a
//   call that failed, *out is NULL.
// Threads.  Use a handle in one thread at a time. The functions that end in _interrupt may be called in any
//   thread and in signal handlers, as long as the handle exists. Calls without a handle are thread-safe.
// Fork.  In the child, calls on an inherited handle return MILLRACE_*_FORKED, and freeing it does nothing
//   to the ring.
// Signals.  A signal never ends a wait. Use an _interrupt function.
// Times.  Relative, in nanoseconds, on the monotonic clock. MILLRACE_FOREVER waits without a limit; zero or
//   a negative time does not wait.
// Strings.  Ended by a zero byte and copied before the call returns. A name consists of [A-Za-z0-9_.-],
//   does not begin with "." or "-", and has at most 200 characters. A directory that is NULL means
//   "/dev/shm".
// Structs of options.  The first member is the size of the struct, so that structs can grow: initialise
//   them with their MILLRACE_*_INIT and then set members. Zero is the default of every member. NULL instead
//   of a struct means all defaults. A program that was compiled with a smaller struct gets the defaults for
//   the rest. A larger struct is accepted if its unknown part is zero; otherwise the call fails with
//   MILLRACE_E_BAD_ARGUMENT.
// Structs that the library fills.  Set `size` with MILLRACE_*_INIT before the call, if you provide the
//   struct. The library fills what both sides know and sets the rest to zero.
#ifndef MILLRACE_H_
#define MILLRACE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "millrace/export.h"
#include "millrace/version.h"

#ifdef __cplusplus
extern "C" {
#endif

struct millrace_producer;
struct millrace_consumer;
struct millrace_wait_set;
struct millrace_merge;

#define MILLRACE_FOREVER INT64_MAX
#define MILLRACE_UNKNOWN UINT64_MAX    // a 64-bit number that is not known or does not exist
#define MILLRACE_NO_ID UINT32_MAX      // a user or group that is not known or does not exist
#define MILLRACE_NO_SOURCE UINT32_MAX  // millrace_message.source outside of a merge

// ---- errors -----------------------------------------------------------------------------------------------

// Results of cold calls. Each value stands for the member of millrace::Error (millrace/error.h) that has its
// name, where its exact meaning is. The values never change.
enum millrace_error {
  MILLRACE_OK = 0,
  MILLRACE_E_OTHER = -1,            // a system call failed; the text has its errno
  MILLRACE_E_BAD_ARGUMENT = -2,     // an option, a size or a time is out of range, or a pointer is null
  MILLRACE_E_BAD_NAME = -3,         // not a valid name
  MILLRACE_E_NOT_FOUND = -4,        // no such ring, seat, group, or consumer in a wait set
  MILLRACE_E_EXISTS = -5,           // a ring of that name exists
  MILLRACE_E_NO_PERMISSION = -6,    // refused by the kernel, or the ring has another owner
  MILLRACE_E_NO_SPACE = -7,         // the file system is full
  MILLRACE_E_NO_MEMORY_LIMIT = -8,  // the ring exceeds the memory cgroup or RLIMIT_FSIZE
  MILLRACE_E_PRODUCER_ALIVE = -9,   // another process is the producer of this ring
  MILLRACE_E_NO_SEAT = -10,         // living consumers hold all seats, or all groups are taken
  MILLRACE_E_TRUNCATED = -11,       // the file is smaller than its header says
  MILLRACE_E_NOT_A_RING = -12,      // the file is not a ring
  MILLRACE_E_LAYOUT_VERSION = -13,  // a layout that this library does not know
  MILLRACE_E_BAD_LENGTHS = -14,     // sizes in the header contradict each other
  MILLRACE_E_INCARNATION = -15,     // ring and seats do not belong together
  MILLRACE_E_SCHEMA = -16,          // the ring carries messages of another schema
  MILLRACE_E_OPTIONS_DIFFER = -17,  // the existing ring or group differs from an option that is set
  MILLRACE_E_IN_USE = -18,          // a producer, consumer or member is alive, or the consumer is in a set
  MILLRACE_E_REMOVED = -19,         // the ring was unlinked
  MILLRACE_E_CLOSED = -20,          // the producer has closed the ring
  MILLRACE_E_EVICTED = -21,         // this consumer was evicted
  MILLRACE_E_DAMAGED = -22,         // the contents of the ring contradict the protocol
  MILLRACE_E_TIMED_OUT = -23,       // another process held a lock of the ring for too long
  MILLRACE_E_FORKED = -24,          // the handle was inherited through fork()
  MILLRACE_E_INTERRUPTED = -25,     // an _interrupt function was called, or cancel_open returned true
  MILLRACE_E_PRODUCER_GONE = -26,   // the producer ended without closing the ring
  MILLRACE_E_NO_MEMORY = -27        // this process could not allocate memory
};

// Returns the text of the last error of this thread: the operation, the object, what was found, what was
// expected, and what to do. Never null; "" before the first error. A call that succeeds leaves it as it is.
// Valid until the next call of this thread. At most 2047 bytes; a longer text is cut.
MILLRACE_EXPORT const char* millrace_error_text(void);

// Return the name of a value, such as "MILLRACE_E_NO_SPACE"; never null, "unknown" for other numbers.
MILLRACE_EXPORT const char* millrace_error_name(int error);
MILLRACE_EXPORT const char* millrace_sent_name(uint8_t sent);
MILLRACE_EXPORT const char* millrace_got_name(uint8_t got);

// Returns the release of the library that is loaded, as MILLRACE_VERSION (millrace/version.h) is the
// release of the headers: 0.1.0 is 100.
MILLRACE_EXPORT unsigned millrace_version(void);

// ---- results of message calls -----------------------------------------------------------------------------

// Results of publishing and claiming. The values never change.
enum millrace_sent {
  MILLRACE_SENT_OK = 0,
  MILLRACE_SENT_FULL = 1,         // a lossless consumer or a group leaves no room now
  MILLRACE_SENT_TIMED_OUT = 2,    // there was no room within the time-out
  MILLRACE_SENT_DROPPED = 3,      // MILLRACE_DROP_NEW: no room; the message was dropped and counted
  MILLRACE_SENT_TOO_LARGE = 4,    // larger than millrace_max_message; in a batch: MILLRACE_REFUSE_LARGE_BATCH
  MILLRACE_SENT_CLOSED = 5,       // this producer has closed its ring
  MILLRACE_SENT_REMOVED = 6,      // the ring was unlinked, or truncated under the SIGBUS guard
  MILLRACE_SENT_INTERRUPTED = 7,  // millrace_producer_interrupt was called
  MILLRACE_SENT_FORKED = 8,       // the handle was inherited through fork()
  MILLRACE_SENT_BAD_ARGUMENT = 9  // misuse; millrace_error_text() says what
};

// Results of reading. The values never change. millrace_consumer_status() gives the reason in words.
enum millrace_got {
  MILLRACE_GOT_MESSAGE = 0,
  MILLRACE_GOT_EMPTY = 1,          // everything published so far was read
  MILLRACE_GOT_TIMED_OUT = 2,      // no message arrived within the time-out
  MILLRACE_GOT_CLOSED = 3,         // the producer closed the ring and everything was read
  MILLRACE_GOT_EVICTED = 4,        // this consumer lost its seat
  MILLRACE_GOT_REMOVED = 5,        // the ring was removed and everything was read
  MILLRACE_GOT_DAMAGED = 6,        // the ring contradicts the protocol, or its file has lost bytes
  MILLRACE_GOT_INTERRUPTED = 7,    // an _interrupt function was called
  MILLRACE_GOT_FORKED = 8,         // the handle was inherited through fork()
  MILLRACE_GOT_PRODUCER_GONE = 9,  // report_producer_gone: the producer ended without closing the ring
  MILLRACE_GOT_NO_MEMORY = 10,     // no memory for a copy of the message; it is not lost, ask again
  MILLRACE_GOT_BAD_ARGUMENT = 255  // misuse; millrace_error_text() says what
};

// A message that was read.
struct millrace_message {
  const void* data;      // `size` bytes, read-only, at an address that is a multiple of 8
  size_t size;           // bytes
  uint64_t sequence;     // 0 for the first message ever published on the ring
  uint64_t lost;         // messages missed directly before this one
  uint32_t deliveries;   // 1 for the first delivery; in a group, each earlier delivery adds 1
  uint32_t source;       // the number of the ring in a merge; MILLRACE_NO_SOURCE otherwise
  uint64_t reserved[3];  // for later use; the library does not write it
};

// Bytes to publish.
struct millrace_bytes {
  const void* data;  // may be null if size is 0
  size_t size;       // bytes
};

// ---- rings ------------------------------------------------------------------------------------------------

// Which other processes may use a ring: millrace_ring_options.access.
enum millrace_access {
  MILLRACE_ACCESS_DEFAULT = 0,    // private
  MILLRACE_ACCESS_PRIVATE = 1,    // only the owner may observe and take seats
  MILLRACE_ACCESS_WATCHABLE = 2,  // every user may observe, only the owner may take seats
  MILLRACE_ACCESS_GROUP = 3,      // members of the group `access_group` may observe and take seats
  MILLRACE_ACCESS_EVERYONE = 4,   // every user may observe and take seats, and so hold the producer back
  MILLRACE_ACCESS_MODES = 5       // exactly ring_mode and seats_mode
};

// Properties of a new ring. millrace_producer_open_or_create fails with MILLRACE_E_OPTIONS_DIFFER if the
// existing ring differs from a member that is not zero (access is not compared).
struct millrace_ring_options {
  size_t size;
  uint64_t capacity;     // bytes, a power of two, 4 KiB to 8 GiB; 0: 1 MiB
  uint64_t max_message;  // bytes, at most min(capacity / 8, 2^28 - 64); 0: that
  const char* schema;    // at most 1000 bytes; grammar: protocol/format.md "Schema"; NULL: none
  uint32_t seats;        // 1 to 1024; 0: 64
  uint32_t access;       // enum millrace_access
  uint32_t ring_mode;    // MILLRACE_ACCESS_MODES: modes of the two files, such as 0640
  uint32_t seats_mode;
  uint32_t has_access_group;  // 1: the group of the files is access_group; 0: the creator's effective group
  uint32_t access_group;
  uint32_t keep;      // 1: the ring is never stale, even if no process uses it
  uint32_t reserved;  // must be 0
};
#define MILLRACE_RING_OPTIONS_INIT \
  { sizeof(struct millrace_ring_options), 0, 0, NULL, 0, 0, 0, 0, 0, 0, 0, 0 }

// ---- producer ---------------------------------------------------------------------------------------------

// What waiting calls of a producer do while the ring is full.
enum millrace_on_full {
  MILLRACE_BLOCK = 0,         // wait for room
  MILLRACE_DROP_NEW = 1,      // drop the new message and count it
  MILLRACE_EVICT_SLOWEST = 2  // wait, then evict every consumer that has left no room for evict_after_ns
};

struct millrace_producer_options {
  size_t size;
  int64_t evict_after_ns;  // MILLRACE_EVICT_SLOWEST, and groups whose members all died; 0: 5 s
  int64_t
      take_over_timeout_ns;  // how long open waits for the previous producer; 0: 2 s; negative: not at all
  const char* label;         // shown to people, cut after 63 bytes; NULL: the program's name
  const char* directory;
  uint32_t on_full;    // enum millrace_on_full
  uint32_t has_owner;  // 1: all files of the ring must belong to the user `owner`; 0: the effective user
  uint32_t owner;
  uint32_t reserved;  // must be 0
};
#define MILLRACE_PRODUCER_OPTIONS_INIT \
  { sizeof(struct millrace_producer_options), 0, 0, NULL, NULL, 0, 0, 0, 0 }

// Creates a ring and becomes its producer. Errors: EXISTS, NOT_A_RING, BAD_NAME, BAD_ARGUMENT, NO_SPACE,
// NO_MEMORY_LIMIT, NO_PERMISSION, PRODUCER_ALIVE.
MILLRACE_EXPORT int millrace_producer_create(const char* name, const struct millrace_ring_options* ring,
                                             const struct millrace_producer_options* options,
                                             struct millrace_producer** out);
// Takes over an existing ring in place: sequence numbers continue, and consumers keep running. Reopens a
// closed ring. Errors: NOT_FOUND, NO_PERMISSION, PRODUCER_ALIVE, and those of an unusable ring.
MILLRACE_EXPORT int millrace_producer_open(const char* name, const struct millrace_producer_options* options,
                                           struct millrace_producer** out);
// Opens the ring if it exists and creates it otherwise, as a daemon needs at its start.
MILLRACE_EXPORT int millrace_producer_open_or_create(const char* name,
                                                     const struct millrace_ring_options* ring,
                                                     const struct millrace_producer_options* options,
                                                     struct millrace_producer** out);
// Declares that the stream is complete and releases the ring. Consumers that have read everything get
// MILLRACE_GOT_CLOSED. Ends an open claim or batch without publishing it. The handle stays valid until it
// is freed. Returns 0 for NULL.
MILLRACE_EXPORT int millrace_producer_close(struct millrace_producer* producer);
// Frees the handle. A ring that was not closed stays open, as after a crash: the next producer continues it.
MILLRACE_EXPORT void millrace_producer_free(struct millrace_producer* producer);

// Publishes a copy of a message. Never waits: MILLRACE_SENT_FULL if there is no room now.
MILLRACE_EXPORT uint8_t millrace_try_publish(struct millrace_producer* producer, const void* data,
                                             size_t size);
// Publishes a copy of a message, and waits for room as on_full says, at most timeout_ns.
MILLRACE_EXPORT uint8_t millrace_publish(struct millrace_producer* producer, const void* data, size_t size,
                                         int64_t timeout_ns);
// Publishes `count` messages in order, each like millrace_publish; timeout_ns bounds the waits of the whole
// call. Stops at the first message that is not sent and returns the reason. Stores in *sent how many
// messages were published before it; `sent` may be null. A crash in the middle leaves the messages before
// it published.
MILLRACE_EXPORT uint8_t millrace_publish_many(struct millrace_producer* producer,
                                              const struct millrace_bytes* messages, size_t count,
                                              int64_t timeout_ns, size_t* sent);

// Claims room for a message of `size` bytes inside the ring and stores its address in *data (a multiple of
// 8; null on failure). The bytes are uninitialised: overwrite all that you commit. A producer has at most
// one open claim or batch; while one is open, every other publishing call returns
// MILLRACE_SENT_BAD_ARGUMENT. millrace_try_claim never waits. millrace_claim waits for room like
// millrace_publish.
MILLRACE_EXPORT uint8_t millrace_try_claim(struct millrace_producer* producer, size_t size, void** data);
MILLRACE_EXPORT uint8_t millrace_claim(struct millrace_producer* producer, size_t size, int64_t timeout_ns,
                                       void** data);
// Publishes the first `used` bytes of the claim and ends it. Returns MILLRACE_SENT_BAD_ARGUMENT, and leaves
// the claim as it is, if `used` is larger than what was claimed.
MILLRACE_EXPORT uint8_t millrace_commit(struct millrace_producer* producer, size_t used);
// Ends the claim without publishing. Does nothing if there is no claim.
MILLRACE_EXPORT void millrace_abort(struct millrace_producer* producer);

// What a batch does when its messages would take more than a quarter of the ring.
enum millrace_on_large_batch {
  MILLRACE_PUBLISH_IN_PARTS = 0,  // publish the messages added before, and continue empty: fast, not atomic
  MILLRACE_REFUSE_LARGE_BATCH =
      1  // return MILLRACE_SENT_TOO_LARGE and leave the batch as it is: all or nothing
};
// Begins a batch: messages that become visible together. Returns MILLRACE_SENT_BAD_ARGUMENT if a claim or a
// batch is open.
MILLRACE_EXPORT uint8_t millrace_batch_begin(struct millrace_producer* producer, uint32_t on_large_batch);
// Adds a copy of a message to the open batch. millrace_batch_add waits for room as on_full says. After a
// failure the batch is as it was, or empty if its messages were published as a part.
MILLRACE_EXPORT uint8_t millrace_batch_try_add(struct millrace_producer* producer, const void* data,
                                               size_t size);
MILLRACE_EXPORT uint8_t millrace_batch_add(struct millrace_producer* producer, const void* data, size_t size,
                                           int64_t timeout_ns);
// Returns the number of messages that were added and are not yet visible.
MILLRACE_EXPORT uint64_t millrace_batch_size(const struct millrace_producer* producer);
// Publishes all messages of the batch together and ends it.
MILLRACE_EXPORT uint8_t millrace_batch_commit(struct millrace_producer* producer);
// Discards all messages that are not yet visible and ends the batch. Does nothing if there is no batch.
MILLRACE_EXPORT void millrace_batch_abort(struct millrace_producer* producer);

// Returns 0 if the ring still has its name and all of its bytes; otherwise REMOVED or TRUNCATED. Makes a few
// system calls.
MILLRACE_EXPORT int millrace_producer_check(struct millrace_producer* producer);
// Waits until that many lossless consumers and group members are alive, and returns true. Returns false
// after the time-out, an interrupt or a close, in a forked child, for NULL, if the ring was removed or
// damaged, and if the ring has fewer seats.
MILLRACE_EXPORT bool millrace_wait_for_consumers(struct millrace_producer* producer, size_t lossless_or_group,
                                                 int64_t timeout_ns);
// Returns the number of messages ever published on the ring; 0 for NULL.
MILLRACE_EXPORT uint64_t millrace_producer_next_sequence(const struct millrace_producer* producer);
// Returns the largest message, in bytes; 0 for NULL.
MILLRACE_EXPORT size_t millrace_max_message(const struct millrace_producer* producer);

// Counts of a producer's handle; `published` includes the messages of earlier producers of the ring.
struct millrace_producer_stats {
  size_t size;
  uint64_t published, bytes, dropped;  // messages, payload bytes, messages
  uint64_t blocked, evictions, wakes;  // waits for room, consumers evicted, wake-ups of consumers
  int64_t blocked_ns;                  // spent in waits for room that are over
};
#define MILLRACE_PRODUCER_STATS_INIT \
  { sizeof(struct millrace_producer_stats), 0, 0, 0, 0, 0, 0, 0 }
MILLRACE_EXPORT int millrace_producer_get_stats(const struct millrace_producer* producer,
                                                struct millrace_producer_stats* out);
// Makes the current and every later wait of this producer return MILLRACE_SENT_INTERRUPTED. Lasts for the
// life of the handle. Any thread or signal handler.
MILLRACE_EXPORT void millrace_producer_interrupt(struct millrace_producer* producer);

// ---- consumer ---------------------------------------------------------------------------------------------

// How a consumer receives messages. There is no default: the choice decides which side pays for a slow
// consumer.
enum millrace_delivery {
  MILLRACE_LOSSLESS = 1,  // takes a seat; receives every message; the producer waits for it; reads in place
  MILLRACE_LOSSY = 2,     // takes a seat; never holds the producer back; reads checked copies, counts losses
  MILLRACE_GROUP = 3,     // shares the messages with the other members of millrace_consumer_options.group
  MILLRACE_OBSERVER = 4  // takes no seat and opens nothing for writing; otherwise like lossy, but woken later
};

// Where a consumer begins to read.
enum millrace_start {
  MILLRACE_START_END = 0,       // the next message that will be published
  MILLRACE_START_OLDEST = 1,    // the oldest message that is retained
  MILLRACE_START_LAST = 2,      // the oldest of the newest start_value messages
  MILLRACE_START_SEQUENCE = 3,  // the message of sequence start_value; what was overwritten counts as lost
  MILLRACE_START_AGO = 4  // a message boundary at or before the first message of the last start_value ns
};

// How a consumer waits.
enum millrace_wait {
  MILLRACE_WAIT_ADAPTIVE = 0,  // spin for a short time if that has paid off lately, then sleep
  MILLRACE_WAIT_SPIN = 1,      // never sleep
  MILLRACE_WAIT_PARK = 2       // sleep without spinning first
};

// Where a lossy consumer continues after it was overrun.
enum millrace_overrun {
  MILLRACE_RESUME_OLDEST = 0,  // at the oldest message that is still intact
  MILLRACE_RESUME_NEWEST = 1   // at the next message that will be published
};

struct millrace_consumer_options {
  size_t size;
  uint64_t start_value;     // see enum millrace_start
  int64_t open_timeout_ns;  // how long to wait for the ring to be created; then NOT_FOUND
  const char* group;        // MILLRACE_GROUP only, and required there: the group's name
  const char* schema;       // the ring must carry exactly this schema; NULL: any
  const char* label;        // shown to people, cut after 63 bytes; NULL: the program's name
  const char* directory;
  bool (*cancel_open)(void* cancel_context);  // ends the wait for the ring once it returns true; NULL: never
  void* cancel_context;
  uint32_t start;                 // enum millrace_start
  uint32_t wait;                  // enum millrace_wait
  uint32_t on_overrun;            // enum millrace_overrun
  uint32_t messages_per_lease;    // groups: how many messages a member may take at a time, 1 to 64; 0: 1
  uint32_t durable;               // 1: the group keeps its place without members
  uint32_t copy;                  // 1: lossless consumers and groups also hand out checked copies
  uint32_t follow_reopen;         // 1: a closed ring is waited on like an empty one
  uint32_t report_producer_gone;  // 1: MILLRACE_GOT_PRODUCER_GONE once a producer has died
  uint32_t has_owner;  // 1: the ring must belong to the user `owner`; 0: a ring of any user is read
  uint32_t owner;
};
#define MILLRACE_CONSUMER_OPTIONS_INIT                                                                       \
  {                                                                                                          \
    sizeof(struct millrace_consumer_options), 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, \
        0, 0, 0                                                                                              \
  }

// Opens an existing ring for reading. `delivery` is an enum millrace_delivery. Errors: NOT_FOUND (after
// open_timeout_ns), INTERRUPTED (cancel_open), NO_SEAT, NO_PERMISSION, SCHEMA, BAD_NAME, OPTIONS_DIFFER (a
// group), BAD_ARGUMENT, EVICTED, TIMED_OUT, and those of an unusable ring: NOT_A_RING, TRUNCATED,
// LAYOUT_VERSION, BAD_LENGTHS, INCARNATION, DAMAGED.
MILLRACE_EXPORT int millrace_consumer_open(const char* name, uint32_t delivery,
                                           const struct millrace_consumer_options* options,
                                           struct millrace_consumer** out);
// Gives the seat back and frees the handle. In a group, a message that was not acknowledged goes to another
// member. Takes the consumer out of its wait set or merge first.
MILLRACE_EXPORT void millrace_consumer_free(struct millrace_consumer* consumer);

// Reads the next message into *out, which stays as it is unless the result is MILLRACE_GOT_MESSAGE. The
// bytes stay valid until the next call on this handle that reads, skips or acknowledges, and no longer than
// the handle. That call also gives them back to the producer (lossless) or acknowledges the message
// (group). millrace_try_next never waits and returns MILLRACE_GOT_EMPTY instead. millrace_next waits at
// most timeout_ns.
MILLRACE_EXPORT uint8_t millrace_try_next(struct millrace_consumer* consumer, struct millrace_message* out);
MILLRACE_EXPORT uint8_t millrace_next(struct millrace_consumer* consumer, struct millrace_message* out,
                                      int64_t timeout_ns);
// Reads up to `capacity` messages: waits like millrace_next for the first one, and takes the others if they
// are there. Returns MILLRACE_GOT_MESSAGE and stores their number, at least 1, in *count; on every other
// result *count is 0. All of them stay valid until the next call on this handle that reads, skips or
// acknowledges. For that purpose messages are copied, except the last one: a message of more than 4 KiB is
// always the last one of its call, and all copies of a call take at most 64 KiB. A member of a group gets
// one message at a time, because each message is its own to acknowledge. A reason that ends the messages is
// returned by the next call. A copied message that was overwritten before it was copied whole is not
// returned.
MILLRACE_EXPORT uint8_t millrace_read_many(struct millrace_consumer* consumer,
                                           struct millrace_message* messages, size_t capacity,
                                           int64_t timeout_ns, size_t* count);
// Releases the current message, and all messages of millrace_read_many. Their bytes must not be used
// afterwards. In a group, no other member will receive the message. Reading on has this effect too;
// millrace_consumer_free does not.
MILLRACE_EXPORT void millrace_ack(struct millrace_consumer* consumer);
// Returns true while the current message, the last one that was read, is whole. Call it after reading in
// place and before acting on what was read. Returns false once the producer has reserved its bytes again,
// which it does only after an eviction or after another process has written into the ring's seats, and if
// there is no current message.
MILLRACE_EXPORT bool millrace_still_intact(const struct millrace_consumer* consumer);
// Moves forward; `start` and `value` as in millrace_consumer_options. MILLRACE_START_LAST with 1 skips to
// the newest message. The messages passed over count as skipped. An earlier start has no effect, except a
// sequence, which is BAD_ARGUMENT, like a sequence that is not published yet. Members of a group cannot
// skip (BAD_ARGUMENT).
MILLRACE_EXPORT int millrace_skip_to(struct millrace_consumer* consumer, uint32_t start, uint64_t value);

// Returns a new descriptor for poll, epoll or asyncio, or a negative error. It is readable while
// millrace_try_next would return a message or a reason why there will be none. A millrace_try_next that
// returns MILLRACE_GOT_EMPTY makes it unreadable. Read until MILLRACE_GOT_EMPTY if you wait for edges. It
// may occasionally be readable when there is nothing to read. The caller closes it, and uses it only for
// waiting. Costs one thread of this process for each 127 consumers with a descriptor. Errors: FORKED; OTHER
// if no descriptor or thread is available.
MILLRACE_EXPORT int millrace_event_fd(struct millrace_consumer* consumer);

// Returns the last reason why there was no message, as an error with its text: which process evicted this
// consumer, where the ring is damaged and so on. Returns 0 if the ring was empty or the time-out had
// passed.
MILLRACE_EXPORT int millrace_consumer_status(const struct millrace_consumer* consumer);
// Returns the sequence of the next message to be read; 0 for NULL.
MILLRACE_EXPORT uint64_t millrace_consumer_next_sequence(const struct millrace_consumer* consumer);

// Counts of a consumer's handle. Always: start + received + lost + skipped = next sequence.
struct millrace_consumer_stats {
  size_t size;
  uint64_t start;                              // sequence of the first message that it asked for
  uint64_t received, lost, overruns, skipped;  // messages; for overruns, how often the producer overran it
  uint64_t late_wakeups;                       // missed wake-ups, which only a time-out ended; should be 0
  uint64_t lag_messages, lag_bytes;            // published and not yet read, approximately
};
#define MILLRACE_CONSUMER_STATS_INIT \
  { sizeof(struct millrace_consumer_stats), 0, 0, 0, 0, 0, 0, 0, 0 }
MILLRACE_EXPORT int millrace_consumer_get_stats(const struct millrace_consumer* consumer,
                                                struct millrace_consumer_stats* out);

// What a consumer or a tool can know about the producer of a ring. A snapshot.
struct millrace_producer_info {
  size_t size;
  uint64_t epoch;                 // each producer of the ring adds 1; 0: the ring never had one
  uint64_t epoch_first_sequence;  // sequence of the first message of this producer
  int32_t pid;                    // 0: unknown, or in another PID namespace
  bool pid_foreign;               // the producer is in another PID namespace
  bool alive;                     // as the kernel answered now
  bool alive_unknown;             // the kernel refused to answer; `alive` is then true
  bool closed;                    // the producer closed the ring; !alive && !closed: it is gone without that
  char label[64];
};
#define MILLRACE_PRODUCER_INFO_INIT \
  { sizeof(struct millrace_producer_info), 0, 0, 0, false, false, false, false, "" }
// Stores what is known about the producer of the consumer's ring. Makes two system calls.
MILLRACE_EXPORT int millrace_consumer_get_producer(const struct millrace_consumer* consumer,
                                                   struct millrace_producer_info* out);
// Makes the current or the next millrace_next and millrace_read_many of this consumer, and all later ones,
// return MILLRACE_GOT_INTERRUPTED. Lasts for the life of the handle. Any thread or signal handler.
MILLRACE_EXPORT void millrace_consumer_interrupt(struct millrace_consumer* consumer);

// ---- many rings in one thread -----------------------------------------------------------------------------

// A wait set waits on up to 128 rings and hands each message to the handler of its ring. Use the set and
// all of its consumers in one thread at a time.

// Receives MILLRACE_GOT_MESSAGE and a message, which stays valid until the handler returns; or the reason
// why the ring has no more, and null. The ring has then left the set, except after MILLRACE_GOT_NO_MEMORY.
// A handler may read from its consumer, and may add, remove and free consumers. It must not throw or jump
// out.
typedef void (*millrace_handler)(void* context, uint8_t got, const struct millrace_message* message);

MILLRACE_EXPORT int millrace_wait_set_create(struct millrace_wait_set** out);
// Frees the set, not its consumers. In a handler of the set, it takes effect when the wait returns.
MILLRACE_EXPORT void millrace_wait_set_free(struct millrace_wait_set* set);
// Adds a consumer. Errors: BAD_ARGUMENT if the set has 128 rings or the handler is null; IN_USE if the
// consumer is in a wait set or a merge; FORKED.
MILLRACE_EXPORT int millrace_wait_set_add(struct millrace_wait_set* set, struct millrace_consumer* consumer,
                                          millrace_handler handler, void* context);
// Removes a consumer. Returns NOT_FOUND if it is not in this set.
MILLRACE_EXPORT int millrace_wait_set_remove(struct millrace_wait_set* set,
                                             struct millrace_consumer* consumer);
// Serves one ring: calls its handler once, and returns MILLRACE_GOT_MESSAGE. Waits at most timeout_ns if no
// ring is ready. Ready rings take turns. Otherwise returns EMPTY (no ring is in the set), TIMED_OUT,
// INTERRUPTED, FORKED, or BAD_ARGUMENT (null, or called in a handler of the set).
MILLRACE_EXPORT uint8_t millrace_wait_set_wait(struct millrace_wait_set* set, int64_t timeout_ns);
MILLRACE_EXPORT size_t
millrace_wait_set_size(const struct millrace_wait_set* set);  // number of rings in the set
// Makes the current or the next wait, and all later ones, return MILLRACE_GOT_INTERRUPTED. Any thread or
// signal handler.
MILLRACE_EXPORT void millrace_wait_set_interrupt(struct millrace_wait_set* set);

// A merge reads up to 128 rings as one stream. Messages of one ring keep their order; messages of different
// rings have none.

MILLRACE_EXPORT int millrace_merge_create(struct millrace_merge** out);
// Frees the merge and all consumers in it.
MILLRACE_EXPORT void millrace_merge_free(struct millrace_merge* merge);
// Adds a consumer and stores its number in *source (may be null). Numbers begin at 0 and are never reused.
// The merge then owns the consumer: its handle stays valid for status, stats, skipping and so on until the
// merge is freed. Errors: BAD_ARGUMENT if the merge has 128 rings that have not ended; IN_USE if the
// consumer is in a merge or a wait set; FORKED.
MILLRACE_EXPORT int millrace_merge_add(struct millrace_merge* merge, struct millrace_consumer* consumer,
                                       uint32_t* source);
// Takes a consumer out of the merge; the caller owns it again. Returns NOT_FOUND if it is not in this merge.
MILLRACE_EXPORT int millrace_merge_remove(struct millrace_merge* merge, struct millrace_consumer* consumer);
// Returns the consumer of that number, or NULL if there is none.
MILLRACE_EXPORT struct millrace_consumer* millrace_merge_consumer(struct millrace_merge* merge,
                                                                  uint32_t source);
// Reads the next message of any ring; it stays valid until the next call on this merge that reads or
// acknowledges. Stores in out->source the number of the ring to which the result belongs: a message, or the
// reason why that ring has ended, which is returned once. With MILLRACE_NO_SOURCE the result concerns the
// merge: TIMED_OUT, EMPTY (no ring is left), INTERRUPTED, FORKED or BAD_ARGUMENT. A zero timeout_ns does
// not wait.
MILLRACE_EXPORT uint8_t millrace_merge_next(struct millrace_merge* merge, struct millrace_message* out,
                                            int64_t timeout_ns);
MILLRACE_EXPORT void millrace_merge_ack(struct millrace_merge* merge);           // as millrace_ack
MILLRACE_EXPORT size_t millrace_merge_size(const struct millrace_merge* merge);  // rings that have not ended
// Makes the current or the next millrace_merge_next, and all later ones, return MILLRACE_GOT_INTERRUPTED.
// Any thread or signal handler.
MILLRACE_EXPORT void millrace_merge_interrupt(struct millrace_merge* merge);

// ---- rings as objects of the system -----------------------------------------------------------------------

// A seat that is taken. A snapshot.
struct millrace_seat_info {
  size_t size;
  uint32_t seat, generation;  // what millrace_evict needs
  const char* label;
  const char* delivery;              // "lossless", "lossy" or "group"
  const char* group;                 // its name, or ""
  uint64_t received, lost;           // messages, when the consumer last stored its position
  uint64_t lag_messages, lag_bytes;  // published and not yet read
  uint64_t lag_ns;                   // largest possible age of the oldest unread message; MILLRACE_UNKNOWN
  int32_t pid;                       // 0: unknown, or in another PID namespace
  bool pid_foreign;
  bool alive;
  bool evicted;
  bool stopped;     // the process is stopped (SIGSTOP, a debugger); a hint
  bool holds_back;  // leaves no room for the message that the producer last wanted to publish
};

// A group of a ring. A snapshot.
struct millrace_group_info {
  size_t size;
  const char* name;
  uint64_t lag_messages, lag_bytes;  // published and not yet taken by any member
  uint32_t members;                  // alive and not evicted
  uint32_t in_hand;                  // members, dead ones included, that hold messages
  bool durable;
  bool holds_back;
};

// A ring. A snapshot; sizes in bytes, ages in nanoseconds, times in nanoseconds of CLOCK_REALTIME. The
// library allocates it and everything in it, so it can grow at its end: `size` says how much of it this
// library knows. millrace/ring_info.h has more about each member.
struct millrace_ring_info {
  size_t size;
  const char* name;
  const char* incarnation;  // 32 hexadecimal digits
  const char* schema;
  const char* damage;     // "" if there is none
  const char* state;      // "live", "closed", "producer_gone", "never_used", "damaged", "unreadable"
  const char* stale_why;  // why the ring is stale, or why it is not
  const char* waits_for;  // what a living producer waits for now: "room", "consumers", or ""
  uint64_t capacity, max_message;
  uint64_t bytes;  // shared memory of all objects of the ring
  uint64_t next_sequence, oldest_sequence;
  uint64_t dropped, blocked, wakes, payload_bytes;  // counts over all producers
  uint64_t evictions;                               // seats taken away by producers and by tools
  uint64_t abandoned;            // messages that dead members held when their group was retired
  int64_t blocked_ns;            // spent in waits for room that are over
  uint64_t created_ns, used_ns;  // creation, and newest trace of use; 0: unknown
  uint64_t waits_ns;             // for how long the producer has waited; MILLRACE_UNKNOWN
  uint64_t full_ns;              // for how long it has found no room; MILLRACE_UNKNOWN if there is room
  uint64_t held_bytes;           // bytes that consumers still need; MILLRACE_UNKNOWN if there are none
  uint64_t last_message_ns;      // age of the newest message; MILLRACE_UNKNOWN
  const struct millrace_producer_info* producer;
  const struct millrace_seat_info* const* consumers;
  size_t consumer_count;
  const struct millrace_group_info* const* groups;
  size_t group_count;
  uint32_t awaited_consumers, seats;
  uint32_t mode, seats_mode;     // of the files; seats_mode 0: there is no such file
  uint32_t uid, gid;             // owner and group of the ring file
  uint32_t seats_uid, lock_uid;  // owners of the other files; MILLRACE_NO_ID: there is no such file
  bool next_sequence_exact;      // false: next_sequence and all lags are lower bounds
  bool last_message_exact;       // false: last_message_ns is an upper bound
  bool producer_stopped;
  bool keep, stale;
  bool seats_readable;  // false: no permission, so the consumers are unknown
};

struct millrace_ring_list {
  size_t size;
  const struct millrace_ring_info* const* rings;  // sorted by name
  size_t count;
};

// Stores all rings of a directory in *out, to be freed with millrace_ring_list_free. Takes no seat and no
// lock.
MILLRACE_EXPORT int millrace_list(const char* directory, struct millrace_ring_list** out);
MILLRACE_EXPORT void millrace_ring_list_free(struct millrace_ring_list* list);
// Stores the facts of one ring in *out, to be freed with millrace_ring_info_free. A damaged ring is
// described, not an error. Errors: NOT_FOUND, NOT_A_RING, NO_PERMISSION, BAD_NAME.
MILLRACE_EXPORT int millrace_inspect(const char* directory, const char* name,
                                     struct millrace_ring_info** out);
MILLRACE_EXPORT void millrace_ring_info_free(struct millrace_ring_info* info);
// Creates a ring that has no producer yet. Errors as of millrace_producer_create.
MILLRACE_EXPORT int millrace_create(const char* directory, const char* name,
                                    const struct millrace_ring_options* options);
// Removes a ring. Its users are woken and get REMOVED. Unless `force`, returns IN_USE while a producer or
// consumer is alive. Never touches a file that is not a ring.
MILLRACE_EXPORT int millrace_unlink(const char* directory, const char* name, bool force);

// A ring that no process uses and whose grace time is over, or the remains of one whose creator was killed.
struct millrace_stale {
  size_t size;
  const char* name;
  const char* incarnation;  // "" if there is no ring left to read it from
  const char* why;          // why it is stale
  uint64_t bytes;           // shared memory of all its objects
  int64_t idle_for_ns;      // these three are what millrace_prune compares
  uint64_t used_ns, next_sequence;
  uint32_t owner;  // the user that may remove it; root may too
  uint32_t reserved;
};
struct millrace_stale_list {
  size_t size;
  const struct millrace_stale* const* rings;
  size_t count;
};
// Stores the stale rings of a directory in *out, to be freed with millrace_stale_list_free: those without
// a trace of use in the last idle_for_ns. BAD_ARGUMENT if it is negative.
MILLRACE_EXPORT int millrace_find_stale(const char* directory, int64_t idle_for_ns,
                                        struct millrace_stale_list** out);
MILLRACE_EXPORT void millrace_stale_list_free(struct millrace_stale_list* list);
// Prunes a stale ring, after proving under all of its locks that it is still stale. Returns IN_USE if it
// was used since millrace_find_stale, and INCARNATION if the name leads to another ring now.
MILLRACE_EXPORT int millrace_prune(const char* directory, const struct millrace_stale* stale);
// Takes the seat of a consumer away; its next call returns MILLRACE_GOT_EVICTED. Returns NOT_FOUND if the
// seat is free or has another generation now.
MILLRACE_EXPORT int millrace_evict(const char* directory, const char* name, uint32_t seat,
                                   uint32_t generation);
// Removes a group without living members. Returns IN_USE if a member is alive, NOT_FOUND if there is no
// such group.
MILLRACE_EXPORT int millrace_remove_group(const char* directory, const char* name, const char* group);

// Changes of an existing ring. Only the members whose has_ member is 1 are changed.
struct millrace_ring_changes {
  size_t size;
  uint32_t has_keep, keep;
  uint32_t has_ring_mode, ring_mode;
  uint32_t has_seats_mode, seats_mode;
  uint32_t has_owner, owner;  // the new owner of all files; root only
  uint32_t has_group, group;
  uint32_t has_owned_by, owned_by;  // the user that must own the ring now; unset: the effective user
};
#define MILLRACE_RING_CHANGES_INIT \
  { sizeof(struct millrace_ring_changes), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
// Changes properties of an existing ring. Errors: NO_PERMISSION, NOT_FOUND, BAD_ARGUMENT.
MILLRACE_EXPORT int millrace_set(const char* directory, const char* name,
                                 const struct millrace_ring_changes* changes);

// Installs a SIGBUS handler: if a ring is truncated, its consumers then return MILLRACE_GOT_DAMAGED and its
// producer MILLRACE_SENT_REMOVED. Without it, the kernel kills the process. Call it once, before other
// threads start.
MILLRACE_EXPORT int millrace_install_sigbus_guard(void);

#ifdef __cplusplus
}
#endif

#endif  // MILLRACE_H_
