/* SPDX-License-Identifier: Apache-2.0 */
/*
 * join_evict: the producer judges the positions that it finds in the seats. It must not take an honest
 * joiner for a hostile one.
 *
 * Modelled.  As `join`, plus the validation of what the scan reads. The seat's state word is
 * {generation, free -> joining -> live -> evicted}. A consumer that stopped between choosing a position
 * and storing it stores one that is far too old. It will find that out from `intent` and choose again,
 * so the producer ignores a *joining* seat that is out of range. A *live* seat out of range is invalid.
 * It is evicted, by CAS from the very word that the scan read. Between the loads of word and position
 * the seat may change hands: consumer 0 leaves and joins again.
 *
 * Property.  An honest consumer is never evicted, its next message is never overwritten, and no scan
 * yields a limit below the one already granted.
 *
 * Must fail:
 *   -DNO_JOINING_STATE   a seat counts as live as soon as it is visible. The joiner is evicted.
 *   -DPOSITION_FIRST     the scan loads the position before the word. It judges a seat that has gone
 *                        live by the position that its previous holder left there.
 *   -DOLD_JOINER_COUNTS  a joining seat that is out of range is taken into the minimum. The limit would
 *                        have to go below what is already granted.
 */
#ifndef CAPACITY
#define CAPACITY 3
#endif
#ifndef MESSAGES
#define MESSAGES 6
#endif
#ifndef LIVES
#define LIVES    2                      /* of consumer 0 in its seat; consumer 1 joins once */
#endif
#define SEATS    2
#define READS    2                      /* a consumer leaves after this many messages */
#define NOBODY   255
#define MIN(a, b) ((a) < (b) -> (a) : (b))

#define FREE     0
#define JOINING  1
#define LIVE     2
#define EVICTED  3
#define WORD(generation, state) (4 * (generation) + (state))
#define STATE(word)             ((word) % 4)

byte cell[CAPACITY];                    /* the sequence of the message in it */
byte intent = 0;                        /* shared word */
byte tail   = 0;                        /* shared word */
byte position[SEATS];                   /* seat: owner-written */
byte word[SEATS];                       /* seat: {generation, state} */
bool finished = false;

proctype Producer()
{
  byte next = 0, limit = 0;
  byte want, allow, lowest, seat, word_read, position_read;

  do
  :: next < MESSAGES ->
       do
       :: next + 1 <= limit -> break
       :: else ->
            want = next + 1;
            intent = want;
            lowest = NOBODY;
            seat = 0;
            do
            :: seat < SEATS ->
#ifdef POSITION_FIRST
                 position_read = position[seat];
#endif
                 word_read = word[seat];
                 if
                 :: STATE(word_read) == JOINING || STATE(word_read) == LIVE ->
#ifndef POSITION_FIRST
                      position_read = position[seat];
#endif
                      if
                      :: position_read + CAPACITY >= limit ->
                           lowest = MIN(lowest, position_read)
                      :: position_read + CAPACITY < limit && STATE(word_read) == JOINING ->
#ifdef OLD_JOINER_COUNTS
                           lowest = MIN(lowest, position_read)
#else
                           skip         /* it has already lost its race and will choose again */
#endif
                      :: position_read + CAPACITY < limit && STATE(word_read) == LIVE ->
                           atomic {
                             if
                             :: word[seat] == word_read ->
                                  word[seat] = word_read - LIVE + EVICTED;
                                  assert(false)               /* an honest consumer evicted */
                             :: else                          /* the seat has changed hands */
                             fi
                           }
                      fi
                 :: else
                 fi;
                 seat++
            :: else -> break
            od;
            allow = (lowest == NOBODY -> want : MIN(want, lowest + CAPACITY));
            assert(allow >= limit);
            limit = allow
       od;
       cell[next % CAPACITY] = next;
       next++;
       tail = next
  :: else -> break
  od;
  finished = true
}

proctype Consumer(byte me; byte lives)
{
  byte next, intent_seen, reads, generation;

  do
  :: lives > 0 ->
       lives--;
       generation++;
       if
       :: next = tail
       :: next = (intent > CAPACITY -> intent - CAPACITY : 0) /* as far back as any mark leads */
       fi;
       do
       :: true ->
            position[me] = next;
#ifdef NO_JOINING_STATE
            word[me] = WORD(generation, LIVE);
#else
            word[me] = WORD(generation, JOINING);
#endif
            intent_seen = intent;
            if
            :: intent_seen <= next + CAPACITY -> break
            :: else -> next = tail
            fi
       od;
       word[me] = WORD(generation, LIVE);
       reads = 0;
       do
       :: reads < READS && next < tail ->
            assert(cell[next % CAPACITY] == next);
            next++;
            reads++;
            position[me] = next
       :: reads == READS || (finished && next >= tail) -> break
       od;
       word[me] = WORD(generation, FREE)
  :: else -> break
  od
}

init {
  atomic { run Producer(); run Consumer(0, LIVES); run Consumer(1, 1) }
}
