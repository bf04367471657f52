// SPDX-License-Identifier: Apache-2.0
// Hostile arguments, structs of other sizes, and the texts of errors.
#include "check.h"  // first

#include <pthread.h>

static void NoHandler(void* context, uint8_t got, const struct millrace_message* message) {
  (void)context, (void)got, (void)message;
}

void TestMisuse(void) {
  const char* ring = NewRing();
  struct millrace_producer* producer = Create(ring);
  struct millrace_consumer* consumer = Open(ring, MILLRACE_LOSSLESS);
  struct millrace_producer* no_producer = NULL;
  struct millrace_consumer* no_consumer = NULL;
  struct millrace_wait_set* set = NULL;
  struct millrace_merge* merge = NULL;
  struct millrace_ring_info* info = NULL;
  struct millrace_message message;
  struct millrace_producer_stats sent = MILLRACE_PRODUCER_STATS_INIT;
  struct millrace_consumer_stats read = MILLRACE_CONSUMER_STATS_INIT;
  struct millrace_producer_info about = MILLRACE_PRODUCER_INFO_INIT;
  struct millrace_bytes no_bytes = {NULL, 5};
  struct millrace_stale nothing;
  void* data = NULL;
  size_t count = 0;
  const int kBad = MILLRACE_E_BAD_ARGUMENT;

  CHECK_EQUAL(millrace_producer_create(NULL, NULL, NULL, &no_producer), kBad);
  CHECK_EQUAL(millrace_producer_create(ring, NULL, NULL, NULL), kBad);
  CHECK_EQUAL(millrace_producer_create("../x", NULL, NULL, &no_producer), MILLRACE_E_BAD_NAME);
  CHECK_EQUAL(millrace_producer_create("", NULL, NULL, &no_producer), MILLRACE_E_BAD_NAME);
  CHECK_EQUAL(millrace_producer_open(NULL, NULL, &no_producer), kBad);
  CHECK_EQUAL(millrace_producer_open(ring, NULL, NULL), kBad);
  CHECK_EQUAL(millrace_producer_open_or_create(NULL, NULL, NULL, &no_producer), kBad);
  CHECK_EQUAL(millrace_producer_open_or_create(ring, NULL, NULL, NULL), kBad);
  CHECK_EQUAL(millrace_producer_close(NULL), 0);
  millrace_producer_free(NULL);
  CHECK_EQUAL(millrace_try_publish(NULL, "x", 1), MILLRACE_SENT_BAD_ARGUMENT);
  CHECK_EQUAL(millrace_try_publish(producer, NULL, 1), MILLRACE_SENT_BAD_ARGUMENT);
  CHECK_EQUAL(millrace_publish(NULL, "x", 1, 0), MILLRACE_SENT_BAD_ARGUMENT);
  CHECK_EQUAL(millrace_publish(producer, NULL, 1, 0), MILLRACE_SENT_BAD_ARGUMENT);
  CHECK_EQUAL(millrace_publish(producer, "x", SIZE_MAX, 0), MILLRACE_SENT_TOO_LARGE);
  CHECK_EQUAL(millrace_publish_many(NULL, &no_bytes, 1, 0, &count), MILLRACE_SENT_BAD_ARGUMENT);
  CHECK_EQUAL(millrace_publish_many(producer, NULL, 1, 0, &count), MILLRACE_SENT_BAD_ARGUMENT);
  CHECK_EQUAL(millrace_publish_many(producer, &no_bytes, 1, 0, &count), MILLRACE_SENT_BAD_ARGUMENT);
  CHECK_EQUAL(millrace_try_claim(NULL, 1, &data), MILLRACE_SENT_BAD_ARGUMENT);
  CHECK_EQUAL(millrace_try_claim(producer, 1, NULL), MILLRACE_SENT_BAD_ARGUMENT);
  CHECK_EQUAL(millrace_claim(NULL, 1, 0, &data), MILLRACE_SENT_BAD_ARGUMENT);
  CHECK_EQUAL(millrace_claim(producer, 1, 0, NULL), MILLRACE_SENT_BAD_ARGUMENT);
  CHECK_EQUAL(millrace_try_claim(producer, SIZE_MAX, &data), MILLRACE_SENT_TOO_LARGE);
  CHECK_EQUAL(millrace_commit(NULL, 0), MILLRACE_SENT_BAD_ARGUMENT);
  millrace_abort(NULL);
  CHECK_EQUAL(millrace_batch_begin(NULL, 0), MILLRACE_SENT_BAD_ARGUMENT);
  CHECK_EQUAL(millrace_batch_try_add(NULL, "x", 1), MILLRACE_SENT_BAD_ARGUMENT);
  CHECK_EQUAL(millrace_batch_add(NULL, "x", 1, 0), MILLRACE_SENT_BAD_ARGUMENT);
  CHECK_EQUAL(millrace_batch_commit(NULL), MILLRACE_SENT_BAD_ARGUMENT);
  millrace_batch_abort(NULL);
  CHECK_EQUAL(millrace_batch_size(NULL), 0);
  CHECK_EQUAL(millrace_batch_begin(producer, 0), MILLRACE_SENT_OK);
  CHECK_EQUAL(millrace_batch_try_add(producer, NULL, 1), MILLRACE_SENT_BAD_ARGUMENT);
  millrace_batch_abort(producer);
  CHECK_EQUAL(millrace_producer_check(NULL), kBad);
  CHECK(!millrace_wait_for_consumers(NULL, 0, 0));
  CHECK_EQUAL(millrace_producer_next_sequence(NULL), 0);
  CHECK_EQUAL(millrace_max_message(NULL), 0);
  CHECK_EQUAL(millrace_producer_get_stats(NULL, &sent), kBad);
  CHECK_EQUAL(millrace_producer_get_stats(producer, NULL), kBad);
  millrace_producer_interrupt(NULL);

  CHECK_EQUAL(millrace_consumer_open(NULL, MILLRACE_LOSSY, NULL, &no_consumer), kBad);
  CHECK_EQUAL(millrace_consumer_open(ring, MILLRACE_LOSSY, NULL, NULL), kBad);
  CHECK_EQUAL(millrace_consumer_open(ring, 0, NULL, &no_consumer), kBad);
  CHECK_EQUAL(millrace_consumer_open(ring, 5, NULL, &no_consumer), kBad);
  CHECK_EQUAL(millrace_consumer_open(ring, MILLRACE_GROUP, NULL, &no_consumer), kBad);
  millrace_consumer_free(NULL);
  CHECK_EQUAL(millrace_try_next(NULL, &message), MILLRACE_GOT_BAD_ARGUMENT);
  CHECK_EQUAL(millrace_try_next(consumer, NULL), MILLRACE_GOT_BAD_ARGUMENT);
  CHECK_EQUAL(millrace_next(NULL, &message, 0), MILLRACE_GOT_BAD_ARGUMENT);
  CHECK_EQUAL(millrace_next(consumer, NULL, 0), MILLRACE_GOT_BAD_ARGUMENT);
  CHECK_EQUAL(millrace_read_many(NULL, &message, 1, 0, &count), MILLRACE_GOT_BAD_ARGUMENT);
  CHECK_EQUAL(millrace_read_many(consumer, NULL, 1, 0, &count), MILLRACE_GOT_BAD_ARGUMENT);
  CHECK_EQUAL(millrace_read_many(consumer, &message, 0, 0, &count), MILLRACE_GOT_BAD_ARGUMENT);
  CHECK_EQUAL(millrace_read_many(consumer, &message, 1, 0, NULL), MILLRACE_GOT_BAD_ARGUMENT);
  millrace_ack(NULL);
  CHECK(!millrace_still_intact(NULL));
  CHECK_EQUAL(millrace_skip_to(NULL, 0, 0), kBad);
  CHECK_EQUAL(millrace_event_fd(NULL), kBad);
  CHECK_EQUAL(millrace_consumer_status(NULL), kBad);
  CHECK_EQUAL(millrace_consumer_next_sequence(NULL), 0);
  CHECK_EQUAL(millrace_consumer_get_stats(NULL, &read), kBad);
  CHECK_EQUAL(millrace_consumer_get_stats(consumer, NULL), kBad);
  CHECK_EQUAL(millrace_consumer_get_producer(NULL, &about), kBad);
  CHECK_EQUAL(millrace_consumer_get_producer(consumer, NULL), kBad);
  millrace_consumer_interrupt(NULL);

  CHECK_EQUAL(millrace_wait_set_create(NULL), kBad);
  CHECK_EQUAL(millrace_wait_set_create(&set), 0);
  CHECK_EQUAL(millrace_wait_set_add(NULL, consumer, NoHandler, NULL), kBad);
  CHECK_EQUAL(millrace_wait_set_add(set, NULL, NoHandler, NULL), kBad);
  CHECK_EQUAL(millrace_wait_set_add(set, consumer, NULL, NULL), kBad);
  CHECK_EQUAL(millrace_wait_set_remove(NULL, consumer), kBad);
  CHECK_EQUAL(millrace_wait_set_remove(set, NULL), kBad);
  CHECK_EQUAL(millrace_wait_set_wait(NULL, 0), MILLRACE_GOT_BAD_ARGUMENT);
  CHECK_EQUAL(millrace_wait_set_size(NULL), 0);
  millrace_wait_set_interrupt(NULL);
  millrace_wait_set_free(NULL);
  millrace_wait_set_free(set);
  CHECK_EQUAL(millrace_merge_create(NULL), kBad);
  CHECK_EQUAL(millrace_merge_create(&merge), 0);
  CHECK_EQUAL(millrace_merge_add(NULL, consumer, NULL), kBad);
  CHECK_EQUAL(millrace_merge_add(merge, NULL, NULL), kBad);
  CHECK_EQUAL(millrace_merge_remove(NULL, consumer), kBad);
  CHECK_EQUAL(millrace_merge_remove(merge, NULL), kBad);
  CHECK_EQUAL(millrace_merge_remove(merge, consumer), MILLRACE_E_NOT_FOUND);
  CHECK(millrace_merge_consumer(NULL, 0) == NULL);
  CHECK_EQUAL(millrace_merge_next(NULL, &message, 0), MILLRACE_GOT_BAD_ARGUMENT);
  CHECK_EQUAL(millrace_merge_next(merge, NULL, 0), MILLRACE_GOT_BAD_ARGUMENT);
  millrace_merge_ack(NULL);
  CHECK_EQUAL(millrace_merge_size(NULL), 0);
  millrace_merge_interrupt(NULL);
  millrace_merge_free(NULL);
  millrace_merge_free(merge);

  CHECK_EQUAL(millrace_list(NULL, NULL), kBad);
  CHECK_EQUAL(millrace_inspect(NULL, NULL, &info), kBad);
  CHECK_EQUAL(millrace_inspect(NULL, ring, NULL), kBad);
  CHECK_EQUAL(millrace_create(NULL, NULL, NULL), kBad);
  CHECK_EQUAL(millrace_unlink(NULL, NULL, true), kBad);
  CHECK_EQUAL(millrace_find_stale(NULL, 0, NULL), kBad);
  CHECK_EQUAL(millrace_prune(NULL, NULL), kBad);
  memset(&nothing, 0, sizeof nothing);
  CHECK_EQUAL(millrace_prune(NULL, &nothing), kBad);
  nothing.size = sizeof nothing;
  CHECK_EQUAL(millrace_prune(NULL, &nothing), kBad);
  CHECK_EQUAL(millrace_evict(NULL, NULL, 0, 0), kBad);
  CHECK_EQUAL(millrace_remove_group(NULL, NULL, "g"), kBad);
  CHECK_EQUAL(millrace_remove_group(NULL, ring, NULL), kBad);
  CHECK_EQUAL(millrace_set(NULL, NULL, NULL), kBad);
  millrace_ring_list_free(NULL);
  millrace_ring_info_free(NULL);
  millrace_stale_list_free(NULL);

  // The handles have survived all of that.
  PublishText(producer, "still there");
  ExpectText(consumer, "still there");
  millrace_consumer_free(consumer);
  millrace_producer_free(producer);
}

void TestGrowth(void) {
  const char* ring = NewRing();
  struct millrace_producer* producer = NULL;
  struct {
    struct millrace_ring_options known;
    uint64_t unknown;
  } newer;
  struct {
    struct millrace_producer_stats known;
    uint64_t unknown;
  } stats;
  memset(&newer, 0, sizeof newer);
  newer.known.capacity = 4096;
  newer.known.seats = 3;

  // A size that no initialiser gives.
  CHECK_EQUAL(millrace_producer_create(ring, &newer.known, NULL, &producer), MILLRACE_E_BAD_ARGUMENT);
  CHECK(strstr(millrace_error_text(), "MILLRACE_*_INIT") != NULL);
  newer.known.size = sizeof(size_t) - 1;
  CHECK_EQUAL(millrace_producer_create(ring, &newer.known, NULL, &producer), MILLRACE_E_BAD_ARGUMENT);
  newer.known.size = SIZE_MAX;
  CHECK_EQUAL(millrace_producer_create(ring, &newer.known, NULL, &producer), MILLRACE_E_BAD_ARGUMENT);

  // A program of an older header: what it does not know has its default.
  newer.known.size = offsetof(struct millrace_ring_options, seats);
  CHECK_EQUAL(millrace_producer_create(ring, &newer.known, NULL, &producer), 0);
  struct millrace_ring_info* info = NULL;
  CHECK_EQUAL(millrace_inspect(NULL, ring, &info), 0);
  CHECK_EQUAL(info->capacity, 4096);
  CHECK_EQUAL(info->seats, 64);
  millrace_ring_info_free(info);

  memset(&stats, 0xff, sizeof stats);
  stats.known.size = offsetof(struct millrace_producer_stats, bytes);
  CHECK_EQUAL(millrace_producer_get_stats(producer, &stats.known), 0);
  CHECK_EQUAL(stats.known.published, 0);
  CHECK(stats.known.bytes == UINT64_MAX);  // not touched
  millrace_producer_free(producer);

  // A program of a newer header: accepted if it sets nothing that the library lacks.
  ring = NewRing();
  newer.known.size = sizeof newer;
  newer.unknown = 1;
  CHECK_EQUAL(millrace_producer_create(ring, &newer.known, NULL, &producer), MILLRACE_E_BAD_ARGUMENT);
  CHECK(producer == NULL && strstr(millrace_error_text(), "newer library") != NULL);
  newer.unknown = 0;
  CHECK_EQUAL(millrace_producer_create(ring, &newer.known, NULL, &producer), 0);
  stats.known.size = sizeof stats;
  CHECK_EQUAL(millrace_producer_get_stats(producer, &stats.known), 0);
  CHECK_EQUAL(stats.known.bytes, 0);
  CHECK_EQUAL(stats.unknown, 0);
  CHECK_EQUAL(stats.known.size, sizeof stats);
  millrace_producer_free(producer);
}

static void* TextOfThread(void* unused) {
  (void)unused;
  CHECK(strcmp(millrace_error_text(), "") == 0);
  CHECK_EQUAL(millrace_unlink(NULL, "not/a/name", false), MILLRACE_E_BAD_NAME);
  CHECK(strlen(millrace_error_text()) > 0);
  return NULL;
}

void TestTexts(void) {
  struct millrace_consumer* consumer = NULL;
  struct millrace_producer* producer = NULL;
  char before[256];
  static char long_directory[4000];
  pthread_t thread;
  CHECK_EQUAL(millrace_version(), MILLRACE_VERSION);
  CHECK_EQUAL(millrace_consumer_open("no-such-ring-of-the-c-tests", MILLRACE_LOSSY, NULL, &consumer),
              MILLRACE_E_NOT_FOUND);
  CHECK(strstr(millrace_error_text(), "no-such-ring-of-the-c-tests") != NULL);
  CHECK(strlen(millrace_error_text()) < sizeof before);
  strcpy(before, millrace_error_text());
  // The text belongs to the thread, and a call that succeeds keeps it.
  CHECK_EQUAL(pthread_create(&thread, NULL, TextOfThread, NULL), 0);
  CHECK_EQUAL(pthread_join(thread, NULL), 0);
  producer = Create(NewRing());
  CHECK(strcmp(before, millrace_error_text()) == 0);
  millrace_producer_free(producer);
  // A long text is cut.
  memset(long_directory, 'd', sizeof long_directory - 1);
  long_directory[0] = '/';
  CHECK(millrace_unlink(long_directory, "ring", false) < 0);
  CHECK(strlen(millrace_error_text()) < 2048);

  // The C library has a stand-in for Abseil. Its texts are those of C++.
  const char* ring = NewRing();
  struct millrace_ring_options options = MILLRACE_RING_OPTIONS_INIT;
  CHECK_EQUAL(millrace_producer_open(ring, NULL, &producer), MILLRACE_E_NOT_FOUND);
  ExpectTextOfPeer("missing", ring);
  CHECK_EQUAL(millrace_producer_open("bad name", NULL, &producer), MILLRACE_E_BAD_NAME);
  ExpectTextOfPeer("missing", "bad name");
  options.capacity = 5000;
  CHECK_EQUAL(millrace_producer_create(ring, &options, NULL, &producer), MILLRACE_E_BAD_ARGUMENT);
  ExpectTextOfPeer("capacity", ring);
  options.capacity = 0;
  options.max_message = 1 << 30;
  CHECK_EQUAL(millrace_producer_create(ring, &options, NULL, &producer), MILLRACE_E_BAD_ARGUMENT);
  ExpectTextOfPeer("max_message", ring);
  CHECK_EQUAL(millrace_create(NULL, ring, NULL), 0);
  CHECK_EQUAL(millrace_producer_create(ring, NULL, NULL, &producer), MILLRACE_E_EXISTS);
  ExpectTextOfPeer("exists", ring);
  CHECK_EQUAL(millrace_unlink(NULL, ring, true), 0);
  char path[128];
  snprintf(path, sizeof path, "/dev/shm/%s.ring", ring);
  FILE* const foreign = fopen(path, "w");
  CHECK(foreign != NULL);
  for (int i = 0; i < 8192; ++i) fputc("\x01\tA\"\xff"[i % 5], foreign);
  CHECK_EQUAL(fclose(foreign), 0);
  struct millrace_ring_info* info = NULL;
  CHECK_EQUAL(millrace_inspect(NULL, ring, &info), MILLRACE_E_NOT_A_RING);
  ExpectTextOfPeer("foreign", ring);
  remove(path);

  for (int error = 0; error >= MILLRACE_E_NO_MEMORY; --error)
    CHECK(strncmp(millrace_error_name(error), error == 0 ? "MILLRACE_OK" : "MILLRACE_E_", 11) == 0);
  CHECK(strcmp(millrace_error_name(MILLRACE_E_NO_MEMORY), "MILLRACE_E_NO_MEMORY") == 0);
  CHECK(strcmp(millrace_error_name(1), "unknown") == 0);
  CHECK(strcmp(millrace_error_name(MILLRACE_E_NO_MEMORY - 1), "unknown") == 0);
  CHECK(strcmp(millrace_error_name(INT32_MIN), "unknown") == 0);
  CHECK(strcmp(millrace_sent_name(MILLRACE_SENT_BAD_ARGUMENT), "MILLRACE_SENT_BAD_ARGUMENT") == 0);
  CHECK(strcmp(millrace_sent_name(MILLRACE_SENT_DROPPED), "MILLRACE_SENT_DROPPED") == 0);
  CHECK(strcmp(millrace_sent_name(10), "unknown") == 0);
  CHECK(strcmp(millrace_got_name(MILLRACE_GOT_NO_MEMORY), "MILLRACE_GOT_NO_MEMORY") == 0);
  CHECK(strcmp(millrace_got_name(MILLRACE_GOT_CLOSED), "MILLRACE_GOT_CLOSED") == 0);
  CHECK(strcmp(millrace_got_name(MILLRACE_GOT_BAD_ARGUMENT), "MILLRACE_GOT_BAD_ARGUMENT") == 0);
  CHECK(strcmp(millrace_got_name(11), "unknown") == 0);
}
