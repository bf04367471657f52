// SPDX-License-Identifier: Apache-2.0
// Publishing and reading: copies, claims, batches, many at once, deliveries, starts, ends.
#include "check.h"  // first

void TestMessages(void) {
  const char* ring = NewRing();
  struct millrace_producer* producer = Create(ring);
  struct millrace_consumer* consumer = Open(ring, MILLRACE_LOSSLESS);
  struct millrace_message message;
  struct millrace_producer_stats sent = MILLRACE_PRODUCER_STATS_INIT;
  struct millrace_consumer_stats read = MILLRACE_CONSUMER_STATS_INIT;
  struct millrace_producer_info info = MILLRACE_PRODUCER_INFO_INIT;

  CHECK_EQUAL(millrace_try_next(consumer, &message), MILLRACE_GOT_EMPTY);
  CHECK_EQUAL(millrace_next(consumer, &message, 0), MILLRACE_GOT_TIMED_OUT);
  CHECK_EQUAL(millrace_try_publish(producer, "one", 3), MILLRACE_SENT_OK);
  CHECK_EQUAL(millrace_publish(producer, "three", 5, MILLRACE_FOREVER), MILLRACE_SENT_OK);
  CHECK_EQUAL(millrace_try_publish(producer, NULL, 0), MILLRACE_SENT_OK);
  CHECK_EQUAL(millrace_publish(producer, NULL, 0, 0), MILLRACE_SENT_OK);
  CHECK_EQUAL(millrace_try_next(consumer, &message), MILLRACE_GOT_MESSAGE);
  CHECK_EQUAL(message.size, 3);
  CHECK(memcmp(message.data, "one", 3) == 0 && (uintptr_t)message.data % 8 == 0);
  CHECK_EQUAL(message.sequence, 0);
  CHECK_EQUAL(message.lost, 0);
  CHECK_EQUAL(message.deliveries, 1);
  CHECK_EQUAL(message.source, MILLRACE_NO_SOURCE);
  CHECK(millrace_still_intact(consumer));
  millrace_ack(consumer);
  CHECK(!millrace_still_intact(consumer));
  ExpectText(consumer, "three");
  ExpectText(consumer, "");
  ExpectText(consumer, "");

  CHECK_EQUAL(millrace_producer_next_sequence(producer), 4);
  CHECK_EQUAL(millrace_consumer_next_sequence(consumer), 4);
  CHECK_EQUAL(millrace_max_message(producer), (1 << 20) / 8);
  CHECK_EQUAL(millrace_producer_get_stats(producer, &sent), 0);
  CHECK_EQUAL(sent.published, 4);
  CHECK_EQUAL(sent.bytes, 8);
  CHECK_EQUAL(millrace_consumer_get_stats(consumer, &read), 0);
  CHECK_EQUAL(read.start + read.received + read.lost + read.skipped, 4);
  CHECK_EQUAL(read.received, 4);
  CHECK_EQUAL(millrace_consumer_get_producer(consumer, &info), 0);
  CHECK(info.alive && !info.closed && info.epoch == 1 && strlen(info.label) > 0);
  CHECK_EQUAL(millrace_producer_check(producer), 0);
  CHECK(millrace_wait_for_consumers(producer, 1, MILLRACE_FOREVER));
  CHECK(!millrace_wait_for_consumers(producer, 2, 0));
  CHECK_EQUAL(millrace_consumer_status(consumer), 0);

  CHECK_EQUAL(millrace_try_publish(producer, "x", millrace_max_message(producer) + 1),
              MILLRACE_SENT_TOO_LARGE);
  millrace_consumer_free(consumer);
  millrace_producer_free(producer);
}

void TestClaims(void) {
  const char* ring = NewRing();
  struct millrace_producer* producer = Create(ring);
  struct millrace_consumer* consumer = Open(ring, MILLRACE_LOSSLESS);
  struct millrace_message message;
  void* data = NULL;
  void* second = &data;

  CHECK_EQUAL(millrace_try_claim(producer, 16, &data), MILLRACE_SENT_OK);
  CHECK(data != NULL && (uintptr_t)data % 8 == 0);
  // Everything that would publish beside the claim is refused, and leaves it as it is.
  CHECK_EQUAL(millrace_try_claim(producer, 16, &second), MILLRACE_SENT_BAD_ARGUMENT);
  CHECK(second == NULL);
  CHECK_EQUAL(millrace_try_publish(producer, "x", 1), MILLRACE_SENT_BAD_ARGUMENT);
  CHECK(strstr(millrace_error_text(), "a claim is open") != NULL);
  CHECK_EQUAL(millrace_publish(producer, "x", 1, 0), MILLRACE_SENT_BAD_ARGUMENT);
  CHECK_EQUAL(millrace_batch_begin(producer, MILLRACE_PUBLISH_IN_PARTS), MILLRACE_SENT_BAD_ARGUMENT);
  CHECK_EQUAL(millrace_commit(producer, 17), MILLRACE_SENT_BAD_ARGUMENT);
  memcpy(data, "claimed", 7);
  CHECK_EQUAL(millrace_commit(producer, 7), MILLRACE_SENT_OK);
  CHECK_EQUAL(millrace_commit(producer, 7), MILLRACE_SENT_BAD_ARGUMENT);
  ExpectText(consumer, "claimed");

  CHECK_EQUAL(millrace_claim(producer, 8, MILLRACE_FOREVER, &data), MILLRACE_SENT_OK);
  millrace_abort(producer);
  millrace_abort(producer);
  CHECK_EQUAL(millrace_try_next(consumer, &message), MILLRACE_GOT_EMPTY);
  CHECK_EQUAL(millrace_claim(producer, millrace_max_message(producer) + 1, 0, &data),
              MILLRACE_SENT_TOO_LARGE);
  CHECK(data == NULL);
  CHECK_EQUAL(millrace_claim(producer, 0, 0, &data), MILLRACE_SENT_OK);
  CHECK_EQUAL(millrace_commit(producer, 0), MILLRACE_SENT_OK);
  ExpectText(consumer, "");

  // Closing ends an open claim.
  CHECK_EQUAL(millrace_try_claim(producer, 8, &data), MILLRACE_SENT_OK);
  CHECK_EQUAL(millrace_producer_close(producer), 0);
  CHECK_EQUAL(millrace_commit(producer, 8), MILLRACE_SENT_BAD_ARGUMENT);
  CHECK_EQUAL(millrace_try_claim(producer, 8, &data), MILLRACE_SENT_CLOSED);
  CHECK_EQUAL(millrace_next(consumer, &message, 0), MILLRACE_GOT_CLOSED);
  millrace_producer_free(producer);
  millrace_consumer_free(consumer);
}

void TestBatches(void) {
  const char* ring = NewRing();
  struct millrace_producer* producer = Create(ring);
  struct millrace_consumer* consumer = Open(ring, MILLRACE_LOSSLESS);
  struct millrace_message message;
  void* data;
  size_t added = 0;
  static char large[4096];

  CHECK_EQUAL(millrace_batch_try_add(producer, "x", 1), MILLRACE_SENT_BAD_ARGUMENT);
  CHECK_EQUAL(millrace_batch_commit(producer), MILLRACE_SENT_BAD_ARGUMENT);
  CHECK_EQUAL(millrace_batch_begin(producer, 7), MILLRACE_SENT_BAD_ARGUMENT);
  CHECK_EQUAL(millrace_batch_begin(producer, MILLRACE_PUBLISH_IN_PARTS), MILLRACE_SENT_OK);
  CHECK_EQUAL(millrace_batch_try_add(producer, "a", 1), MILLRACE_SENT_OK);
  CHECK_EQUAL(millrace_batch_add(producer, "b", 1, MILLRACE_FOREVER), MILLRACE_SENT_OK);
  CHECK_EQUAL(millrace_batch_size(producer), 2);
  CHECK_EQUAL(millrace_try_publish(producer, "x", 1), MILLRACE_SENT_BAD_ARGUMENT);
  CHECK_EQUAL(millrace_try_claim(producer, 1, &data), MILLRACE_SENT_BAD_ARGUMENT);
  CHECK_EQUAL(millrace_try_next(consumer, &message), MILLRACE_GOT_EMPTY);
  CHECK_EQUAL(millrace_batch_commit(producer), MILLRACE_SENT_OK);
  CHECK_EQUAL(millrace_batch_size(producer), 0);
  ExpectText(consumer, "a");
  ExpectText(consumer, "b");

  CHECK_EQUAL(millrace_batch_begin(producer, MILLRACE_REFUSE_LARGE_BATCH), MILLRACE_SENT_OK);
  while (millrace_batch_try_add(producer, large, sizeof large) == MILLRACE_SENT_OK) ++added;
  CHECK_EQUAL(millrace_batch_try_add(producer, large, sizeof large), MILLRACE_SENT_TOO_LARGE);
  CHECK_EQUAL(millrace_batch_size(producer), added);
  CHECK(added > 10 && added <= (1 << 18) / sizeof large);
  millrace_batch_abort(producer);
  millrace_batch_abort(producer);
  CHECK_EQUAL(millrace_try_next(consumer, &message), MILLRACE_GOT_EMPTY);

  CHECK_EQUAL(millrace_batch_begin(producer, MILLRACE_PUBLISH_IN_PARTS), MILLRACE_SENT_OK);
  millrace_producer_free(producer);  // with an open batch
  millrace_consumer_free(consumer);
}

void TestMany(void) {
  const char* ring = NewRing();
  struct millrace_producer* producer = Create(ring);
  struct millrace_consumer* consumer = Open(ring, MILLRACE_LOSSLESS);
  struct millrace_bytes out[3] = {{"first", 5}, {NULL, 0}, {"third", 5}};
  struct millrace_message in[8];
  size_t count = 9;
  static char large[8192];

  CHECK_EQUAL(millrace_publish_many(producer, out, 3, MILLRACE_FOREVER, &count), MILLRACE_SENT_OK);
  CHECK_EQUAL(count, 3);
  CHECK_EQUAL(millrace_publish_many(producer, NULL, 0, 0, NULL), MILLRACE_SENT_OK);
  CHECK_EQUAL(millrace_read_many(consumer, in, 8, 0, &count), MILLRACE_GOT_MESSAGE);
  CHECK_EQUAL(count, 3);
  CHECK(memcmp(in[0].data, "first", 5) == 0 && in[0].size == 5 && in[0].sequence == 0);
  CHECK(in[1].size == 0 && in[1].sequence == 1);
  CHECK(memcmp(in[2].data, "third", 5) == 0 && in[2].size == 5 && in[2].sequence == 2);
  CHECK(millrace_still_intact(consumer));
  millrace_ack(consumer);
  CHECK(!millrace_still_intact(consumer));
  CHECK_EQUAL(millrace_read_many(consumer, in, 8, 0, &count), MILLRACE_GOT_TIMED_OUT);
  CHECK_EQUAL(count, 0);

  // A large message ends the call, as the last one.
  memset(large, 'l', sizeof large);
  PublishText(producer, "small");
  CHECK_EQUAL(millrace_try_publish(producer, large, sizeof large), MILLRACE_SENT_OK);
  PublishText(producer, "after");
  CHECK_EQUAL(millrace_read_many(consumer, in, 8, 0, &count), MILLRACE_GOT_MESSAGE);
  CHECK_EQUAL(count, 2);
  CHECK(memcmp(in[0].data, "small", 5) == 0);
  CHECK(in[1].size == sizeof large && memcmp(in[1].data, large, sizeof large) == 0);
  CHECK(millrace_still_intact(consumer));
  CHECK_EQUAL(millrace_read_many(consumer, in, 1, 0, &count), MILLRACE_GOT_MESSAGE);
  CHECK_EQUAL(count, 1);

  // The capacity bounds a call; order and sequences go on across calls.
  for (uint64_t i = 0; i < 1000; ++i)
    CHECK_EQUAL(millrace_publish(producer, &i, sizeof i, MILLRACE_FOREVER), MILLRACE_SENT_OK);
  for (uint64_t i = 0; i < 1000; i += count) {
    CHECK_EQUAL(millrace_read_many(consumer, in, 8, MILLRACE_FOREVER, &count), MILLRACE_GOT_MESSAGE);
    CHECK(count >= 1 && count <= 8);
    for (size_t j = 0; j < count; ++j) {
      uint64_t value = 0;
      memcpy(&value, in[j].data, sizeof value);
      CHECK_EQUAL(value, i + j);
      CHECK_EQUAL(in[j].sequence, 6 + i + j);
    }
  }

  // The reason that ended the messages is returned by the next read, once.
  PublishText(producer, "last");
  CHECK_EQUAL(millrace_producer_close(producer), 0);
  CHECK_EQUAL(millrace_read_many(consumer, in, 8, 0, &count), MILLRACE_GOT_MESSAGE);
  CHECK_EQUAL(count, 1);
  CHECK_EQUAL(millrace_read_many(consumer, in, 8, 0, &count), MILLRACE_GOT_CLOSED);
  CHECK_EQUAL(millrace_consumer_status(consumer), MILLRACE_E_CLOSED);
  CHECK_EQUAL(millrace_publish_many(producer, out, 3, 0, &count), MILLRACE_SENT_CLOSED);
  CHECK_EQUAL(count, 0);
  millrace_producer_free(producer);
  millrace_consumer_free(consumer);
}

void TestDeliveries(void) {
  const char* ring = NewRing();
  struct millrace_producer* producer = Create(ring);
  struct millrace_consumer* lossless = Open(ring, MILLRACE_LOSSLESS);
  struct millrace_consumer* lossy = Open(ring, MILLRACE_LOSSY);
  struct millrace_consumer* observer = Open(ring, MILLRACE_OBSERVER);
  struct millrace_consumer* member = Open(ring, MILLRACE_GROUP);
  struct millrace_consumer* other = Open(ring, MILLRACE_GROUP);
  struct millrace_message messages[4];
  size_t count = 0;

  PublishText(producer, "zero");
  PublishText(producer, "one");
  ExpectText(lossless, "zero");
  ExpectText(lossless, "one");
  ExpectText(observer, "zero");
  ExpectText(observer, "one");
  CHECK_EQUAL(millrace_read_many(lossy, messages, 4, 0, &count), MILLRACE_GOT_MESSAGE);
  CHECK_EQUAL(count, 2);
  CHECK(memcmp(messages[0].data, "zero", 4) == 0 && memcmp(messages[1].data, "one", 3) == 0);

  // A member gets one message at a time. What it has not acknowledged goes to the other one.
  CHECK_EQUAL(millrace_read_many(member, messages, 4, 0, &count), MILLRACE_GOT_MESSAGE);
  CHECK_EQUAL(count, 1);
  CHECK_EQUAL(messages[0].deliveries, 1);
  CHECK_EQUAL(millrace_skip_to(member, MILLRACE_START_END, 0), MILLRACE_E_BAD_ARGUMENT);
  millrace_consumer_free(member);
  CHECK_EQUAL(millrace_next(other, messages, MILLRACE_FOREVER), MILLRACE_GOT_MESSAGE);
  const bool again = messages[0].sequence == 0;
  CHECK_EQUAL(messages[0].deliveries, again ? 2 : 1);
  CHECK_EQUAL(millrace_next(other, messages, MILLRACE_FOREVER), MILLRACE_GOT_MESSAGE);
  CHECK_EQUAL(messages[0].sequence, again ? 1 : 0);
  millrace_ack(other);
  CHECK_EQUAL(millrace_next(other, messages, 0), MILLRACE_GOT_TIMED_OUT);

  millrace_consumer_free(lossless);
  millrace_consumer_free(lossy);
  millrace_consumer_free(observer);
  millrace_consumer_free(other);
  millrace_producer_free(producer);
}

static uint64_t FirstFrom(const char* ring, uint32_t start, uint64_t value) {
  struct millrace_consumer_options options = MILLRACE_CONSUMER_OPTIONS_INIT;
  struct millrace_consumer* consumer = NULL;
  struct millrace_message message;
  options.start = start;
  options.start_value = value;
  CHECK_EQUAL(millrace_consumer_open(ring, MILLRACE_LOSSLESS, &options, &consumer), 0);
  const uint8_t got = millrace_try_next(consumer, &message);
  const uint64_t first = got == MILLRACE_GOT_MESSAGE ? message.sequence : UINT64_MAX;
  millrace_consumer_free(consumer);
  return first;
}

void TestStarts(void) {
  const char* ring = NewRing();
  struct millrace_producer* producer = Create(ring);
  struct millrace_consumer* consumer = Open(ring, MILLRACE_LOSSLESS);
  struct millrace_consumer* refused = NULL;
  struct millrace_consumer_stats stats = MILLRACE_CONSUMER_STATS_INIT;
  struct millrace_consumer_options options = MILLRACE_CONSUMER_OPTIONS_INIT;
  for (int i = 0; i < 10; ++i) PublishText(producer, "x");
  CHECK(FirstFrom(ring, MILLRACE_START_END, 0) == UINT64_MAX);
  CHECK_EQUAL(FirstFrom(ring, MILLRACE_START_OLDEST, 0), 0);
  CHECK_EQUAL(FirstFrom(ring, MILLRACE_START_LAST, 3), 7);
  CHECK_EQUAL(FirstFrom(ring, MILLRACE_START_SEQUENCE, 4), 4);
  CHECK_EQUAL(FirstFrom(ring, MILLRACE_START_AGO, 3600000000000ULL), 0);
  CHECK_EQUAL(FirstFrom(ring, MILLRACE_START_AGO, UINT64_MAX), 0);
  options.start = MILLRACE_START_SEQUENCE;
  options.start_value = 11;
  CHECK_EQUAL(millrace_consumer_open(ring, MILLRACE_LOSSY, &options, &refused), MILLRACE_E_BAD_ARGUMENT);
  CHECK(refused == NULL);

  CHECK_EQUAL(millrace_skip_to(consumer, MILLRACE_START_SEQUENCE, 5), 0);
  CHECK_EQUAL(millrace_consumer_next_sequence(consumer), 5);
  CHECK_EQUAL(millrace_skip_to(consumer, MILLRACE_START_SEQUENCE, 4), MILLRACE_E_BAD_ARGUMENT);
  CHECK_EQUAL(millrace_skip_to(consumer, MILLRACE_START_LAST, 1), 0);
  CHECK_EQUAL(millrace_consumer_next_sequence(consumer), 9);
  CHECK_EQUAL(millrace_consumer_get_stats(consumer, &stats), 0);
  CHECK_EQUAL(stats.skipped, 9);
  CHECK_EQUAL(stats.lag_messages, 1);
  CHECK_EQUAL(millrace_skip_to(consumer, 99, 0), MILLRACE_E_BAD_ARGUMENT);
  millrace_consumer_free(consumer);
  millrace_producer_free(producer);
}

void TestFullRing(void) {
  const char* ring = NewRing();
  struct millrace_ring_options small = MILLRACE_RING_OPTIONS_INIT;
  struct millrace_producer_options drop = MILLRACE_PRODUCER_OPTIONS_INIT;
  struct millrace_producer_stats stats = MILLRACE_PRODUCER_STATS_INIT;
  struct millrace_producer* producer = NULL;
  struct millrace_message message;
  struct millrace_bytes many[64];
  size_t sent = 0, total = 0;
  void* data = NULL;
  static char block[256];
  small.capacity = 4096;
  CHECK_EQUAL(millrace_producer_create(ring, &small, NULL, &producer), 0);
  struct millrace_consumer* consumer = Open(ring, MILLRACE_LOSSLESS);
  for (size_t i = 0; i < 64; ++i) {
    many[i].data = block;
    many[i].size = sizeof block;
  }
  CHECK_EQUAL(millrace_publish_many(producer, many, 64, 1000000, &sent), MILLRACE_SENT_TIMED_OUT);
  CHECK(sent > 4 && sent < 17);
  CHECK_EQUAL(millrace_try_publish(producer, block, sizeof block), MILLRACE_SENT_FULL);
  CHECK_EQUAL(millrace_publish(producer, block, sizeof block, 1000000), MILLRACE_SENT_TIMED_OUT);
  CHECK_EQUAL(millrace_try_claim(producer, sizeof block, &data), MILLRACE_SENT_FULL);
  CHECK(data == NULL);
  CHECK_EQUAL(millrace_batch_begin(producer, MILLRACE_PUBLISH_IN_PARTS), MILLRACE_SENT_OK);
  CHECK_EQUAL(millrace_batch_add(producer, block, sizeof block, 1000000), MILLRACE_SENT_TIMED_OUT);
  CHECK_EQUAL(millrace_batch_try_add(producer, block, sizeof block), MILLRACE_SENT_FULL);
  CHECK_EQUAL(millrace_batch_commit(producer), MILLRACE_SENT_OK);
  while (millrace_try_next(consumer, &message) == MILLRACE_GOT_MESSAGE) ++total;
  CHECK_EQUAL(total, sent);
  millrace_producer_free(producer);

  drop.on_full = MILLRACE_DROP_NEW;
  drop.label = "dropper";
  CHECK_EQUAL(millrace_producer_open(ring, &drop, &producer), 0);
  CHECK_EQUAL(millrace_publish_many(producer, many, 64, MILLRACE_FOREVER, &sent), MILLRACE_SENT_DROPPED);
  CHECK_EQUAL(millrace_producer_get_stats(producer, &stats), 0);
  CHECK_EQUAL(stats.dropped, 1);
  millrace_producer_free(producer);

  drop.on_full = MILLRACE_EVICT_SLOWEST;
  drop.evict_after_ns = 1;
  CHECK_EQUAL(millrace_producer_open_or_create(ring, NULL, &drop, &producer), 0);
  CHECK_EQUAL(millrace_publish_many(producer, many, 64, MILLRACE_FOREVER, &sent), MILLRACE_SENT_OK);
  CHECK_EQUAL(millrace_try_next(consumer, &message), MILLRACE_GOT_EVICTED);
  CHECK_EQUAL(millrace_consumer_status(consumer), MILLRACE_E_EVICTED);
  CHECK(strstr(millrace_error_text(), "evicted by the producer") != NULL);
  millrace_producer_free(producer);
  millrace_consumer_free(consumer);
}

void TestEnds(void) {
  const char* ring = NewRing();
  struct millrace_producer* producer = Create(ring);
  struct millrace_producer* second = NULL;
  struct millrace_consumer* consumer = NULL;
  struct millrace_consumer_options options = MILLRACE_CONSUMER_OPTIONS_INIT;
  struct millrace_message message;
  CHECK_EQUAL(millrace_producer_create(ring, NULL, NULL, &second), MILLRACE_E_EXISTS);
  CHECK(second == NULL && strstr(millrace_error_text(), ring) != NULL);

  // A producer that is gone without closing, then the next one, which continues and closes.
  options.report_producer_gone = 1;
  CHECK_EQUAL(millrace_consumer_open(ring, MILLRACE_LOSSLESS, &options, &consumer), 0);
  PublishText(producer, "before");
  millrace_producer_free(producer);
  ExpectText(consumer, "before");
  CHECK_EQUAL(millrace_next(consumer, &message, MILLRACE_FOREVER), MILLRACE_GOT_PRODUCER_GONE);
  CHECK_EQUAL(millrace_producer_open(ring, NULL, &producer), 0);
  CHECK_EQUAL(millrace_producer_next_sequence(producer), 1);
  PublishText(producer, "after");
  ExpectText(consumer, "after");
  CHECK_EQUAL(millrace_producer_close(producer), 0);
  CHECK_EQUAL(millrace_producer_close(producer), MILLRACE_E_CLOSED);
  CHECK_EQUAL(millrace_try_publish(producer, "x", 1), MILLRACE_SENT_CLOSED);
  CHECK_EQUAL(millrace_next(consumer, &message, MILLRACE_FOREVER), MILLRACE_GOT_CLOSED);
  CHECK_EQUAL(millrace_consumer_status(consumer), MILLRACE_E_CLOSED);
  millrace_producer_free(producer);

  CHECK_EQUAL(millrace_producer_open(ring, NULL, &producer), 0);
  CHECK_EQUAL(millrace_unlink(NULL, ring, false), MILLRACE_E_IN_USE);
  CHECK_EQUAL(millrace_unlink(NULL, ring, true), 0);
  CHECK_EQUAL(millrace_next(consumer, &message, MILLRACE_FOREVER), MILLRACE_GOT_REMOVED);
  CHECK_EQUAL(millrace_producer_check(producer), MILLRACE_E_REMOVED);
  millrace_producer_free(producer);
  millrace_consumer_free(consumer);
}

void TestPeers(void) {
  const char* ring = NewRing();
  struct millrace_consumer_options options = MILLRACE_CONSUMER_OPTIONS_INIT;
  struct millrace_consumer* consumer = NULL;
  struct millrace_message messages[16];
  char expected[32];
  size_t count = 0;
  int next = 0;

  // C++ publishes, C reads.
  int pid = StartPeer("publish", ring, "20000");
  options.open_timeout_ns = MILLRACE_FOREVER;
  CHECK_EQUAL(millrace_consumer_open(ring, MILLRACE_LOSSLESS, &options, &consumer), 0);
  while (millrace_read_many(consumer, messages, 16, MILLRACE_FOREVER, &count) == MILLRACE_GOT_MESSAGE) {
    for (size_t i = 0; i < count; ++i) {
      const int length = snprintf(expected, sizeof expected, "message %d", next++);
      CHECK(messages[i].size == (size_t)length && memcmp(messages[i].data, expected, messages[i].size) == 0);
      CHECK_EQUAL(messages[i].lost, 0);
    }
  }
  CHECK_EQUAL(next, 20000);
  CHECK_EQUAL(millrace_consumer_status(consumer), MILLRACE_E_CLOSED);
  millrace_consumer_free(consumer);
  JoinPeer(pid);

  // C publishes, C++ reads.
  ring = NewRing();
  struct millrace_producer* producer = Create(ring);
  pid = StartPeer("read", ring, "20000");
  CHECK(millrace_wait_for_consumers(producer, 1, MILLRACE_FOREVER));
  for (int i = 0; i < 20000; ++i) {
    void* data = NULL;
    CHECK_EQUAL(millrace_claim(producer, sizeof expected, MILLRACE_FOREVER, &data), MILLRACE_SENT_OK);
    const int length = snprintf((char*)data, sizeof expected, "message %d", i);
    CHECK_EQUAL(millrace_commit(producer, (size_t)length), MILLRACE_SENT_OK);
  }
  CHECK_EQUAL(millrace_producer_close(producer), 0);
  millrace_producer_free(producer);
  JoinPeer(pid);
}
