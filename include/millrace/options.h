// Options of rings, producers and consumers. Sizes are bytes, times are relative and monotonic.
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

// A span of time. Every std::chrono::duration converts to it and means what it says: one that is too long for
// nanoseconds, such as std::chrono::milliseconds::max(), becomes kForever.
// A time to wait that is negative does not wait, as zero: it is the rest of a deadline that has passed.
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
      return ns == ns ? static_cast<int64_t>(ns) : 0;
    } else {
      __extension__ using Wide = __int128;
      const Wide ns = static_cast<Wide>(ticks) * NanosPerTick::num / NanosPerTick::den;
      if (ns > kMost) return kMost;
      return ns < kLeast ? kLeast : static_cast<int64_t>(ns);
    }
  }
};
inline constexpr Nanos kForever = Nanos::max();

// Exact modes of the two shared objects; the umask has no say. A successor producer needs the owner's uid,
// whatever is set here: nobody else can take the producer's lock. (Root can, and says whose ring it means:
// ProducerOptions::owner.)
struct Access {
  mode_t ring = 0600;               // who may read messages (r)
  // Who may take a seat (rw). Such a process can stop the queue: hold the producer back, evict other consumers,
  // truncate the seats. It can move another consumer's position, which then loses messages and says kDamaged,
  // or reads torn bytes where it reads in place (Consumer::StillIntact, ConsumerOptions::copy).
  mode_t seats = 0600;
  std::optional<gid_t> group = {};  // unset: the creator's effective group, whatever the directory's is

  static constexpr Access Private() { return {}; }
  // Anyone may observe, nobody else may hold the producer back.
  static constexpr Access Watchable() { return {0644, 0600, {}}; }
  static constexpr Access Group(gid_t g) { return {0640, 0660, g}; }
  // Anyone may hold the producer back and fill its seats.
  static constexpr Access Everyone() { return {0644, 0666, {}}; }
};

// What a ring is made of. Create: unset means the default. OpenOrCreate on an existing ring: what is set
// must match (else kOptionsDiffer), what is unset accepts what is there.
struct RingOptions {
  std::optional<size_t> capacity = {};     // power of two, 4 KiB to 8 GiB; default 1 MiB
  std::optional<size_t> max_message = {};  // default and bound: min(capacity / 8, 2^28 - 64)
  std::optional<uint32_t> seats = {};      // 1..1024; default 64, 256 bytes of shared memory each
  std::optional<std::string> schema = {};  // at most 1000 bytes; default none. Grammar: PROTOCOL.md "Schema"
  std::optional<Access> access = {};       // not compared on open
  bool keep = false;                       // true: never counted as stale, whoever is gone
};

// What Publish and WaitClaim do while the slowest lossless consumer leaves no room. TryPublish and TryClaim
// never wait, drop, or evict the living; the seat of a dead consumer is taken back by any of them.
enum class OnFull : uint8_t {
  kBlock,         // wait for room
  kDropNew,       // drop the new message: it takes no sequence number and is counted
  kEvictSlowest,  // wait, then evict every consumer that has left no room for evict_after
};

// What Producer::Batch does when its messages would take more than a quarter of the ring.
enum class OnLargeBatch : uint8_t {
  kPublishInParts,  // what was added so far is published, the rest later: fast, not atomic
  kRefuse,          // kTooLarge, and the batch stays as it was: all or nothing
};

struct ProducerOptions {
  OnFull on_full = OnFull::kBlock;
  // kEvictSlowest: how long a consumer may leave no room. Only time in which this producer wants room and the
  // consumer does not move counts: not while the producer is stopped or does not ask. The messages that dead members
  // of a group had in hand wait as long, whatever on_full is. Negative: kBadArgument.
  Nanos evict_after = std::chrono::seconds(5);
  // A killed predecessor holds its lock until the kernel has freed its memory: up to seconds for a huge
  // process. Opening waits this long for it before it answers kProducerAlive (creating: at most 5 s).
  Nanos take_over_timeout = std::chrono::seconds(2);
  std::string label = {};  // shown to people, at most 63 bytes; default: the program's name
  std::string directory = "/dev/shm";
  // Whose ring it must be: all its objects belong to this user, else kNoPermission, and the text names the
  // owner that was found. Anybody may create a file of any name in /dev/shm, so a name says nothing about the
  // owner. Unset: the effective user, root included. In a user namespace the overflow uid (65534) stands for
  // every user that has no number there.
  std::optional<uid_t> owner = {};
};

// How a waiting consumer spends its time.
enum class Wait : uint8_t {
  kAdaptive,  // spin a little, as long as that was worth it lately, then sleep
  kSpin,      // never sleep, nor pause for the producer: lowest latency, less throughput
  kPark,      // sleep at once
};

// Where a lossy consumer goes on after it was overrun.
enum class Overrun : uint8_t {
  kResumeOldest,  // the oldest message that is still intact at a recorded boundary
  kResumeNewest,  // what is published next
};

// What a consumer asks of the ring. There is no default: this choice decides who suffers from whom.
class Delivery {
 public:
  enum class Kind : uint8_t { kLossless = 1, kLossy = 2, kGroup = 3, kObserver = 4 };

  // Takes a seat and holds the producer back; payloads are read in place.
  static Delivery Lossless() { return Delivery(Kind::kLossless); }
  // Takes a seat, never holds the producer back; payloads are the consumer's own checked copies.
  static Delivery Lossy() { return Delivery(Kind::kLossy); }
  // Takes no seat, opens nothing for writing, is invisible to the producer. Lossy. Cannot announce that it
  // sleeps: unless the producer wakes others, a message comes late by up to 20 ms, or by up to a quarter of
  // the time in which nothing came, at most 500 ms (50 ms where others than the owner may read the ring).
  static Delivery Observer() { return Delivery(Kind::kObserver); }
  // One of several members that share the messages: each goes to one member, and again to another only after
  // that one died, was evicted or left without Ack (Message::deliveries says so). Takes a seat; the group
  // holds the producer back. Its first member creates it and decides where it begins
  // (ConsumerOptions::start). A group whose last member is gone goes too, unless it is durable: then it keeps
  // its place, and holds the producer back, until its next member comes or it is removed
  // (SegmentManager::RemoveGroup). Up to 8 groups a ring. Names: as of rings, at most 63 characters.
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

// Where a consumer begins to read, or skips to. "Retained" is, for lossless consumers and groups, what the
// producer has not announced to write over: mostly all but some 5 of 64 parts of the ring, less where
// messages are large.
class Start {
 public:
  enum class Kind : uint8_t { kEnd, kOldest, kLast, kSequence, kAgo };

  static constexpr Start End() { return Start(Kind::kEnd, 0); }              // what is published from now on
  static constexpr Start Oldest() { return Start(Kind::kOldest, 0); }        // the oldest retained message
  static constexpr Start Last(uint64_t n) { return Start(Kind::kLast, n); }  // newest n retained, then on
  // Overwritten already: the oldest retained, and the first Message.lost says how many are missing.
  // Beyond the next message: kBadArgument.
  static constexpr Start Sequence(uint64_t s) { return Start(Kind::kSequence, s); }
  // At a message boundary not later than the first message that was published so long ago or since, and about
  // a chunk (capacity / 64) earlier at most: boundaries get a time where the producer makes room, once per
  // chunk, or per message where those are larger; up to two chunks apart while consumers hold it back.
  // Older than what is retained: as Oldest. Zero and negative, a time that is yet to come: as End. By the
  // machine's wall clock: if that was set back meanwhile, it begins earlier rather than later.
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

struct ConsumerOptions {
  Start start = Start::End();
  Wait wait = Wait::kAdaptive;
  Overrun on_overrun = Overrun::kResumeOldest;
  // Lossless consumers and groups too hand out a copy of their own. It is proved whole after it was made, by
  // what the producer alone writes: in place, a process that may write the ring's seats (Access) can let the
  // producer write over a message that is being read (StillIntact tells).
  bool copy = false;
  // Groups: how many messages a member may take at once, 1 to 64, together at most 1/64 of the ring. More is
  // faster for many small messages, but who stops or dies keeps that many from the others.
  uint32_t messages_per_claim = 1;
  bool follow_reopen = false;          // true: a closed ring is waited on like an empty one
  Nanos open_timeout = Nanos::zero();  // > 0: wait that long for the ring to be created
  // Ends that wait: Open calls it in its own thread before it sleeps, at least every 200 ms and after each
  // signal, and returns kInterrupted once it returns true. For a std::atomic<bool> that a signal handler
  // sets, a std::stop_token, or a turn of an event loop.
  std::function<bool()> cancel_open = {};
  // true: once the producer is gone without Close (killed, crashed, detached) and everything that it published
  // was read, every way of asking answers Got::kProducerGone, once for each producer. After that the consumer
  // waits for the next producer as usual. Known within 50 ms after the kernel has freed the producer's lock,
  // through an event descriptor within 130 ms. The kernel alone is asked: a stopped producer lives, and where
  // the kernel does not tell, it counts as alive. A ring that never had a producer is waited for. Costs up to
  // 20 wake-ups a second while the consumer sleeps.
  bool report_producer_gone = false;
  std::optional<std::string> schema = {};  // set: the ring must carry exactly this schema
  std::string label = {};                  // as in ProducerOptions
  std::string directory = "/dev/shm";
  // Set: the ring must belong to this user, as in ProducerOptions. Unset: anybody's ring is read.
  std::optional<uid_t> owner = {};
};

}  // namespace millrace

#endif  // MILLRACE_OPTIONS_H_
