/* SPDX-License-Identifier: Apache-2.0 */
/*
 * park: a producer without room sleeps until a lossless consumer has freed some.
 *
 * Modelled.  One producer passes MESSAGES messages through a ring of CAPACITY cells to two lossless
 * consumers. Without room it reads room_epoch, sets room_waiting, fences, scans the positions again and
 * only then sleeps. A consumer stores its position and fences. If room_waiting is set, it takes it
 * (exchange), changes room_epoch and wakes the producer. Both sides have a store buffer: the producer's
 * holds room_waiting, a consumer's holds its position. Each drains by itself at any time, at a fence,
 * at a locked instruction or in a system call. A signal that stops the sleeping producer takes it off
 * the futex queue. When the producer continues, the kernel starts the same FUTEX_WAIT again with the
 * same expected value. This may happen STOPS times.
 *
 * Not modelled: the 0.5 ms bound on the sleep, which exists for consumers that were killed. Nothing
 * here may depend on it.
 *
 * Property.  No deadlock: the producer publishes everything while its consumers live.
 *
 * Must fail, each by a producer that sleeps forever beside a free ring:
 *   -DNO_PRODUCER_FENCE  the scan sees the old position, the consumer an unset room_waiting.
 *   -DNO_CONSUMER_FENCE  the same failure, caused by the consumer's store buffer.
 *   -DLATE_EPOCH         room_epoch is read after the scan. A wake between the two is lost.
 *   -DNO_EPOCH           the word is not changed before the wake. A wake that falls between the scan
 *                        and FUTEX_WAIT, or that hits a stopped producer, is lost.
 *   -DPLAIN_EPOCH        room_epoch is changed by a load and a store, not by one locked instruction.
 *                        The exchange admits one consumer per request. But the producer may find room
 *                        by itself and make the next request before the first consumer has stored. The
 *                        late store then sets the word back to what the producer expects.
 */
#ifndef MESSAGES
#define MESSAGES 4
#endif
#ifndef CAPACITY
#define CAPACITY 1
#endif
#ifndef STOPS
#define STOPS    1
#endif
#define CONSUMERS 2

byte tail         = 0;                  /* shared word */
byte position[CONSUMERS];               /* shared words */
bool room_waiting = false;              /* shared word */
byte room_epoch   = 0;                  /* shared word: the futex */
bool queued       = false;              /* kernel: the producer is on the futex queue */

bool waiting_buffered = false;          /* producer's store buffer: room_waiting = 1 */
bool position_buffered[CONSUMERS];      /* consumers' store buffers: position = position_value */
byte position_value[CONSUMERS];
byte running = CONSUMERS + 1;

#define HAS_ROOM(next) ((next) < lowest + CAPACITY)

inline drain_producer()
{
  d_step {
    if
    :: waiting_buffered -> room_waiting = true; waiting_buffered = false
    :: else
    fi
  }
}

inline drain_consumer(k)
{
  d_step {
    if
    :: position_buffered[k] -> position[k] = position_value[k]; position_buffered[k] = false
    :: else
    fi
  }
}

proctype StoreBuffers()
{
  do
  :: d_step { waiting_buffered -> drain_producer() }
  :: d_step { position_buffered[0] -> drain_consumer(0) }
  :: d_step { position_buffered[1] -> drain_consumer(1) }
  :: running == 0 -> break
  od
}

inline scan()
{
  lowest = position[0];
  lowest = (position[1] < lowest -> position[1] : lowest)
}

proctype Producer()
{
  byte next = 0, expected, lowest, stops = 0;

  do
  :: next < MESSAGES ->
       scan();
       if
       :: HAS_ROOM(next) -> next++; tail = next
       :: else ->
#ifndef LATE_EPOCH
            expected = room_epoch;
#endif
            waiting_buffered = true;
#ifndef NO_PRODUCER_FENCE
            drain_producer();
#endif
            scan();
#ifdef LATE_EPOCH
            expected = room_epoch;
#endif
            if
            :: HAS_ROOM(next)           /* does not sleep */
            :: else ->
                 drain_producer();      /* entering the kernel */
wait:            atomic {               /* FUTEX_WAIT compares and queues in one step */
                   if
                   :: room_epoch == expected -> queued = true
                   :: else
                   fi
                 };
                 if
                 :: d_step { queued && stops < STOPS -> queued = false; stops++ };
                    goto wait           /* stopped, continued: the system call restarts */
                 :: !queued             /* woken, or the word had changed */
                 fi
            fi
       fi
  :: else -> break
  od;
  running--
}

proctype Consumer(byte me)
{
  byte received = 0;
#ifdef PLAIN_EPOCH
  byte loaded;
#endif

  do
  :: received < MESSAGES ->
       tail > received;                 /* how a consumer waits is the subject of `wake` */
       received++;
       d_step { position_value[me] = received; position_buffered[me] = true };
#ifndef NO_CONSUMER_FENCE
       drain_consumer(me);
#endif
       if
       :: room_waiting ->
            atomic {                    /* exchange(0); locked, so the store buffer drains */
              drain_consumer(me);
              if
              :: room_waiting -> room_waiting = false
              :: else -> goto next_message                    /* another consumer took it */
              fi
            };
#if defined(PLAIN_EPOCH)
            loaded = room_epoch;
            room_epoch = loaded + 1;
#elif !defined(NO_EPOCH)
            room_epoch++;
#endif
            queued = false              /* FUTEX_WAKE */
       :: else
       fi;
next_message:
       skip
  :: else -> break
  od;
  running--
}

init {
  atomic { run Producer(); run StoreBuffers(); run Consumer(0); run Consumer(1) }
}
