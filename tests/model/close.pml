/* SPDX-License-Identifier: Apache-2.0 */
/*
 * close: a consumer finds the end of a closed ring.
 *
 * Modelled.  EPOCHS producers one after another publish up to MESSAGES messages each and close the
 * ring; the next one opens it again. The consumer loads the ring's state, then the header at its
 * position. "Closed" and a header that is 0 mean the end.
 *
 * Property.  When the consumer reports the end, it has received everything that was published before
 * the close that it saw.
 *
 * Must fail:
 *   -DHEADER_FIRST  the header is loaded before the state. The last message is published and the ring
 *                   closed between the two loads.
 */
#ifndef MESSAGES
#define MESSAGES 2
#endif
#ifndef EPOCHS
#define EPOCHS   2
#endif

byte published = 0;                     /* header(n) is nonzero iff n < published */
bool closed    = false;                 /* shared word */
byte at_close  = 0;                     /* ghost: messages published at the last close */
bool finished  = false;

proctype Producers()
{
  byte number = 0, sent;

  do
  :: number < EPOCHS ->
       closed = false;
       sent = 0;
       do
       :: sent < MESSAGES -> published++; sent++
       :: break
       od;
       atomic { closed = true; at_close = published };
       number++
  :: else -> break
  od;
  finished = true
}

proctype Consumer()
{
  byte received = 0, owed = 0;
  bool closed_seen, header_seen;

  do
  :: true ->
#ifdef HEADER_FIRST
       header_seen = (published > received);
       atomic { closed_seen = closed; owed = at_close };
#else
       atomic { closed_seen = closed; owed = at_close };
       header_seen = (published > received);
#endif
       if
       :: header_seen -> received++
       :: !header_seen && closed_seen ->
            assert(received >= owed);   /* the end is reported */
            if
            :: finished && received == published -> break
            :: else                     /* waits for the next producer */
            fi
       :: else
       fi
  od
}

init {
  atomic { run Producers(); run Consumer() }
}
