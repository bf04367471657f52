/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group: members of one group share the messages of a ring. Any member may be killed, evicted or
 * stopped for good anywhere, one after the other.
 *
 * Modelled.  One producer, MEMBERS members, a ring of CAPACITY one-cell frames. MESSAGES frames are
 * published in all; the one at PADDING is a padding frame. A member reads the header at the cursor,
 * stores a tentative lease, moves the cursor by CAS and turns the lease into an owned one.
 * It gives every message to its caller and then moves the lease to the next message. With -DBATCH=2 a
 * member may take two frames together: it stores lease_end before it moves the cursor. After the
 * tentative store every change of a lease is a CAS. A CAS of the cursor alone passes padding.
 *
 * CRASHES members may be killed, at any point; the kernel then drops their locks. EVICTIONS members
 * may be evicted at any point although they are alive. They continue until they notice, or stand still
 * for good, with the locks they have. A member without a lease adopts the lease of such a seat. It
 * evicts the seat if the seat's lock is free, shares the seat's adopter lock, and takes the seat's lock.
 * If it gets that lock, the holder is dead; an evicted holder may be alive. Then it moves the lease
 * into its own seat:
 *   - A tentative lease with the cursor at or below it is dropped if the holder is dead. A living
 *     holder could still win the cursor, so its lease stays until the cursor has passed it.
 *   - A tentative lease that the cursor has passed is moved as it is. The frame is copied, `reserved`
 *     is loaded again, and the copy is delivered if intact. If the lease is out of range from the
 *     start, it had lost and is dropped.
 *   - An owned lease is moved as a tentative one. It becomes owned after it has left the other seat.
 * A move is counted before the lease leaves its old seat. An adopter is a member: it may be killed,
 * evicted and stopped during and after the adoption, and others adopt from it.
 *
 * The producer reads the cursor before the leases, and the leases between two equal counts of moves. A
 * tentative lease that is out of range has lost its race and is ignored. An owned lease out of range
 * would be invalid. A member leaves when the ring is finished and no seat holds a message, which it
 * also establishes between two equal counts.
 *
 * -DORPHAN     member 0 has died before the model begins, with message 0 in its hands. With
 *              -DORPHAN=2 it stands still and is evicted. A third member then leaves two to adopt.
 * -DLATE       the last member takes a seat that no scan has looked at yet.
 * -DREJOIN     a joiner takes seat 0 when its holder is gone, together with the lease in it.
 * -DFOREIGN    a member of another group takes seat 0 when its holder is gone, but only a seat without
 *              a lease.
 * A joiner holds the adopter lock alone.
 *
 * Property.  While a member survives, every message is delivered at least once and never torn, and no
 * process waits forever (a message that hangs two members in a row still arrives). No honest lease is
 * judged invalid, no honest header damaged. A lease is taken away from evicted members only.
 *
 * Must fail:
 *   -DCURSOR_LAST           the producer reads the leases first. A member then takes a lease unseen
 *                           and moves the cursor before it is read. The frame is overwritten in use.
 *   -DJUDGE_LATE_LEASE      a tentative lease out of range is judged too. An honest member that was
 *                           slow between header and lease is evicted.
 *   -DTRUST_HEADER          a header that fails its check counts although the cursor has moved on. A
 *                           slow member calls the ring damaged.
 *   -DEVICT_DEAD            the producer empties the seat of a dead member. Its message is lost.
 *   -DFOREIGN -DFORGET_LEASE
 *                           a stranger takes over the seat of a dead member and discards its lease.
 *                           The message is lost.
 *   -DBATCH=2 -DLATE_END    lease_end is stored after the cursor was moved. If a member that takes two
 *                           frames is killed in between, the second frame is lost.
 *   -DMOVE_UNCOUNTED        moves are not counted. A scan looks at the new seat before the move and at
 *                           the old one after it. The frame is overwritten before it is delivered.
 *   -DLATE_COUNT            moves are counted after the lease has left its old seat. The same failure.
 *   -DMOVES_ONCE            the scan does not compare the counts. The same failure.
 *   -DLATE -DSEATS_FIRST    the scan reads the number of seats before the count. A new member adopts
 *                           into a seat that the scan does not look at.
 *   -DCLOSED_UNCOUNTED      a member that looks for leases at the end does not compare the counts. It
 *                           misses one that moves, and leaves; the adopter is killed. The message is
 *                           lost although a member survived.
 *   -DEVICTIONS=1 -DOWNED_FIRST
 *                           an owned lease is stored as an owned one from the start. Its evicted holder
 *                           is alive and finishes it, and the place is out of range by then. An honest
 *                           lease is judged invalid.
 *   -DEVICTIONS=1 -DCOPY_UNCHECKED
 *                           an adopted tentative lease is delivered without loading `reserved` again.
 *                           The lease had lost. Torn.
 *   -DEVICTIONS=1 -DOWN_BY_STORE
 *                           the holder turns its lease into an owned one by a store. The lease was
 *                           adopted before that store, so both members have it.
 *   -DEVICTIONS=1 -DBATCH=2 -DEND_FIRST
 *                           lease_end is read before the cursor is seen past the lease. The evicted
 *                           holder stores it and wins two frames in between. The second is lost.
 *   -DEVICTIONS=1 -DBATCH=2 -DUNCAPPED_END
 *                           the adopted lease_end may lie above the cursor, if the holder lost. A
 *                           message is delivered that the group has not taken.
 *   -DEVICTIONS=1 -DDROP_LIVE_LEASE
 *                           the tentative lease of a living evicted holder is dropped at the cursor.
 *                           The holder wins the cursor, cannot own its lease, and stops. The message is
 *                           lost.
 *   -DEVICTIONS=1 -DLATE_DEATH
 *                           the adopter checks whether the holder is dead after it has compared lease
 *                           and cursor. The holder wins the cursor in between, and dies. The message is
 *                           lost.
 *   -DORPHAN=2 -DEVICTIONS=1 -DEXCLUSIVE
 *                           adopters hold the adopter lock alone. One that stops while it holds the lock
 *                           keeps the message forever.
 *   -DORPHAN -DEVICTIONS=1 -DSTILL_LIVE
 *                           the seat of a dead member is not evicted. An adopter that stops with the
 *                           seat's lock makes it look alive, and the message is kept forever.
 *   -DFOREIGN -DEVICTIONS=1 -DJOIN_UNLOCKED
 *                           a joiner does not take the adopter lock. A slow adopter takes the joiner's
 *                           lease for the earlier one at the same place.
 *   -DREJOIN -DEVICTIONS=1 -DLOOK_UNLOCKED
 *                           an adopter checks whether the holder is evicted before it has the adopter
 *                           lock. It takes the lease of a living member that has joined since.
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
#define MESSAGES  3
#endif
#ifndef BATCH
#define BATCH     1
#endif
#ifndef PADDING
#define PADDING   1
#endif
#define CAPACITY  2
#define NOBODY    255
#define JOINER    254
#define ALONE     128                   /* a value of `adopters`: a joiner, alone */
#define MIN(a, b) ((a) < (b) -> (a) : (b))
#ifdef ORPHAN
#define FIRST     1                     /* member that is evicted first */
#else
#define FIRST     0
#endif
#ifdef LATE
#define SEATED    (MEMBERS - 1)         /* seats used when the model begins */
#else
#define SEATED    MEMBERS
#endif

#define NONE              255           /* a lease is NONE or one of these */
#define TENTATIVE(p)      (2 * (p))
#define OWNED(p)          (2 * (p) + 1)
#define POSITION(c)       ((c) / 2)
#define IS_TENTATIVE(c)   ((c) % 2 == 0)
#define IN_RANGE(p)       ((p) + CAPACITY >= reserved)

byte reserved = 0;                      /* shared words of the ring */
byte cell[CAPACITY];                    /* position of the frame in it */
byte tail     = 0;
byte seats_used = SEATED;
byte cursor   = 0;                      /* shared words of the group */
byte moves    = 0;
byte lease[MEMBERS]     = NONE;         /* a seat per member */
byte lease_end[MEMBERS] = 0;
bool evicted[MEMBERS]   = false;
byte generation[MEMBERS] = 0;

bool foreign  = false;                  /* seat 0 is now held by a member of another group */

bool dead[MEMBERS]      = false;        /* kernel: the holder's lock has fallen */
byte locker[MEMBERS]    = NOBODY;       /* kernel: the process that has taken the seat's lock since */
byte adopters[MEMBERS]  = 0;            /* kernel: processes that have the seat's adopter lock, as bits */

byte crashes  = 0;
bool finished = false;
bool delivered[MESSAGES] = false;       /* ghost */

#define INTACT(p)       (cell[(p) % CAPACITY] == (p))
#define LOCK_FREE(s)    (dead[s] && locker[s] == NOBODY)
#define ABANDONED(s)    (LOCK_FREE(s) || evicted[s])
#define LOST(s)         (dead[s] || evicted[s])
#define LAST            (MEMBERS - 1)   /* of two or three members, handled explicitly below */
#ifdef FOREIGN
#define FOREIGN_SEAT(s) ((s) == 0 && foreign)
#else
#define FOREIGN_SEAT(s) false
#endif
#define ALL_LOST        (LOST(0) && LOST(1) && LOST(LAST))
#define BIT(s)          (1 << (s))

#if EVICTIONS > 0
#define MAY_END \
  if :: atomic { crashes < CRASHES -> crashes++ }; goto killed :: evicted[me] -> goto stopped :: true fi
#else
#define MAY_END if :: atomic { crashes < CRASHES -> crashes++ }; goto killed :: true fi
#endif

/* This lease must be adopted, or waited for, before the group may call the ring finished. */
#define HOLDS(s)        (!FOREIGN_SEAT(s) && lease[s] != NONE && !(IS_TENTATIVE(lease[s]) && POSITION(lease[s]) >= cursor))
#ifdef EXCLUSIVE
#define ADOPTER_FREE(s)  (adopters[s] == 0)
#else
#define ADOPTER_FREE(s)  (adopters[s] != ALONE)
#endif
#define MAY_ADOPT(s) \
  ((s) != me && !FOREIGN_SEAT(s) && lease[s] != NONE && ABANDONED(s) && ADOPTER_FREE(s))
#define TO_ADOPT(s)     (MAY_ADOPT(s) && (LOCK_FREE(s) || HOLDS(s)))
#define MAY_LEAVE \
  (finished && cursor >= tail && !(me != 0 && HOLDS(0)) && !(me != 1 && HOLDS(1)) && \
   !(me != LAST && HOLDS(LAST)))
#define WORK \
  (evicted[me] || cursor < tail || TO_ADOPT(0) || TO_ADOPT(1) || TO_ADOPT(LAST) || MAY_LEAVE)
/* What a scan would find if it took no time. */
#define IN_THE_WAY(s) \
  (!FOREIGN_SEAT(s) && lease[s] != NONE && IN_RANGE(POSITION(lease[s])) && next >= POSITION(lease[s]) + CAPACITY)
#define ROOM \
  (next < cursor + CAPACITY && !IN_THE_WAY(0) && !IN_THE_WAY(1) && !IN_THE_WAY(LAST))

inline read_leases()
{
#ifdef SEATS_FIRST
  used = seats_used;
#endif
  do
  :: true ->
       found = NOBODY;
       moves_read = moves;
#ifndef SEATS_FIRST
       used = seats_used;
#endif
       seat = 0;
       do
       :: seat < used ->
            lease_read = (FOREIGN_SEAT(seat) -> NONE : lease[seat]);
            if
            :: lease_read == NONE
            :: lease_read != NONE && IN_RANGE(POSITION(lease_read)) ->
                 found = MIN(found, POSITION(lease_read))
            :: lease_read != NONE && !IN_RANGE(POSITION(lease_read)) ->
#ifdef JUDGE_LATE_LEASE
                 assert(false)
#else
                 assert(IS_TENTATIVE(lease_read))
#endif
            fi;
            seat++
       :: else -> break
       od;
#ifndef MOVES_ONCE
       if
       :: moves == moves_read -> moves_read = 0; break
       :: else
       fi
#else
       break
#endif
  od;
  lease_read = NONE;
  seat = 0
}

proctype Producer(byte next)
{
  byte lowest, found, seat, lease_read, moves_read, used;

  do
  :: next < MESSAGES ->
       do
       :: true ->
#ifdef CURSOR_LAST
            read_leases();
            lowest = cursor;
#else
            lowest = cursor;
            read_leases();
#endif
            if
            :: next < MIN(lowest, found) + CAPACITY -> break
            :: else
            fi;
#ifdef EVICT_DEAD
            if
            :: atomic { LOCK_FREE(0) && adopters[0] == 0 -> lease[0] = NONE }
            :: atomic { LOCK_FREE(1) && adopters[1] == 0 -> lease[1] = NONE }
            :: true
            fi;
#endif
            lowest = 0;
            found = 0;
            if
            :: ROOM                     /* a scan that found no room is repeated when it matters */
            :: ALL_LOST -> goto finished_it
            fi
       od;
       lowest = 0;
       found = 0;
       reserved = next + 1;
       cell[next % CAPACITY] = next;
       atomic { next++; tail = next }
  :: else -> break
  od;
finished_it:
  finished = true
}

#if EVICTIONS > 0
proctype Evictor()
{
  if
  :: evicted[FIRST] = true
  :: true
  fi;
#if EVICTIONS > 1
  if
  :: evicted[FIRST + 1] = true
  :: true
  fi
#endif
}
#endif

/* Changes lease[s] from -> to, or jumps to or_else. */
#define CAS_LEASE(s, from, to, or_else) \
  atomic { if :: lease[s] == (from) -> lease[s] = (to) :: else -> goto or_else fi }

/* Requires that this seat has no lease. Afterwards its lease may be part of what seat s held. */
inline adopt(s)
{
#ifndef STILL_LIVE
  seat = generation[s];
  if
  :: LOCK_FREE(s) ->                    /* once taken, its lock no longer shows that the holder is dead */
       atomic { if :: generation[s] == seat -> evicted[s] = true :: else fi }
  :: else
  fi;
  seat = 0;
  MAY_END;
#endif
  atomic { ADOPTER_FREE(s) -> adopters[s] = adopters[s] | BIT(me) };
  if
  :: atomic { LOCK_FREE(s) -> locker[s] = me }; holder_dead = true
  :: atomic { !LOCK_FREE(s) && evicted[s] -> holder_dead = false }
#ifdef LOOK_UNLOCKED
  :: !LOCK_FREE(s) && !evicted[s] -> holder_dead = false
#else
  :: atomic { !LOCK_FREE(s) && !evicted[s] -> goto adopt_done }
#endif
  fi;
  MAY_END;
  theirs = lease[s];
  if
  :: theirs == NONE -> goto adopt_done
  :: else
  fi;
#ifdef END_FIRST
  their_end = lease_end[s];
#endif
  cap = cursor;
  if
  :: IS_TENTATIVE(theirs) && cap <= POSITION(theirs) ->
#ifdef LATE_DEATH
       holder_dead = dead[s];
#endif
#ifdef DROP_LIVE_LEASE
       holder_dead = true;
#endif
       if
       :: !holder_dead
       :: holder_dead -> CAS_LEASE(s, theirs, NONE, adopt_done)
       fi;
       goto adopt_done
  :: else
  fi;
  if
  :: reserved > POSITION(theirs) + CAPACITY ->
       atomic {
         if
         :: lease[s] == theirs -> assert(IS_TENTATIVE(theirs)); lease[s] = NONE
         :: else
         fi
       };
       goto adopt_done
  :: else
  fi;
#ifndef END_FIRST
  their_end = lease_end[s];
#endif
#ifdef UNCAPPED_END
  lease_end[me] = their_end;
#else
  lease_end[me] = MIN(their_end, cap);
#endif
  their_end = 0;
#ifdef OWNED_FIRST
  lease[me] = theirs;
#else
  lease[me] = TENTATIVE(POSITION(theirs));
#endif
  MAY_END;
#if !defined(MOVE_UNCOUNTED) && !defined(LATE_COUNT)
  moves++;
  MAY_END;
#endif
  atomic {
    if
    :: lease[s] == theirs -> lease[s] = NONE
    :: else -> goto adopt_failed
    fi
  };
  MAY_END;
#ifdef LATE_COUNT
  moves++;
#endif
#ifndef OWNED_FIRST
  if
  :: !IS_TENTATIVE(theirs) -> CAS_LEASE(me, TENTATIVE(POSITION(theirs)), theirs, gone);
  :: else
  fi;
#endif
  goto adopt_done;
adopt_failed:
#ifdef OWNED_FIRST
  CAS_LEASE(me, theirs, NONE, gone);
#else
  CAS_LEASE(me, TENTATIVE(POSITION(theirs)), NONE, gone);
#endif
adopt_done:
  MAY_END;
  d_step { theirs = NONE; holder_dead = false; cap = 0; their_end = 0 };
  if :: locker[s] == me -> locker[s] = NOBODY :: else fi;
  adopters[s] = adopters[s] & ~BIT(me)
}

proctype Member(byte me)
{
  byte seat, mine = NONE, theirs = NONE, cap, their_end, copy, frames, position;
  bool holder_dead, looked;

#ifdef LATE
  if
  :: me == LAST -> seats_used = MEMBERS
  :: else
  fi;
#endif
#ifdef REJOIN
  if
  :: lease[me] == NONE
  :: lease[me] != NONE && HOLDS(me) -> goto hand_out
  :: lease[me] != NONE && !HOLDS(me) -> mine = lease[me]; goto give_up
  fi;
#endif
  do
  :: evicted[me] -> goto gone
  :: else ->
       if
       :: WORK
       :: atomic { !looked -> looked = true }
       fi;
       if
       :: MAY_ADOPT(0) -> adopt(0); goto hand_out
       :: MAY_ADOPT(1) -> adopt(1); goto hand_out
#if MEMBERS > 2
       :: MAY_ADOPT(2) -> adopt(2); goto hand_out
#endif
       :: finished && cursor >= tail ->
            position = moves;
            seat = MEMBERS;
            do
            :: seat > 0 ->
                 seat--;
                 if
                 :: seat != me && HOLDS(seat) -> goto again
                 :: else
                 fi
            :: else -> break
            od;
#ifdef CLOSED_UNCOUNTED
            goto left
#else
            if
            :: moves == position -> goto left
            :: else -> goto again
            fi
#endif
       :: true
       fi;

       position = cursor;
       if
       :: position >= tail -> goto again
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
            goto again
       :: else
       fi;
       if
       :: position == PADDING ->
            atomic {
              if
              :: cursor == position -> cursor = position + 1
              :: else
              fi;
              goto again
            }
       :: else
       fi;
       mine = TENTATIVE(position);
       lease[me] = mine;
       MAY_END;
       frames = 1;
#if BATCH > 1
       if
       :: position + 2 <= tail && position + 1 != PADDING -> frames = 2
       :: true
       fi;
#ifndef LATE_END
       lease_end[me] = position + frames;
       MAY_END;
#endif
#endif
       atomic {
         if
         :: cursor == position -> cursor = position + frames
         :: else -> goto give_up
         fi
       };
       MAY_END;
#ifdef LATE_END
       lease_end[me] = position + frames;
#endif
#ifdef OWN_BY_STORE
       lease[me] = OWNED(position);
#else
       CAS_LEASE(me, mine, OWNED(position), gone);
#endif
hand_out:
       mine = lease[me];
       do
       :: mine == NONE -> break
       :: mine != NONE && evicted[me] -> goto gone
       :: mine != NONE ->
            position = POSITION(mine);
            if
            :: IS_TENTATIVE(mine) ->    /* adopted: copied, then checked for having lost */
                 assert(position < cursor);
                 copy = cell[position % CAPACITY];
#ifndef COPY_UNCHECKED
                 if
                 :: reserved > position + CAPACITY -> goto give_up
                 :: else
                 fi;
#endif
                 assert(copy == position);
                 MAY_END;
                 delivered[position] = true;
                 MAY_END
            :: !IS_TENTATIVE(mine) ->
                 assert(evicted[me] || INTACT(position));
                 MAY_END;
                 delivered[position] = true;
                 MAY_END;
                 assert(evicted[me] || INTACT(position))
            fi;
            if
            :: position + 1 < lease_end[me] -> CAS_LEASE(me, mine, mine + 2, gone); mine = mine + 2
            :: else -> goto give_up
            fi
       od;
       goto again;
give_up:
       CAS_LEASE(me, mine, NONE, gone);
again:
       atomic { mine = NONE; position = 0; frames = 0; copy = 0; seat = 0 }
  od;

gone:                                   /* its lease was changed by another: evicted */
  assert(evicted[me]);
killed:
  atomic {
    dead[me] = true;
    if :: locker[0] == me -> locker[0] = NOBODY :: else fi;
    if :: locker[1] == me -> locker[1] = NOBODY :: else fi;
    if :: locker[LAST] == me -> locker[LAST] = NOBODY :: else fi;
    adopters[0] = adopters[0] & ~BIT(me);
    adopters[1] = adopters[1] & ~BIT(me);
    adopters[LAST] = adopters[LAST] & ~BIT(me)
  };
stopped:
left:
  atomic { mine = NONE; theirs = NONE; cap = 0; their_end = 0; copy = 0; frames = 0; position = 0; seat = 0 }
}

#if defined(FOREIGN) || defined(REJOIN)
/* Takes seat 0 when its holder is gone, for another group or for this one. */
proctype Joiner()
{
  byte p = 0;

  if
  :: atomic { LOCK_FREE(0) -> locker[0] = JOINER }
  :: goto no_seat
  fi;
#ifndef JOIN_UNLOCKED
  if
  :: atomic { adopters[0] == 0 -> adopters[0] = ALONE }
  :: atomic { else -> locker[0] = NOBODY; goto no_seat }
  fi;
#endif
#ifdef FOREIGN
#ifndef FORGET_LEASE
  if
  :: atomic { lease[0] != NONE -> adopters[0] = 0; locker[0] = NOBODY; goto no_seat }
  :: else
  fi;
#endif
  atomic { foreign = true; evicted[0] = false; generation[0]++ };
#ifndef JOIN_UNLOCKED
  adopters[0] = 0;
#endif
  do
  :: p + 1 < MESSAGES -> p++
  :: break
  od;
  lease[0] = TENTATIVE(p);              /* the stranger's lease, at a place of its own group */
  atomic { assert(lease[0] == TENTATIVE(p)); lease[0] = NONE };
#else
  atomic { evicted[0] = false; generation[0]++ };
#ifndef JOIN_UNLOCKED
  adopters[0] = 0;
#endif
  atomic { dead[0] = false; locker[0] = NOBODY; run Member(0) };
#endif
no_seat:
  p = 0
}
#endif

init {
  byte position = 0;

  atomic {
#ifdef ORPHAN
    reserved = 1;
    tail     = 1;                       /* cell[0] is 0 already: frame 0 */
    cursor   = 1;
    lease[0] = OWNED(0);
#if ORPHAN > 1
    evicted[0] = true;                  /* it is alive and stands still for good */
#else
    dead[0]  = true;
#endif
    run Producer(1);
#else
    run Producer(0);
    run Member(0);
#endif
    run Member(1);
#if MEMBERS > 2
    run Member(2);
#endif
#if defined(FOREIGN) || defined(REJOIN)
    run Joiner();
#endif
#if EVICTIONS > 0
    run Evictor();
#endif
  }
  _nr_pr == 1;
  do
  :: position < MESSAGES ->
       assert(ALL_LOST || position >= tail || position == PADDING || delivered[position]);
       position++
  :: else -> break
  od
}
