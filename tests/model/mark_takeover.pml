/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mark_takeover: marks and batches across a take-over.
 *
 * Modelled.  The first producer writes a batch of two one-cell frames at 0 and 1. It stores the inner
 * header first; the first header would publish the batch. It is killed at any point. The next producer
 * finds nothing at 0, voids a mark that lies above the tail, and publishes one frame of three cells at
 * 0, whose payload at 1 looks like a header. A lossy reader goes to wherever the mark leads it, after
 * all of its checks.
 *
 * Property.  A mark that passes the reader's checks leads to a frame, never into a payload.
 *
 * Must fail:
 *   -DMARK_IN_BATCH  a mark is recorded at the claim position while a batch is open. Voiding it at
 *                    take-over does not help a reader that has loaded it already. When that reader
 *                    compares the mark with the tail, the tail has passed it.
 */
#define CAPACITY 8
#define NONE     255

byte cell[CAPACITY];                    /* a header (the number of cells), or payload */
bool is_frame[CAPACITY];                /* ghost: a published frame begins here */
byte tail     = 0;
byte reserved = 0;
byte mark     = 0;                      /* entry 0 is written at creation */

#define MAY_BE_KILLED  if :: goto take_over :: true fi

proctype Producers()
{
  reserved = 4;
  cell[2] = 0;                          /* the stop sign of the batch */
  cell[1] = 1;                          /* its inner header */
  MAY_BE_KILLED;
#ifdef MARK_IN_BATCH
  mark = 1;                             /* the second claim took the slow path */
  MAY_BE_KILLED;
#endif
  d_step { cell[0] = 1; is_frame[0] = true; is_frame[1] = true };
  MAY_BE_KILLED;
  tail = 2;
  MAY_BE_KILLED;
  mark = 2;                             /* no batch is open: a mark at the producer's position */
  cell[3] = 0;
  d_step { cell[2] = 1; is_frame[2] = true };
  tail = 3;
  goto done;

take_over:
  if
  :: cell[0] != 0 -> tail = 2; goto done                      /* the whole batch is published */
  :: else                                                     /* the batch never happened */
  fi;
  if
  :: mark > tail -> mark = NONE
  :: else
  fi;
  cell[3] = 0;
  cell[1] = 7;                          /* payload */
  d_step { cell[0] = 3; is_frame[0] = true; is_frame[3] = true };
  tail = 3;
done:
  skip
}

proctype Reader()
{
  byte position, again, header;

  position = mark;
  again    = mark;
  if
  :: position != NONE && position == again && position <= tail &&
     reserved <= position + CAPACITY ->
       header = cell[position];
       if
       :: header != 0 && reserved <= position + CAPACITY -> assert(is_frame[position])
       :: else                          /* nothing there yet, or overrun */
       fi
  :: else
  fi
}

init {
  atomic { run Producers(); run Reader() }
}
