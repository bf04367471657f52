/* SPDX-License-Identifier: Apache-2.0 */
/*
 * marktorn: one mark {position, sequence} is rewritten while a lossy reader reads it.
 *
 * Modelled.  Each lap of the ring the producer rewrites the entry: position = none, sequence, position.
 * `reserved` moves with it, but only by as much as there is room for. The previous mark was recorded
 * late in its chunk, so it may still be within one capacity of `reserved`: that check alone does not
 * reveal a torn pair. A reader loads position, sequence, position again, then `reserved`. Sequences are
 * 10 times the lap and positions are made up, so that every wrong pair is visible.
 *
 * Property.  A mark that passes the reader's checks is a pair that was written together.
 *
 * Must fail, each by a torn pair that passes:
 *   -DNO_INVALIDATION  sequence and position are overwritten in place, sequence first.
 *   -DPOSITION_FIRST   sequence and position are overwritten in place, position first.
 *   -DNO_WRITER_FENCE  without fence(release) after position = none, the sequence may become visible
 *                      before it.
 *   -DNO_READER_FENCE  without fence(acquire) before the second load of the position, that load may be
 *                      made before the load of the sequence.
 */
#ifndef LAPS
#define LAPS     3
#endif
#define CAPACITY 8
#define NONE     255

#define POSITION(lap) (CAPACITY * (lap) + ((lap) % 2 == 0 -> 3 : 0))   /* late, early, late */
#define SEQUENCE(lap) (10 * (lap))

byte mark_position = 3;                 /* shared words */
byte mark_sequence = 0;
byte reserved      = 8;

proctype Producer()
{
  byte lap = 1;

  do
  :: lap < LAPS ->
       reserved = POSITION(lap) + 1;
#if defined(NO_INVALIDATION)
       mark_sequence = SEQUENCE(lap);
       mark_position = POSITION(lap);
#elif defined(POSITION_FIRST)
       mark_position = POSITION(lap);
       mark_sequence = SEQUENCE(lap);
#elif defined(NO_WRITER_FENCE)
       mark_sequence = SEQUENCE(lap);
       mark_position = NONE;
       mark_position = POSITION(lap);
#else
       mark_position = NONE;
       mark_sequence = SEQUENCE(lap);
       mark_position = POSITION(lap);
#endif
       lap++
  :: else -> break
  od
}

proctype Reader()
{
  byte position, sequence, again;

  position = mark_position;
#ifdef NO_READER_FENCE
  again    = mark_position;
  sequence = mark_sequence;
#else
  sequence = mark_sequence;
  again    = mark_position;
#endif
  if
  :: position != NONE && position == again && reserved <= position + CAPACITY ->
       assert(sequence == SEQUENCE(position / CAPACITY))
  :: else                               /* not intact: tries another mark */
  fi
}

init {
  atomic { run Producer(); run Reader() }
}
