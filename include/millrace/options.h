// SPDX-License-Identifier: Apache-2.0
// Options of rings, producers and consumers. Sizes are in bytes. Times are relative and on the monotonic
// clock.
#ifndef MILLRACE_OPTIONS_H_
#define MILLRACE_OPTIONS_H_

#include "millrace/internal/compiler.h"  // first

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <ratio>
#include <string>
#include <type_traits>
#include <utility>

namespace millrace {

// A span of time. Every std::chrono::duration converts to Nanos. A duration that is too long for nanoseconds,
// such as std::chrono::milliseconds::max(), becomes kForever. A call with a zero or negative time-out does
// not wait, so the time left until a deadline that has passed is a valid time-out.
class Nanos : public std::chrono::nanoseconds {
 public:
  constexpr Nanos() : std::chrono::nanoseconds(0) {}
  constexpr explicit Nanos(int64_t ns) : std::chrono::nanoseconds(ns) {}
  template <class Rep, class Period>
  [[gnu::always_inline]] constexpr Nanos(  // NOLINT(google-explicit-constructor): `Next(seconds(1))`
      const std::chrono::duration<Rep, Period>& span)
      : std::chrono::nanoseconds(Saturated<std::ratio_divide<Period, std::nano>>(span.count())) {}

  static constexpr Nanos zero() { return Nanos(0); }
  static constexpr Nanos min() { return Nanos(std::numeric_limits<int64_t>::min()); }
  static constexpr Nanos max() { return Nanos(std::numeric_limits<int64_t>::max()); }

 private:
  template <class NanosPerTick, class Rep>
  static constexpr int64_t Saturated(Rep ticks) {
    constexpr int64_t kLeast = std::numeric_limits<int64_t>::min(), kMost = -(kLeast + 1);
    if constexpr (std::is_floating_point_v<Rep>) {
      const Rep ns = ticks * static_cast<Rep>(NanosPerTick::num) / static_cast<Rep>(NanosPerTick::den);
      if (ns >= static_cast<Rep>(kMost)) return kMost;
      if (ns <= static_cast<Rep>(kLeast)) return kLeast;
      return ns == ns ? static_cast<int64_t>(ns) : 0;  // NOLINT(misc-redundant-expression): 0 for NaN
    } else {
      __extension__ using Wide = __int128;
      const Wide ns = static_cast<Wide>(ticks) * NanosPerTick::num / NanosPerTick::den;
      if (ns > kMost) return kMost;
      return ns < kLeast ? kLeast : static_cast<int64_t>(ns);
    }
  }
};
inline constexpr Nanos kForever = Nanos::max();

// Exact modes of the two shared objects of a ring. The umask does not change them. Whatever the modes are,
// only the ring's owner can take the producer's lock, so a successor producer must run as that user. Root can
// take it too and names the expected owner with ProducerOptions::owner.
struct Access {
  mode_t ring = 0600;  // Any process that can read this file can read all messages.
  // Any process that can read and write this file can take a seat. It can also stop the ring: hold the
  // producer back, evict other consumers, or truncate the file. It can overwrite another consumer's position.
  // That consumer then loses messages and returns kDamaged, or reads torn bytes if it reads in place
  // (Consumer::StillIntact, ConsumerOptions::copy).
  mode_t seats = 0600;
  std::optional<gid_t> group = {};  // unset: the creator's effective group, whatever the directory's group is

  // Only the owner may observe and take seats.
  static constexpr Access Private() { return {}; }
  // Every user may observe. Only the owner can take seats, so no other user can hold the producer back.
  static constexpr Access Watchable() { return {0644, 0600, {}}; }
  // Members of group `g` may observe and take seats. Other users can do neither.
  static constexpr Access Group(gid_t g) { return {0640, 0660, g}; }
  // Every user may observe and take seats, and can therefore hold the producer back or occupy all seats.
  static constexpr Access Everyone() { return {0644, 0666, {}}; }
};

// Seats of a ring unless RingOptions::seats says otherwise.
inline constexpr uint32_t kDefaultSeats = 64;

// Properties of a ring. Create uses the default for an option that is unset. OpenOrCreate on an existing ring
// returns kOptionsDiffer if an option that is set differs from the ring. It accepts any value for unset
// options.
struct RingOptions {
  std::optional<size_t> capacity = {};     // bytes, a power of two, 4 KiB to 8 GiB; default 1 MiB
  std::optional<size_t> max_message = {};  // bytes; default and maximum: min(capacity / 8, 2^28 - 64)
  std::optional<uint32_t> seats = {};      // 1 to 1024; default 64; each takes 256 bytes of shared memory
  std::optional<std::string> schema =
      {};  // at most 1000 bytes; default none. Grammar: protocol/format.md "Schema"
  std::optional<Access> access = {};  // default Access::Private(); not compared by OpenOrCreate
  bool keep = false;                  // true: the ring is never stale, even if no process uses it
};

// What Publish, WaitClaim and MessageBatch::Add do while the slowest lossless consumer or group leaves no
// room. TryPublish, TryClaim and TryAdd never wait, never drop a message and never evict a living consumer.
// All of these calls take back the seat of a dead consumer that is in the way.
enum class OnFull : uint8_t {
  kBlock,         // wait for room
  kDropNew,       // drop the new message: it gets no sequence number and ProducerStats::dropped counts it
  kEvictSlowest,  // wait, then evict every consumer that has left no room for evict_after
};

// What a batch does when its messages would take more than a quarter of the ring's capacity.
enum class OnLargeBatch : uint8_t {
  kPublishInParts,  // publish the messages added before and continue with an empty batch: fast, not atomic
  kRefuse,          // return kTooLarge and leave the batch as it is: all or nothing
};

// Options of a Producer.
struct ProducerOptions {
  OnFull on_full = OnFull::kBlock;
  // How long a consumer may leave no room before kEvictSlowest evicts it. Time counts only while this
  // producer wants room and the consumer does not move. Time in which the producer is stopped or calls
  // nothing does not count. A group whose members are all dead keeps the messages that they held for this
  // time, whatever on_full is, so that a new member can receive them. A negative time is refused with
  // kBadArgument.
  Nanos evict_after = std::chrono::seconds(5);
  // How long Open waits for the lock of the previous producer before it returns kProducerAlive. Create waits
  // for it at most 5 s. A killed producer holds its lock until the kernel has freed its memory, which takes
  // up to seconds for a huge process.
  Nanos take_over_timeout = std::chrono::seconds(2);
  std::string label = {};              // shown to people, cut after 63 bytes; default: the program's name
  std::string directory = "/dev/shm";  // where the files of the ring are; must support locks and mmap
  // The user that must own all files of the ring. Otherwise opening fails with kNoPermission, and the text
  // names the owner that was found. Every user can create a file of any name in /dev/shm, so a name says
  // nothing about the owner. Unset: the effective user, also for root. In a user namespace, the overflow uid
  // (65534) stands for every user that has no number in it.
  std::optional<uid_t> owner = {};
};

// How a consumer waits for a message.
enum class Wait : uint8_t {
  kAdaptive,  // spin for a short time if that has paid off lately, then sleep
  kSpin,      // never sleep, and never pause for the producer's benefit: lowest latency, less throughput
  kPark,      // sleep without spinning first
};

// Where a lossy consumer continues after the producer has overrun it.
enum class Overrun : uint8_t {
  kResumeOldest,  // at the oldest message that is still intact at a recorded boundary
  kResumeNewest,  // at the next message that will be published
};

// How a consumer receives messages. There is no default, because the choice decides who pays for a slow
// consumer: the producer (it waits) or the consumer (it loses messages).
class Delivery {
 public:
  enum class Kind : uint8_t { kLossless = 1, kLossy = 2, kGroup = 3, kObserver = 4 };

  // Takes a seat and receives every message. The producer waits for this consumer. Payloads are read in
  // place.
  static Delivery Lossless() { return Delivery(Kind::kLossless); }
  // Takes a seat and never holds the producer back. Payloads are checked copies that belong to the consumer.
  static Delivery Lossy() { return Delivery(Kind::kLossy); }
  // Takes no seat, opens no file for writing, and is invisible to the producer. Loses messages like a lossy
  // consumer and hands out copies. An observer cannot announce that it sleeps. Unless the producer wakes
  // other consumers, a message is seen up to 20 ms late. After an idle time, this delay grows to a quarter of
  // that time, but to no more than 1 s. The limit is 50 ms if users other than the owner may read the
  // ring.
  static Delivery Observer() { return Delivery(Kind::kObserver); }
  // One of several members that share the messages. Each message goes to one member. It goes to another
  // member only if the first one died, was evicted or left without Ack; Message::deliveries counts this. A
  // member takes a seat, and the producer waits for the group. The first member creates the group and decides
  // where it begins (ConsumerOptions::start). A group ends with its last member unless it is durable. A
  // durable group without members keeps its place, and the producer waits for it. The next member continues
  // there. SegmentManager::RemoveGroup removes a group. All members must give the same `durable`
  // (kOptionsDiffer). A ring has at most 8 groups (kNoSeat). Names follow the rules of ring names, with at
  // most 63 characters (kBadName).
  static Delivery Group(std::string name, bool durable = false) {
    Delivery delivery(Kind::kGroup);
    delivery.group_ = std::move(name);
    delivery.durable_ = durable;
    return delivery;
  }

  Kind kind() const { return kind_; }
  const std::string& group() const { return group_; }
  bool durable() const { return durable_; }

 private:
  explicit Delivery(Kind kind) : kind_(kind) {}
  Kind kind_;
  std::string group_;
  bool durable_ = false;
};

// Where a consumer begins to read, or skips to. "Retained" messages are those that were not overwritten. For
// lossless consumers and groups, a message is retained until the producer announces that it will overwrite
// it: usually about 59/64 of the ring is retained, less with large messages.
class Start {
 public:
  enum class Kind : uint8_t { kEnd, kOldest, kLast, kSequence, kAgo };

  // The next message that will be published.
  static constexpr Start End() { return Start(Kind::kEnd, 0); }
  // The oldest retained message.
  static constexpr Start Oldest() { return Start(Kind::kOldest, 0); }
  // The oldest of the newest `n` retained messages.
  static constexpr Start Last(uint64_t n) { return Start(Kind::kLast, n); }
  // The message of sequence `s`. If it was overwritten, the consumer begins at the oldest retained message,
  // and the first Message::lost says how many messages are missing. A sequence above the next one is
  // kBadArgument.
  static constexpr Start Sequence(uint64_t s) { return Start(Kind::kSequence, s); }
  // A message boundary at or before the first message that was published within the last `age`, and usually
  // at most a chunk (capacity / 64) before it. The producer records the time of a boundary once per chunk, or
  // once per message if messages are larger. While consumers hold the producer back, boundaries lie up to two
  // chunks apart. An age beyond the oldest retained message means Oldest. A zero or negative age means End.
  // Ages are measured with the machine's wall clock. If that clock was set back after a message was
  // published, the consumer may begin earlier than asked, not later.
  static constexpr Start Ago(Nanos age) {
    return Start(Kind::kAgo, age.count() > 0 ? static_cast<uint64_t>(age.count()) : 0);
  }

  constexpr Kind kind() const { return kind_; }
  constexpr uint64_t value() const { return value_; }  // kAgo: nanoseconds

 private:
  constexpr Start(Kind kind, uint64_t value) : kind_(kind), value_(value) {}
  Kind kind_;
  uint64_t value_;
};

// Options of a Consumer.
struct ConsumerOptions {
  Start start = Start::End();   // where to begin; in a group, the first member decides
  Wait wait = Wait::kAdaptive;  // how to wait for a message
  // Where a lossy consumer or an observer continues after an overrun.
  Overrun on_overrun = Overrun::kResumeOldest;
  // true: lossless consumers and groups hand out a copy of their own as well. After copying, the consumer
  // proves that the copy is whole, using values that only the producer writes. Without a copy, a process that
  // can write the ring's seats (Access) can make the producer overwrite a message while it is read;
  // StillIntact detects this.
  bool copy = false;
  // Groups: how many messages a lease may cover, so a member takes at a time: 1 to 64, and together at most 1/64 of the ring.
  // More is faster for many small messages, but a member that stalls or dies withholds that many from the
  // rest of the group. Other values are kBadArgument.
  uint32_t messages_per_lease = 1;
  bool follow_reopen = false;          // true: a closed ring is waited on like an empty one
  Nanos open_timeout = Nanos::zero();  // how long Open waits for the ring to be created; then kNotFound
  // Ends the wait for the ring: Open returns kInterrupted once this function returns true. Open calls it in
  // its own thread before each sleep, at least every 200 ms, and after each signal. Use it to test a
  // std::atomic<bool> that a signal handler sets, to test a std::stop_token, or to run one turn of an event
  // loop.
  std::function<bool()> cancel_open = {};
  // true: the consumer reports that the producer is gone without Close (killed, crashed or detached). Once
  // everything that this producer published was read, every way of reading returns Got::kProducerGone, once
  // for each producer. After that the consumer waits for the next producer as usual. The consumer finds out
  // within 50 ms after the kernel has freed the producer's lock, through an event descriptor within 130 ms.
  // Only the kernel decides: a stopped producer is alive, and a producer counts as alive if the kernel does
  // not answer. A ring that never had a producer is waited for. This costs up to 20 wake-ups a second while
  // the consumer sleeps.
  bool report_producer_gone = false;
  std::optional<std::string> schema = {};  // set: the ring must carry exactly this schema (kSchema)
  std::string label = {};                  // as in ProducerOptions
  std::string directory = "/dev/shm";      // as in ProducerOptions
  // Set: the user that must own the ring, as in ProducerOptions. Unset: a ring of any user is read.
  std::optional<uid_t> owner = {};
};

}  // namespace millrace

#endif  // MILLRACE_OPTIONS_H_
