/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tailpair: the pair {tail.position, tail.sequence}. No process can store or load both words in one
 * step. A joiner reads the pair at any time, and the next producer reads it after a crash anywhere.
 *
 * Modelled.  A ring of CAPACITY cells. Frames have one or two cells, so that position and sequence
 * differ; the second cell is payload that must never be parsed. The producer reserves, writes the
 * payload, writes the stop sign (0) where the next header will be, and stores the header. The pair may
 * lag. Before any frame, and at the latest before `reserved` would be more than CAPACITY above the pair,
 * the producer stores tail.sequence and then tail.position. It may be killed between any two of these
 * stores, KILLS times in all. The next producer reads the pair. If a header is published at that
 * position, it takes the sequence from the header. It walks to the first 0 and continues from there. A
 * joiner does the same, and checks every header by `reserved`.
 *
 * Property.  The pair as read names a boundary and its true sequence. A walk finds only headers, in
 * sequence. Take-over ends exactly after the last published frame: none is lost, none invented.
 *
 * Must fail:
 *   -DPOSITION_FIRST  tail.position is stored before tail.sequence. A joiner between the two takes the
 *                     old sequence for the new position.
 *   -DTRUST_PAIR      the header is not read. Between the two stores the sequence is one ahead of the
 *                     position: briefly for a joiner, forever after a kill.
 *   -DLAG_FOR_EVER    the pair lags by more than the ring. Take-over walks over overwritten frames.
 *   -DLATE_STOP_SIGN  the header is stored before the stop sign. A walk continues into what the
 *                     previous lap left there.
 */
#ifndef CAPACITY
#define CAPACITY 6
#endif
#ifndef LENGTH
#define LENGTH   9                      /* no frame ends beyond this position */
#endif
#ifndef KILLS
#define KILLS    1
#endif
#define NEVER    99

#define PAYLOAD                  3      /* no valid header: length 3 */
#define HEADER(sequence, cells)  (4 * ((sequence) + 1) + (cells))
#define SEQUENCE(header)         ((header) / 4 - 1)
#define CELLS(header)            ((header) % 4)

byte cell[CAPACITY];                    /* a header, PAYLOAD, or 0: nothing there yet */
byte reserved      = 0;                 /* shared word */
byte tail_position = 0;                 /* shared word */
byte tail_sequence = 0;                 /* shared word */

byte truth[16]     = NEVER;             /* ghost: sequence of the boundary at this position */
byte end_position  = 0;                 /* ghost: end of the last published frame */

#ifdef LAG_FOR_EVER
#define MAY_LAG(end)  true
#else
#define MAY_LAG(end)  ((end) <= tail_position + CAPACITY)
#endif

#define MAY_BE_KILLED  if :: kills < KILLS -> kills++; goto take_over :: true fi

inline read_pair(position, sequence, header)
{
  position = tail_position;
  sequence = tail_sequence;
  header   = cell[position % CAPACITY];
#ifndef TRUST_PAIR
  if
  :: header != 0 -> sequence = SEQUENCE(header)
  :: else
  fi
#endif
}

proctype Producer()
{
  byte position = 0, sequence = 0;
  byte cells, header;
  byte kills = 0;

publish:
  do
  :: position + 2 <= LENGTH ->
       if
       :: cells = 1
       :: cells = 2
       fi;
       if
       :: true ->
#ifdef POSITION_FIRST
            tail_position = position;
            MAY_BE_KILLED;
            tail_sequence = sequence;
#else
            tail_sequence = sequence;
            MAY_BE_KILLED;
            tail_position = position;
#endif
            MAY_BE_KILLED
       :: MAY_LAG(position + cells + 1)
       fi;
       reserved = (position + cells + 1 > reserved -> position + cells + 1 : reserved);
       if
       :: cells == 2 -> cell[(position + 1) % CAPACITY] = PAYLOAD
       :: else
       fi;
       MAY_BE_KILLED;
#ifndef LATE_STOP_SIGN
       cell[(position + cells) % CAPACITY] = 0;
       MAY_BE_KILLED;
#endif
       d_step {
         cell[position % CAPACITY] = HEADER(sequence, cells);
         truth[position + cells] = sequence + 1;
         end_position = position + cells
       };
#ifdef LATE_STOP_SIGN
       cell[(position + cells) % CAPACITY] = 0;
#endif
       MAY_BE_KILLED;
       d_step { position = position + cells; sequence++ };
       MAY_BE_KILLED
  :: else -> goto done
  od;

take_over:
  read_pair(position, sequence, header);
  assert(sequence == truth[position]);
  do
  :: cell[position % CAPACITY] != 0 ->
       header = cell[position % CAPACITY];
       assert(SEQUENCE(header) == sequence && CELLS(header) <= 2);
       d_step { position = position + CELLS(header); sequence++ }
  :: else -> break
  od;
  assert(position == end_position && sequence == truth[position]);
  tail_sequence = sequence;
  MAY_BE_KILLED;
  tail_position = position;
  goto publish;
done:
  skip
}

proctype Joiner()
{
  byte position, sequence, header, reserved_seen;

  do
  :: true ->
       read_pair(position, sequence, header);
       reserved_seen = reserved;
       if
       :: reserved_seen <= position + CAPACITY -> break
       :: else                          /* overrun while reading: reads again */
       fi
  od;
  assert(sequence == truth[position]);
  do
  :: header != 0 ->                     /* intact: `reserved` was loaded after it */
       assert(SEQUENCE(header) == sequence && CELLS(header) <= 2);
       d_step { position = position + CELLS(header); sequence++ };
       header = cell[position % CAPACITY];
       reserved_seen = reserved;
       if
       :: reserved_seen <= position + CAPACITY
       :: else -> break                 /* overrun */
       fi
  :: else -> assert(sequence == truth[position]); break
  od
}

init {
  truth[0] = 0;
  atomic { run Producer(); run Joiner() }
}
