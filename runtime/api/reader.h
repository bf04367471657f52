// SPDX-License-Identifier: Apache-2.0
// How one kind of consumer reads its ring: in place, as copies, or as a member of a group.
//
// Purpose: one interface for what differs between the kinds. consumer_cold.h has what they share: why
// there is no message, waiting, leaving. The straight path (consumer_hot.h) reads in place without a Reader.
// Threads: the thread of the handle.
#ifndef MILLRACE_RUNTIME_API_READER_H_
#define MILLRACE_RUNTIME_API_READER_H_

#include <cstdint>
#include <memory>

#include "millrace/internal/consumer_hot.h"
#include "millrace/internal/ring_consumer.h"
#include "millrace/internal/ring_group.h"

namespace millrace::internal {

class Reader {
 public:
  // Returns the reader for the delivery and the options of this consumer, whose ring is attached.
  static std::unique_ptr<Reader> Make(ConsumerHot& hot);
  virtual ~Reader() = default;

  // ---- reading -------------------------------------------------------------------------------------------
  // Gives bytes that were read back to the producer if that is due. Called before each look for a message.
  virtual void GiveBackIfDue() {}
  // Takes the next message. Ends the use of the message before it.
  virtual Read Next(Handed* out) = 0;
  // Notes that the caller of the last look gets no message, even if Next has taken one (SIGBUS guard). Poll
  // and the next call must not acknowledge that message.
  virtual void HandedNothing() {}
  // Gives the bytes of all messages that were read back to the producer. Called when nothing is there.
  virtual void GiveBackAll() {}
  // Prepares the next look of a program that polls an empty ring.
  virtual void PaceEmptyLook() {}

  // ---- the current message -------------------------------------------------------------------------------
  // Ends the use of the current message: a group's member gives it up, others give its bytes back.
  virtual void Ack() = 0;
  // Does what Ack does, at the end of a Poll, for a member of a group only.
  virtual void AckHandled() {}
  // Undoes the last delivery after its handler threw. `lent` needs its sequence and its loss only.
  virtual void Undeliver(const Lent& lent) noexcept = 0;
  // Returns whether the current message is whole. A copy always is.
  virtual bool StillIntact() const = 0;

  // ---- looking and waiting -------------------------------------------------------------------------------
  // Return the place of the next message of this consumer, or of its group.
  virtual uint64_t position() const = 0;
  virtual Point at() const = 0;
  // Returns whether Next would find something: a message, or a reason why there will be none.
  virtual bool SomethingThere() const = 0;
  // Looks up to `looks` times with a pause after each look. Returns true as soon as something is there.
  virtual bool Poll(int looks) const = 0;
  // Returns whether other members hold messages that this one may still receive.
  virtual bool OthersHold() const { return false; }
  // Returns whether a wake was missed. Call it after a time-out with an unchanged wake epoch.
  virtual bool MissedWake() const = 0;
  virtual void CountLateWakeup() = 0;
  virtual ConsumerCounts counts() const = 0;

  // ---- leaving -------------------------------------------------------------------------------------------
  // Stores the last position, before the seat is left. Returns true if the caller must wake the producer.
  virtual bool StoreLast() = 0;
  // Offers the room that leaving the seat has freed. Returns true if the caller must wake the producer.
  virtual bool OfferRoom() = 0;
  // Detaches a reader that has state of its own from the ring, in a forked child.
  virtual void Strand() noexcept {}
};

}  // namespace millrace::internal

#endif  // MILLRACE_RUNTIME_API_READER_H_
