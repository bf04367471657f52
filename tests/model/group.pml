/*
 * group: members of one group share the messages of a ring; any of them may be killed or evicted
 * anywhere.
 *
 * Modelled.  One producer, MEMBERS members, a ring of CAPACITY one-cell frames, MESSAGES frames in
 * all; the one at PADDING is a padding frame.  A member stores a tentative claim at the cursor,
 * reads the header there, moves the cursor by CAS and turns the claim into an owned one; it gives
 * every message to its caller and then moves the claim on.  With -DBATCH=2 it may take two frames
 * at once: claim_end is stored before the cursor is moved.  After the tentative store every change
 * of a claim is a CAS.
 *
 * CRASHES members may be killed, at any point; the kernel then drops their locks.  EVICTIONS (0 or
 * 1) members, 0 first, may be evicted at any point although they are alive: they go on until they
 * notice.  Any other member rescues such a seat in place, frame by frame, under a lock of its own:
 *   - tentative, cursor at or below: dropped if the holder is dead.  A holder that is alive could
 *     still win the cursor, so its claim stays until the cursor has passed it;
 *   - tentative, cursor past it: the frame is copied, `reserved` is looked at again, the copy is
 *     delivered if intact;
 *   - owned: marked as being rescued, so that a holder that is alive can no longer give it up, and
 *     delivered in place.
 *
 * With -DORPHAN member 0 has died before the model begins, with message 0 in its hands: with a
 * third member that leaves two rescuers, one of which may die in turn.
 *
 * The producer reads the cursor before the claims.  A tentative claim that is out of range has lost
 * its race and is ignored; an owned one out of range would be nonsense.
 *
 * Property.  While a member survives, every message is delivered at least once (more than once only
 * after a death or an eviction), never torn; no honest claim is judged to be nonsense, no honest
 * header to be damaged.
 *
 * Must fail:
 *   -DCURSOR_LAST           the producer reads the claims first: a member claims behind its back
 *                           and moves the cursor before it is read.  The frame is overwritten in
 *                           use.
 *   -DJUDGE_LATE_CLAIM      a tentative claim out of range is judged too: an honest member that was
 *                           slow between cursor and claim is evicted.
 *   -DTRUST_HEADER          a header that fails its check counts although the cursor has moved on:
 *                           a slow member calls the ring damaged.
 *   -DEVICT_DEAD            the producer empties the seat of a dead member: its message is lost.
 *   -DFOREIGN               a stranger takes over the seat of a dead member and forgets its claim.
 *   -DMOVE_CLAIM            a rescuer moves the claim into its own seat: a scan that runs at the
 *                           same time misses it in both.  The frame is overwritten in use.
 *   -DBATCH=2 -DLATE_END    claim_end is stored after the cursor was moved: of two frames taken by
 *                           a member killed in between, the second is lost.
 *   -DMEMBERS=3 -DORPHAN -DRESCUE_UNLOCKED
 *                           two members rescue one seat: the first gives up the claim while the
 *                           second still reads.  The frame is overwritten in use.
 *   -DEVICTIONS=1 -DRESCUE_UNMARKED
 *                           the evicted holder wakes up and gives up the claim while the rescuer
 *                           reads.  The frame is overwritten in use.
 *   -DEVICTIONS=1 -DDROP_LIVE_CLAIM
 *                           the tentative claim of an evicted holder that is alive is dropped at
 *                           the cursor: the holder wins the cursor, cannot own its claim, and
 *                           stops.  The message is lost.
 *   -DEVICTIONS=1 -DLATE_DEATH
 *                           the rescuer asks whether the holder is dead after it has compared claim
 *                           and cursor: the holder wins the cursor in between, and dies.  The
 *                           message is lost.
 */
#ifndef MEMBERS
#define MEMBERS   2
#endif
#ifndef CRASHES
#define CRASHES   1
#endif
#ifndef EVICTIONS
#define EVICTIONS 0
#endif
#ifndef MESSAGES
#define MESSAGES  4
#endif
#ifndef BATCH
#define BATCH     1
#endif
#ifndef PADDING
#define PADDING   1
#endif
#define CAPACITY  2
#define NOBODY    255
#define MIN(a, b) ((a) < (b) -> (a) : (b))

#define NONE              255           /* a claim is NONE or one of these */
#define TENTATIVE(p)      (4 * (p))
#define OWNED(p)          (4 * (p) + 1)
#define RESCUED(p)        (4 * (p) + 2) /* owned by a seat that is being rescued */
#define POSITION(c)       ((c) / 4)
#define IS_TENTATIVE(c)   ((c) % 4 == 0)
#define IN_RANGE(c)       (POSITION(c) + CAPACITY >= reserved)

byte reserved = 0;                      /* shared words of the ring */
byte cell[CAPACITY];                    /* position of the frame in it */
byte tail     = 0;
byte cursor   = 0;                      /* shared word of the group */
byte claim[MEMBERS]     = NONE;         /* a seat per member */
byte claim_end[MEMBERS] = 0;
bool evicted[MEMBERS]   = false;

bool dead[MEMBERS]      = false;        /* kernel: the seat's lock has fallen */
byte rescuer[MEMBERS]   = NOBODY;       /* kernel: who holds the seat's rescue lock */

byte crashes  = 0;
bool finished = false;
bool delivered[MESSAGES] = false;       /* ghost */

#define INTACT(p)       (cell[(p) % CAPACITY] == (p))
#define ABANDONED(s)    (dead[s] || evicted[s])
#define LAST            (MEMBERS - 1)   /* of two or three members, seen to by hand below */
#define ALL_ABANDONED   (ABANDONED(0) && ABANDONED(1) && ABANDONED(LAST))
#define MAY_BE_KILLED   if :: atomic { crashes < CRASHES -> crashes++ }; goto killed :: true fi

/* A claim that must be rescued before the group may call the ring finished. */
#define HOLDS(s)                                                                               \
  (claim[s] != NONE && !(evicted[s] && IS_TENTATIVE(claim[s]) && POSITION(claim[s]) >= cursor))

inline read_cursor()
{
  lowest = MIN(lowest, cursor)
}

inline read_claims()
{
  seat = 0;
  do
  :: seat < MEMBERS ->
       claim_read = claim[seat];
       if
       :: claim_read == NONE
       :: claim_read != NONE && IN_RANGE(claim_read) ->
            lowest = MIN(lowest, POSITION(claim_read))
       :: claim_read != NONE && !IN_RANGE(claim_read) ->
#ifdef JUDGE_LATE_CLAIM
            assert(false)
#else
            assert(IS_TENTATIVE(claim_read))
#endif
       fi;
       seat++
  :: else -> break
  od
}

proctype Producer(byte next)
{
  byte lowest, seat, claim_read;

  do
  :: next < MESSAGES ->
       do
       :: true ->
            lowest = NOBODY;
#ifdef CURSOR_LAST
            read_claims();
            read_cursor();
#else
            read_cursor();
            read_claims();
#endif
            if
            :: next < lowest + CAPACITY -> break
            :: else
            fi;
#ifdef EVICT_DEAD
            seat = 0;
            do
            :: seat < MEMBERS ->
                 if
                 :: atomic { dead[seat] && rescuer[seat] == NOBODY -> claim[seat] = NONE }
                 :: true
                 fi;
                 seat++
            :: else -> break
            od
#endif
       od;
       reserved = next + 1;
       cell[next % CAPACITY] = next;
       next++;
       tail = next
  :: else -> break
  od;
  finished = true
}

#ifdef FOREIGN
proctype Foreigner()
{
  if
  :: atomic { dead[0] && rescuer[0] == NOBODY -> claim[0] = NONE }
  :: atomic { dead[1] && rescuer[1] == NOBODY -> claim[1] = NONE }
  :: finished
  fi
}
#endif

#if EVICTIONS > 0
proctype Evictor()
{
  if
  :: evicted[0] = true
  :: true
  fi
}
#endif

/* claim[s]: from -> to, or jump */
#define CAS_CLAIM(s, from, to, or_else) \
  atomic { if :: claim[s] == (from) -> claim[s] = (to) :: else -> goto or_else fi }

/* The claim that follows claim c on seat s, in the way it is held. */
#define NEXT_CLAIM(s, c)  (POSITION(c) + 1 < claim_end[s] -> (c) + 4 : NONE)

inline rescue(s)
{
#ifdef RESCUE_UNLOCKED
  ABANDONED(s) && claim[s] != NONE;
#else
  atomic { ABANDONED(s) && claim[s] != NONE && rescuer[s] == NOBODY -> rescuer[s] = me };
#endif
  MAY_BE_KILLED;
#if EVICTIONS > 0
  holder_dead = dead[s];                /* asked before anything of the seat is read */
#else
  holder_dead = true;
#endif
  mine = claim[s];
#ifdef MOVE_CLAIM
  if
  :: mine != NONE && !IS_TENTATIVE(mine) ->
       claim[me] = mine;
       claim[s] = NONE;
       MAY_BE_KILLED;
       assert(INTACT(POSITION(mine)));
       delivered[POSITION(mine)] = true;
       claim[me] = NONE;
       mine = NONE
  :: else
  fi;
#endif
  if
  :: mine == NONE                       /* another rescuer, or its holder, was here */
  :: mine != NONE && IS_TENTATIVE(mine) && cursor <= POSITION(mine) ->
#ifdef LATE_DEATH
       holder_dead = dead[s];
#endif
       if
#ifndef DROP_LIVE_CLAIM
       :: !holder_dead
       :: holder_dead ->
#else
       :: true ->
#endif
            CAS_CLAIM(s, mine, NONE, rescue_done)
       fi
  :: mine != NONE && IS_TENTATIVE(mine) && cursor > POSITION(mine) ->
       copy = cell[POSITION(mine) % CAPACITY];
       if
       :: reserved > POSITION(mine) + CAPACITY                /* not intact: it had lost its race */
       :: else ->
            assert(copy == POSITION(mine));
            MAY_BE_KILLED;
            delivered[POSITION(mine)] = true;
            MAY_BE_KILLED
       fi;
       CAS_CLAIM(s, mine, NEXT_CLAIM(s, mine), rescue_done)
  :: mine != NONE && !IS_TENTATIVE(mine) ->
#ifndef RESCUE_UNMARKED
       CAS_CLAIM(s, mine, RESCUED(POSITION(mine)), rescue_done);
       mine = RESCUED(POSITION(mine));
       MAY_BE_KILLED;
#endif
       assert(INTACT(POSITION(mine)));
       delivered[POSITION(mine)] = true;
       MAY_BE_KILLED;
       assert(INTACT(POSITION(mine)));
       CAS_CLAIM(s, mine, NEXT_CLAIM(s, mine), rescue_done)
  fi;
rescue_done:
#ifndef RESCUE_UNLOCKED
  rescuer[s] = NOBODY
#endif
}

proctype Member(byte me)
{
  byte seat, mine, copy, frames, position;
  bool holder_dead;

  do
  :: evicted[me] -> goto gone
  :: !evicted[me] && finished && cursor >= MESSAGES && !HOLDS(0) && !HOLDS(1) && !HOLDS(LAST) ->
       goto left
  :: !evicted[me] ->
       seat = 0;
       do
       :: seat < MEMBERS ->
            if
            :: seat != me -> if :: rescue(seat) :: true fi
            :: else
            fi;
            seat++
       :: else -> break
       od;

       position = cursor;
       claim[me] = TENTATIVE(position);
       mine = TENTATIVE(position);
       MAY_BE_KILLED;
       if
       :: position >= tail -> goto give_up
       :: else
       fi;
       copy = cell[position % CAPACITY];                      /* the header */
       if
       :: copy != position ->
#ifdef TRUST_HEADER
            assert(false);
#else
            assert(cursor != position);
#endif
            goto give_up
       :: else
       fi;
       frames = 1;
#if BATCH > 1
       if
       :: position + 2 <= tail && position != PADDING && position + 1 != PADDING -> frames = 2
       :: true
       fi;
#ifndef LATE_END
       claim_end[me] = position + frames;
       MAY_BE_KILLED;
#endif
#endif
       atomic {
         if
         :: cursor == position -> cursor = position + frames
         :: else -> goto give_up
         fi
       };
       MAY_BE_KILLED;
#ifdef LATE_END
       claim_end[me] = position + frames;
#endif
       if
       :: position == PADDING -> goto give_up
       :: else
       fi;
       CAS_CLAIM(me, mine, OWNED(position), gone);
       mine = OWNED(position);
       do
       :: frames > 0 ->
            assert(evicted[me] || INTACT(position));
            MAY_BE_KILLED;
            delivered[position] = true;
            MAY_BE_KILLED;
            assert(evicted[me] || INTACT(position));
            d_step { frames--; position++ };
            if
            :: frames > 0 -> CAS_CLAIM(me, mine, OWNED(position), gone); mine = OWNED(position)
            :: else -> goto give_up
            fi
       od;
give_up:
       CAS_CLAIM(me, mine, NONE, gone)
  od;

killed:
  seat = 0;
  do
  :: seat < MEMBERS ->
       if
       :: rescuer[seat] == me -> rescuer[seat] = NOBODY
       :: else
       fi;
       seat++
  :: else -> break
  od;
gone:                                   /* killed, or noticed that it was evicted */
  dead[me] = true;
left:
  skip
}

init {
  byte position = 0;

  atomic {
#ifdef ORPHAN
    reserved = 1;
    tail     = 1;                       /* cell[0] is 0 already: frame 0 */
    cursor   = 1;
    claim[0] = OWNED(0);
    dead[0]  = true;
    run Producer(1);
#else
    run Producer(0);
    run Member(0);
#endif
    run Member(1);
#if MEMBERS > 2
    run Member(2);
#endif
#ifdef FOREIGN
    run Foreigner();
#endif
#if EVICTIONS > 0
    run Evictor();
#endif
  }
  _nr_pr == 1;
  do
  :: position < MESSAGES ->
       assert(ALL_ABANDONED || position == PADDING || delivered[position]);
       position++
  :: else -> break
  od
}
