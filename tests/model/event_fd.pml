/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_fd: how an event descriptor becomes readable, while a thread of the consumer's process sleeps
 * in the consumer's place.
 *
 * Modelled.  One producer publishes MESSAGES messages. Its publishing store and the consumer's store of
 * `armed` go through store buffers. They drain by themselves at any time, at a locked instruction of
 * their owner, or (the producer's) at the consumer's membarrier. The consumer reads until the ring is
 * empty, clears the descriptor, arms the signal, announces a sleeper, calls membarrier and looks again.
 * Then it waits until the descriptor is readable. The event thread sleeps on the wake epoch. When the
 * epoch has changed and the signal is armed, the event thread takes `armed` and raises the descriptor, in two
 * steps. Another consumer of the ring announces itself at any time, so a wake may answer that
 * announcement. The event loop is level-triggered. With -DEDGES it is edge-triggered: only a raise
 * wakes it.
 *
 * Not modelled: the bound on every sleep. Nothing here may depend on it.
 *
 * Property.  No deadlock: the consumer receives every message.
 *
 * Must fail, each by a consumer that waits forever beside an unread message:
 *   -DNO_MEMBARRIER   the consumer looks again while the publication sits in the producer's store
 *                     buffer.
 *   -DARM_LATE        the signal is armed after the last look. A wake before that finds the signal not
 *                     armed, and no further wake follows.
 *   -DARMED_FIRST     the event thread loads `armed` before the epoch that it sleeps on. If the signal is
 *                     armed and a wake follows in between, the event thread sleeps through it.
 *   -DCLEAR_LATE      the descriptor is cleared after arming. What the event thread has just raised is lost.
 *   -DRAISE_FIRST     the event thread raises before it takes `armed`. A fast consumer that arms again in
 *                     between finds the signal armed, and then the event thread disarms it.
 */
#ifndef MESSAGES
#define MESSAGES 3
#endif
#define OTHERS 2                        /* announcements of another consumer */

byte published = 0;                     /* messages that consumers can see */
byte buffered  = 0;                     /* messages in the producer's store buffer */
bool sleepers  = false;                 /* shared word */
byte epoch     = 0;                     /* shared word: the futex */
bool armed     = false;                 /* word of the consumer's process */
bool arming    = false;                 /* its store, in the consumer's store buffer */
bool readable  = false;                 /* the descriptor */
bool edge      = false;                 /* raised since the event loop last waited */
bool queued    = false;                 /* kernel: the event thread is on the futex queue */
bool finished  = false;                 /* the consumer has everything */
byte running   = 2;                     /* producer and consumer */

inline drain_producer()
{
  d_step { published = published + buffered; buffered = 0 }
}

inline drain_consumer()
{
  d_step { armed = armed || arming; arming = false }
}

inline raise()
{
  d_step { readable = true; edge = true }
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
            d_step { drain_producer(); sleepers = false };    /* exchange(0) */
            epoch++;
            queued = false              /* FUTEX_WAKE */
       :: else
       fi
  :: else -> break
  od;
  running--
}

proctype StoreBuffers()
{
  do
  :: d_step { buffered > 0 -> buffered--; published++ }
  :: d_step { arming -> drain_consumer() }
  :: buffered == 0 && !arming && running == 0 -> break
  od
}

/* Another consumer of the ring, in a process of its own. */
proctype Other()
{
  byte times = 0;

  do
  :: times < OTHERS -> sleepers = true; times++
  :: true -> break
  od
}

proctype EventThread()
{
  byte seen = 0;
  byte now;
  bool ring = false;

  do
  :: finished -> break
  :: else ->
#ifdef ARMED_FIRST
       ring = armed;
       now = epoch;
       ring = ring && now != seen;
#else
       now = epoch;
       ring = now != seen;
#endif
       seen = now;
       if
       :: ring ->
#ifdef RAISE_FIRST
            if
            :: armed -> raise(); armed = false
            :: else
            fi
#else
            if
            :: d_step { armed -> armed = false }; raise()     /* exchange(0), then write(2) */
            :: else
            fi
#endif
       :: else
       fi;
       atomic {                         /* FUTEX_WAIT compares and queues in one step */
         if
         :: epoch == seen -> queued = true
         :: else
         fi
       };
       !queued || finished
  od
}

/* The consumer's own raise: a locked instruction, so that its store buffer is empty by then. */
inline ring_myself()
{
  drain_consumer();
  if
  :: d_step { armed -> armed = false }; raise()
  :: else
  fi
}

proctype Consumer()
{
  byte received = 0;

  do
  :: received == MESSAGES -> break
  :: received < MESSAGES && published > received -> received++
  :: received < MESSAGES && published <= received ->          /* TryNext returns kEmpty */
       edge = false;                    /* the loop has handled earlier events */
#ifndef CLEAR_LATE
       readable = false;
#endif
       if
       :: armed || arming               /* still armed: the event thread has not taken it */
       :: else ->
#ifndef ARM_LATE
            arming = true;
#endif
            d_step { drain_consumer(); sleepers = true };     /* a release store: not before `armed` */
#ifndef NO_MEMBARRIER
            d_step { drain_producer(); drain_consumer() };    /* membarrier */
#endif
            if
            :: published > received -> ring_myself()
            :: else
            fi
#ifdef ARM_LATE
            ; arming = true
#endif
       fi;
#ifdef CLEAR_LATE
       readable = false;
#endif
#ifdef EDGES
       edge                             /* epoll_wait */
#else
       readable
#endif
  od;
  assert(received == MESSAGES);
  finished = true;
  running--
}

init {
  atomic { run Producer(); run StoreBuffers(); run Other(); run EventThread(); run Consumer() }
}
