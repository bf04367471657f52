/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seat_lock: which process may change a seat's state word, and when a seat may be taken from its holder.
 *
 * Modelled.  One seat, two joiners that each join LIVES times, one producer that scans the seat SCANS
 * times. The seat has a byte lock in the kernel, which falls with its holder, and a state word
 * {generation, free -> joining -> live -> evicted}. A joiner takes the lock or gives up. With the lock
 * it stores {generation + 1, joining}, goes live by CAS, works, stores free and drops the lock. It may
 * be killed between any two of these steps. The producer loads the word. It either evicts a seat that
 * is in use, by CAS from that word (its holder may be slow, stopped or dead), or probes the lock. If
 * the lock is free, the producer takes it. If the word has not changed since, it stores free. Then it
 * drops the lock.
 *
 * Property.
 *   S1  A seat never has two living holders.
 *   S2  While its holder lives, only the holder changes the word, except to *evicted*, and it never
 *       changes back from evicted.
 *   S3  An eviction hits the holder that the producer looked at, not a later one.
 *   S4  A seat that the producer frees has no living holder.
 *
 * Must fail:
 *   -DFREE_UNLOCKED     the producer frees a seat after probing the lock, without taking it. A joiner
 *                       has re-taken the seat in between (S4, S2).
 *   -DUNLOCK_FIRST      a leaving holder drops the lock before it stores free. The same failure from
 *                       the other side (S2).
 *   -DEVICT_BY_STORE    the eviction overwrites the word, whatever it is by then (S3, S2).
 *   -DSAME_GENERATION   a new holder keeps the generation. The CAS cannot distinguish it from the
 *                       holder that was judged (S3).
 *   -DLIVE_BY_STORE     a joiner that was evicted while it joined goes live all the same (S2).
 *   -DJOIN_UNLOCKED     a joiner trusts a probe of the lock and never takes it (S1).
 */
#ifndef LIVES
#define LIVES    2
#endif
#ifndef SCANS
#define SCANS    3
#endif
#define NOBODY   255
#define PRODUCER 2

#define FREE     0
#define JOINING  1
#define LIVE     2
#define EVICTED  3
#define WORD(generation, state) (4 * (generation) + (state))
#define GENERATION(word)        ((word) / 4)
#define STATE(word)             ((word) % 4)

byte lock    = NOBODY;                  /* kernel: the holder of the seat's byte lock */
byte word    = WORD(0, FREE);           /* shared word */

byte holder  = NOBODY;                  /* ghost: the living joiner whose seat it is */
byte holding = 0;                       /* ghost: that holder's unique number; 0: no holder */
byte holders = 0;                       /* ghost: numbers given out */
bool holder_evicted = false;            /* ghost: by the producer */

#define MAY_BE_KILLED  if :: goto killed :: true fi

/* For the holder: only the holder and an eviction may have changed the word. */
inline check_my_word(state)
{
  assert(holder == me &&
         (word == (holder_evicted -> WORD(mine, EVICTED) : WORD(mine, state))))
}

proctype Joiner(byte me)
{
  byte lives = LIVES;
  byte mine;                            /* generation */

  do
  :: lives > 0 ->
       lives--;
#ifdef JOIN_UNLOCKED
       if
       :: lock == NOBODY
       :: lock != NOBODY -> goto gone
       fi;
#else
       if
       :: atomic { lock == NOBODY -> lock = me }
       :: lock != NOBODY -> goto gone   /* the next seat, which is not modelled */
       fi;
#endif
       MAY_BE_KILLED;
#ifdef SAME_GENERATION
       mine = GENERATION(word);
#else
       mine = GENERATION(word) + 1;
#endif
       MAY_BE_KILLED;
       atomic {
         assert(holder == NOBODY);                            /* S1 */
         word = WORD(mine, JOINING);
         holder = me;
         holders++;
         holding = holders;
         holder_evicted = false
       };
       MAY_BE_KILLED;
       check_my_word(JOINING);                                /* S2 */
#ifdef LIVE_BY_STORE
       word = WORD(mine, LIVE);
#else
       atomic {
         if
         :: word == WORD(mine, JOINING) -> word = WORD(mine, LIVE)
         :: else -> goto leave          /* evicted while joining: starts over */
         fi
       };
#endif
       MAY_BE_KILLED;
       check_my_word(LIVE);                                   /* S2 */
       MAY_BE_KILLED;
leave:
#ifdef UNLOCK_FIRST
       atomic { holder = NOBODY; holding = 0 };
       lock = NOBODY;
       word = WORD(mine, FREE);
#else
       atomic { word = WORD(mine, FREE); holder = NOBODY; holding = 0 };
       MAY_BE_KILLED;
       lock = NOBODY;
#endif
       goto gone;
killed:
       atomic {                         /* the kernel drops the lock of the dead */
         if
         :: lock == me -> lock = NOBODY
         :: else
         fi;
         if
         :: holder == me -> holder = NOBODY; holding = 0
         :: else
         fi
       };
gone:
       skip
  :: else -> break
  od
}

proctype Producer()
{
  byte scans = SCANS;
  byte seen, seen_holding;

  do
  :: scans > 0 ->
       scans--;
       atomic { seen = word; seen_holding = holding };
       if
       :: STATE(seen) != JOINING && STATE(seen) != LIVE       /* not in use */
       :: STATE(seen) == JOINING || STATE(seen) == LIVE ->
            if
            :: true ->                  /* the caller's policy: evict */
#ifdef EVICT_BY_STORE
                 atomic {
                   assert(holding == 0 || holding == seen_holding);               /* S3 */
                   word = WORD(GENERATION(seen), EVICTED);
                   holder_evicted = true
                 }
#else
                 atomic {
                   if
                   :: word == seen ->
                        assert(holding == 0 || holding == seen_holding);          /* S3 */
                        word = WORD(GENERATION(seen), EVICTED);
                        holder_evicted = true
                   :: else              /* changed hands, or its holder moved on */
                   fi
                 }
#endif
            :: lock == NOBODY ->        /* the probe: its holder is dead */
#ifdef FREE_UNLOCKED
                 atomic {
                   assert(holder == NOBODY);                  /* S4 */
                   word = WORD(GENERATION(seen), FREE)
                 }
#else
                 if
                 :: atomic { lock == NOBODY -> lock = PRODUCER };
                    if
                    :: word == seen ->
                         atomic {
                           assert(holder == NOBODY);          /* S4 */
                           word = WORD(GENERATION(seen), FREE)
                         }
                    :: else             /* other holders have come and gone */
                    fi;
                    lock = NOBODY
                 :: lock != NOBODY      /* re-taken: leave it alone */
                 fi
#endif
            :: lock != NOBODY           /* the probe: its holder is alive */
            fi
       fi
  :: else -> break
  od
}

init {
  atomic { run Producer(); run Joiner(0); run Joiner(1) }
}
