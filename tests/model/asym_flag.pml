/* SPDX-License-Identifier: Apache-2.0 */
/*
 * asym_flag: the wake protocol across take-overs between producers that fence and producers that rely
 * on membarrier.
 *
 * Modelled.  PRODUCERS producers follow one another. Each picks a mode. A "fencing" producer makes a
 * full fence after every publication. An "asymmetric" one makes none: it relies on the consumers'
 * membarrier, for which it has registered. Each stores the flag {producer epoch, asymmetric}, fences,
 * and only then publishes. All stores of a producer go through one first-in-first-out store buffer,
 * which drains when the process ends. The consumer chooses its barrier by the flag it read, looks for a
 * message, and reads the flag again before it sleeps.
 *
 * By default a producer hands over between two publications and take-over wakes nobody, so that the
 * rule for the flag is tested alone. With -DKILL a producer that is not the last may be killed at any
 * point, and take-over changes the wake epoch and wakes all.
 *
 * Property.  No deadlock: the consumer receives every message that was published.
 *
 * Must fail, each by a consumer that sleeps forever beside an unread message:
 *   -DNO_SECOND_LOOK_AT_FLAG   the consumer only fences, because the flag it read was the previous
 *                              producer's. The present producer relies on membarrier.
 *   -DFLAG_WITHOUT_EPOCH       fencing, asymmetric, fencing again: the second look finds the flag
 *                              unchanged and misses the producer in the middle.
 *   -DNO_FLAG_FENCE            the flag sits in the store buffer while the producer already relies on
 *                              it.
 *   -DKILL -DNO_TAKEOVER_WAKE  a producer killed between its publication and its wake leaves a sleeper
 *                              that the next producer has no reason to wake.
 */
#ifndef MESSAGES
#define MESSAGES 2                      /* by each producer, at most */
#endif
#ifndef PRODUCERS
#define PRODUCERS 3
#endif
#ifdef FLAG_WITHOUT_EPOCH
#define FLAG(epoch, asymmetric) (asymmetric)
#else
#define FLAG(epoch, asymmetric) (2 * (epoch) + (asymmetric))
#endif
#define IS_ASYMMETRIC(flag)     ((flag) % 2)

byte published = 0;
byte flag      = 0;                     /* shared word {producer epoch, asymmetric} */
bool sleepers  = false;                 /* shared word: the consumer may be asleep */
byte epoch     = 0;                     /* shared word: the futex */
bool queued    = false;                 /* kernel: the consumer is on the futex queue */

/* The store buffer of the running producer: the flag first, then publications. */
bool flag_buffered      = false;
byte flag_value         = 0;
byte messages_buffered  = 0;

bool finished = false;                  /* the last producer has published its last message */
byte total    = 0;                      /* ghost: messages stored by any producer */

inline drain()
{
  d_step {
    if
    :: flag_buffered -> flag = flag_value; flag_buffered = false
    :: else
    fi;
    published = published + messages_buffered;
    messages_buffered = 0
  }
}

proctype StoreBuffer()
{
  do
  :: d_step { flag_buffered -> flag = flag_value; flag_buffered = false }
  :: d_step { !flag_buffered && messages_buffered > 0 -> messages_buffered--; published++ }
  :: finished && !flag_buffered && messages_buffered == 0 -> break
  od
}

#ifdef KILL
#define MAY_BE_KILLED  if :: number + 1 < PRODUCERS -> goto killed :: true fi
#else
#define MAY_BE_KILLED  skip
#endif

proctype Producers()
{
  byte number = 0;                      /* producer epoch */
  byte sent;
  bool asymmetric;

  do
  :: number < PRODUCERS ->
       if
       :: asymmetric = false
       :: asymmetric = true
       fi;
       d_step { flag_buffered = true; flag_value = FLAG(number, asymmetric) };
#ifndef NO_FLAG_FENCE
       drain();
#endif
#if defined(KILL) && !defined(NO_TAKEOVER_WAKE)
       d_step { drain(); epoch++ };     /* take-over wakes all; a system call drains the buffer */
       queued = false;
#endif
       sent = 0;
       do
       :: sent < MESSAGES ->
            d_step { messages_buffered++; total++; sent++ };
            MAY_BE_KILLED;
            if
            :: !asymmetric -> drain()
            :: else
            fi;
            if
            :: sleepers ->
                 d_step { drain(); sleepers = false };        /* exchange(0) */
                 MAY_BE_KILLED;
                 epoch++;
                 MAY_BE_KILLED;
                 queued = false                               /* FUTEX_WAKE */
            :: else
            fi
       :: break
       od;
killed:
       d_step { drain(); sent = 0; number++ }
  :: else -> break
  od;
  finished = true
}

proctype Consumer()
{
  byte received = 0;
  byte expected, seen;

  do
  :: published > received -> received++
  :: published == received && finished && received == total -> break
  :: published == received && !(finished && received == total) ->
       seen     = flag;
       expected = epoch;
       sleepers = true;                 /* visible to all at the latest by the barrier below */
       if
       :: IS_ASYMMETRIC(seen) -> drain()                      /* membarrier */
       :: else                                                /* own fence only */
       fi;
       if
       :: published > received          /* a message: does not sleep */
       :: else ->
            if
#ifndef NO_SECOND_LOOK_AT_FLAG
            :: flag != seen             /* another producer: starts again */
            :: flag == seen ->
#else
            :: true ->
#endif
                 atomic {               /* FUTEX_WAIT compares and queues in one step */
                   if
                   :: epoch == expected -> queued = true
                   :: else
                   fi
                 };
                 /* After the last message, a sleep with nothing to read is not a lost wake-up. */
                 if
                 :: !queued
                 :: finished && received == total
                 fi
            fi
       fi
  od
}

init {
  atomic { run Producers(); run StoreBuffer(); run Consumer() }
}
