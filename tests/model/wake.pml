/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wake: how a publishing producer wakes sleeping consumers without a fence of its own.
 *
 * Modelled.  One producer publishes MESSAGES messages to two consumers. Its publishing store goes into
 * a store buffer (`buffered`). The buffer drains by itself at any time, at one of the producer's locked
 * instructions, or when a consumer calls membarrier. The producer's load of `sleepers` may therefore
 * overtake its own publication. A consumer that finds nothing reads the wake epoch, announces itself,
 * calls membarrier, looks again and only then sleeps. A signal that stops a sleeping consumer takes it
 * off the futex queue. When the consumer continues, the kernel starts the same FUTEX_WAIT again with
 * the same expected value. Consumer 1 may be killed before it announces itself, after that, and in its
 * sleep.
 *
 * A sleep may end by itself, TIMEOUTS times in all. Before the next sleep the consumer skips
 * announcement and membarrier if its last ones still stand: `sleepers` is 1, and the epoch is the one
 * that it read before them.
 *
 * Not modelled: that every sleep ends by itself some time. Nothing here may depend on it.
 *
 * Property.  No deadlock: a living consumer receives every message.
 *
 * Must fail, each by a consumer that sleeps forever beside an unread message:
 *   -DNO_MEMBARRIER    the consumer looks again while the publication sits in the producer's store
 *                      buffer, and the producer has already read `sleepers` as 0.
 *   -DNO_EPOCH         the word is not changed before the wake. A wake that falls between the second
 *                      look and FUTEX_WAIT, or that hits a stopped consumer, is lost.
 *   -DWAKE_THEN_EPOCH  the word is changed, but after the wake. The same failure as -DNO_EPOCH.
 *   -DSTANDS_WITHOUT_EPOCH  `sleepers` is 1, but another consumer stored it, and that consumer has not
 *                      called membarrier yet.
 */
#ifndef MESSAGES
#define MESSAGES 3
#endif
#define CONSUMERS 2
#define STOPS     1
#ifndef TIMEOUTS
#define TIMEOUTS  1
#endif

byte published = 0;                     /* messages that consumers can see */
byte buffered  = 0;                     /* messages in the producer's store buffer */
bool sleepers  = false;                 /* shared word: a consumer may be asleep */
byte epoch     = 0;                     /* shared word: the futex */
bool queued[CONSUMERS] = false;         /* kernel: on the futex queue */
bool killed    = false;
byte stops     = 0;
byte timeouts  = 0;
byte running   = CONSUMERS + 1;

inline drain()
{
  d_step { published = published + buffered; buffered = 0 }
}

inline futex_wake_all()
{
  d_step { queued[0] = false; queued[1] = false }
}

proctype Producer()
{
  byte sent = 0;

  do
  :: sent < MESSAGES ->
       buffered++;                      /* publish: a plain store */
       sent++;
       if
       :: sleepers ->
            d_step { drain(); sleepers = false };             /* exchange(0) */
#ifdef WAKE_THEN_EPOCH
            futex_wake_all();
            epoch++;
#else
#ifndef NO_EPOCH
            epoch++;
#endif
            futex_wake_all();
#endif
       :: else
       fi
  :: else -> break
  od;
  running--
}

/* The store buffer drains one store at a time, at any time. */
proctype StoreBuffer()
{
  do
  :: d_step { buffered > 0 -> buffered--; published++ }
  :: buffered == 0 && running == 0 -> break
  od
}

#define MAY_DIE(me)  if :: me == 1 -> killed = true; goto gone :: true fi

proctype Consumer(byte me)
{
  byte received = 0;
  byte expected;
  bool announced = false;               /* announced and called membarrier when the epoch was `expected` */

  do
  :: received == MESSAGES -> break
  :: received < MESSAGES && published > received -> received++
  :: received < MESSAGES && published <= received ->
       MAY_DIE(me);
       if
#ifdef STANDS_WITHOUT_EPOCH
       :: announced && sleepers -> expected = epoch
#else
       :: announced && epoch == expected && sleepers
#endif
       :: else ->
            expected = epoch;
            sleepers = true;            /* visible to all at the latest by membarrier's own fence */
            MAY_DIE(me);
#ifndef NO_MEMBARRIER
            drain();                    /* membarrier: a full fence in the producer */
#endif
            announced = true
       fi;
       if
       :: published > received          /* a message: does not sleep */
       :: else ->
wait:       atomic {                    /* FUTEX_WAIT compares and queues in one step */
              if
              :: epoch == expected -> queued[me] = true
              :: else
              fi
            };
            if
            :: d_step { queued[me] && stops < STOPS -> queued[me] = false; stops++ };
               goto wait                /* stopped, continued: the system call restarts */
            :: d_step { me == 1 && queued[me] -> queued[me] = false; killed = true };
               goto gone
            :: d_step { queued[me] && timeouts < TIMEOUTS -> queued[me] = false; timeouts++ }
            :: !queued[me]              /* woken, or the word had changed */
            fi
       fi
  od;
  assert(received == MESSAGES);
gone:
  running--
}

init {
  atomic { run Producer(); run StoreBuffer(); run Consumer(0); run Consumer(1) }
}
