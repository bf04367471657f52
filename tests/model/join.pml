/* SPDX-License-Identifier: Apache-2.0 */
/*
 * join: a lossless consumer joins while the producer runs.
 *
 * Modelled.  The producer writes MESSAGES one-cell messages into a ring of CAPACITY cells. When it has
 * used up its limit it publishes `intent`, fences, scans the seats and grants itself room up to the
 * lowest position + CAPACITY, in chunks of CHUNK. A consumer stores the position it wants to start at,
 * makes its seat visible, fences, and checks `intent`. If `intent` is too far ahead, the scan may have
 * missed the seat, so the consumer chooses a newer position. It starts either at the tail or as far
 * back as a mark can lead it. Together the fences ensure that at least one side sees the other.
 *
 * With -DSKIP the producer skips the scan, as the real one does, under two conditions. `joins` must be
 * unchanged since the last full scan, and the wanted end must lie within the last minimum + CAPACITY.
 *
 * With -DAHEAD=n `intent` is n cells further than the wanted end. Up to `intent`, and within the last
 * minimum + CAPACITY, room is granted later without a store, a fence or a scan. A consumer that joins
 * after the fence sees this `intent`.
 *
 * Property.  Once a consumer has accepted its position, its next message is never overwritten.
 *
 * Must fail, each by a consumer that reads another lap's message:
 *   -DNO_PRODUCER_FENCE     `intent` becomes visible after the scan.
 *   -DNO_CONSUMER_FENCE     the seat becomes visible after `intent` was read.
 *   -DSKIP -DLATE_JOINS     `joins` is counted after `intent` was read. The producer skips the scan
 *                           that would have found the seat.
 *   -DSKIP -DAHEAD=1 -DBEYOND one cell more than announced is granted without a scan.
 *   -DSKIP -DAHEAD=1 -DUNHELD the last minimum is not compared: everything announced is granted.
 */
#ifndef CAPACITY
#define CAPACITY 3
#endif
#ifndef MESSAGES
#define MESSAGES 6
#endif
#ifndef CHUNK
#define CHUNK    1
#endif
#ifndef AHEAD
#define AHEAD    0
#endif
#ifdef BEYOND
#define GRANTED_UNASKED (announced + 1)
#else
#define GRANTED_UNASKED announced
#endif
#define FREE_BY_LAST_SCAN (lowest_scanned == NOBODY || want <= lowest_scanned + CAPACITY)
#ifdef UNHELD
#define FREE_UNASKED true
#else
#define FREE_UNASKED FREE_BY_LAST_SCAN
#endif
#define SEATS    2
#define READS    3                      /* a consumer leaves after this many messages */
#define NOBODY   255
#define MIN(a, b) ((a) < (b) -> (a) : (b))

byte cell[CAPACITY];                    /* the sequence of the message in it */
byte intent = 0;                        /* shared word */
byte tail   = 0;                        /* shared word */
byte joins  = 0;                        /* shared word */
byte position[SEATS];                   /* seat: owner-written */
bool live[SEATS];                       /* seat: counts in the scan */
bool finished = false;

proctype Producer()
{
  byte next = 0, limit = 0;
  byte want, allow, lowest, seat, joins_now;
  byte joins_scanned = NOBODY, lowest_scanned = NOBODY, announced = 0;

  do
  :: next < MESSAGES ->
       do
       :: next + 1 <= limit -> break
       :: else ->                       /* the slow path */
            want = ((next + CHUNK) / CHUNK) * CHUNK;
#ifdef SKIP
            if
            :: AHEAD > 0 && joins_scanned != NOBODY && want <= GRANTED_UNASKED && FREE_UNASKED ->
                 allow = want;
                 goto granted
            :: else
            fi;
#endif
            announced = want + AHEAD;
#ifndef NO_PRODUCER_FENCE
            intent = announced;
#endif
#ifdef SKIP
            joins_now = joins;
            if
            :: joins_now == joins_scanned && FREE_BY_LAST_SCAN ->
                 allow = want;
                 goto granted
            :: else
            fi;
            joins_scanned = joins_now;
#endif
            lowest = NOBODY;
            seat = 0;
            do
            :: seat < SEATS ->
                 if
                 :: live[seat] -> lowest = MIN(lowest, position[seat])
                 :: else
                 fi;
                 seat++
            :: else -> break
            od;
            lowest_scanned = lowest;
            allow = (lowest == NOBODY -> want : MIN(want, lowest + CAPACITY));
#ifdef NO_PRODUCER_FENCE
            intent = announced;
#endif
granted:
            limit = (allow > limit -> allow : limit)          /* never decreases */
       od;
       cell[next % CAPACITY] = next;
       next++;
       tail = next
  :: else -> break
  od;
  finished = true
}

proctype Consumer(byte me)
{
  byte next, intent_seen;
  byte reads = 0;

  if
  :: next = tail
  :: next = (intent > CAPACITY -> intent - CAPACITY : 0)      /* as far back as any mark leads */
  fi;
  do
  :: true ->
#if defined(NO_CONSUMER_FENCE)
       intent_seen = intent;
       position[me] = next;
       live[me] = true;
       joins++;
#elif defined(LATE_JOINS)
       position[me] = next;
       live[me] = true;
       intent_seen = intent;
       joins++;
#else
       position[me] = next;
       live[me] = true;
       joins++;
       intent_seen = intent;
#endif
       if
       :: intent_seen <= next + CAPACITY -> break
       :: else -> next = tail           /* the scan may have missed us: choose a newer position */
       fi
  od;
  do
  :: reads < READS && next < tail ->
       assert(cell[next % CAPACITY] == next);
       next++;
       reads++;
       position[me] = next
  :: reads == READS || (finished && next >= tail) -> break
  od;
  live[me] = false
}

init {
  atomic { run Producer(); run Consumer(0); run Consumer(1) }
}
