/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gone: a consumer finds out that a producer ended without closing the ring.
 *
 * Modelled.  EPOCHS producers one after another take the lock, begin an epoch, publish up to MESSAGES
 * messages each and end at any moment, which frees the lock. The consumer loads the ring's state, finds
 * nothing at its position, probes the lock, and looks at its position again. A free lock and a header
 * that is 0, in that order, mean the end of the producer whose epoch the state named.
 *
 * Property.  When the consumer reports the end of a producer, that producer has ended, and the consumer
 * has received everything that it published.
 *
 * Must fail:
 *   -DHEADER_FIRST  no second look. The last message is published and its producer killed between the
 *                   look and the probe.
 *   -DSTATE_LAST    the state is loaded after the probe. It is a successor's, which lives.
 */
#ifndef MESSAGES
#define MESSAGES 2
#endif
#ifndef EPOCHS
#define EPOCHS   2
#endif

byte published = 0;                     /* header(n) is nonzero iff n < published */
byte epoch     = 0;                     /* shared word */
bool locked    = false;                 /* kernel: the producer's lock */
bool ended[EPOCHS + 1];                 /* ghost */
byte at_end[EPOCHS + 1];                /* ghost: messages published when that epoch ended */
bool finished  = false;

proctype Producers()
{
  byte number = 0, sent;

  do
  :: number < EPOCHS ->
       locked = true;
       number++;
       epoch = number;
       sent = 0;
       do
       :: sent < MESSAGES -> published++; sent++
       :: break
       od;
       atomic { ended[number] = true; at_end[number] = published; locked = false }
  :: else -> break
  od;
  finished = true
}

proctype Consumer()
{
  byte received = 0, seen;
  bool there, free;

  do
  :: true ->
       seen = epoch;
       there = (published > received);
       if
       :: there -> received++
       :: else ->
            free = !locked;
#ifdef STATE_LAST
            seen = epoch;
#endif
#ifndef HEADER_FIRST
            there = (published > received);
#endif
            if
            :: free && !there && seen > 0 ->
                 assert(ended[seen] && received >= at_end[seen]);   /* the end is reported */
                 if
                 :: finished && received == published -> break
                 :: else                /* waits for the next producer */
                 fi
            :: else
            fi
       fi
  od
}

init {
  atomic { run Producers(); run Consumer() }
}
