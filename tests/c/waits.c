// SPDX-License-Identifier: Apache-2.0
// Waiting on many rings, descriptors, interrupts, and forked handles.
#include "check.h"  // first

#include <poll.h>
#include <pthread.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

struct seen {
  int messages, ends;
  uint8_t last;
  struct millrace_wait_set* set;        // asks for a wait inside the handler
  struct millrace_consumer* free_this;  // freed by the handler
};

static void Count(void* context, uint8_t got, const struct millrace_message* message) {
  struct seen* seen = (struct seen*)context;
  seen->last = got;
  CHECK((got == MILLRACE_GOT_MESSAGE) == (message != NULL));
  if (message != NULL) {
    ++seen->messages;
    CHECK_EQUAL(message->size, 1);
  } else {
    ++seen->ends;
  }
  if (seen->set != NULL) {
    CHECK_EQUAL(millrace_wait_set_wait(seen->set, 0), MILLRACE_GOT_BAD_ARGUMENT);
    millrace_wait_set_free(seen->set);  // takes effect when the wait returns
  }
  millrace_consumer_free(seen->free_this);
  seen->free_this = NULL;
}

void TestWaitSet(void) {
  const char* rings[2];
  struct millrace_producer* producers[2];
  struct millrace_consumer* consumers[2];
  struct seen seen[2];
  struct millrace_wait_set* set = NULL;
  memset(seen, 0, sizeof seen);
  CHECK_EQUAL(millrace_wait_set_create(&set), 0);
  CHECK_EQUAL(millrace_wait_set_wait(set, 0), MILLRACE_GOT_EMPTY);
  for (int i = 0; i < 2; ++i) {
    rings[i] = NewRing();
    producers[i] = Create(rings[i]);
    consumers[i] = Open(rings[i], i == 0 ? MILLRACE_LOSSLESS : MILLRACE_LOSSY);
    CHECK_EQUAL(millrace_wait_set_remove(set, consumers[i]), MILLRACE_E_NOT_FOUND);
    CHECK_EQUAL(millrace_wait_set_add(set, consumers[i], Count, &seen[i]), 0);
    CHECK_EQUAL(millrace_wait_set_add(set, consumers[i], Count, &seen[i]), MILLRACE_E_IN_USE);
  }
  CHECK_EQUAL(millrace_wait_set_size(set), 2);
  CHECK_EQUAL(millrace_wait_set_wait(set, 1000000), MILLRACE_GOT_TIMED_OUT);
  PublishText(producers[0], "a");
  PublishText(producers[1], "b");
  CHECK_EQUAL(millrace_wait_set_wait(set, MILLRACE_FOREVER), MILLRACE_GOT_MESSAGE);
  CHECK_EQUAL(millrace_wait_set_wait(set, MILLRACE_FOREVER), MILLRACE_GOT_MESSAGE);
  CHECK(seen[0].messages == 1 && seen[1].messages == 1);
  CHECK_EQUAL(millrace_producer_close(producers[0]), 0);
  CHECK_EQUAL(millrace_wait_set_wait(set, MILLRACE_FOREVER), MILLRACE_GOT_MESSAGE);
  CHECK_EQUAL(seen[0].ends, 1);
  CHECK_EQUAL(seen[0].last, MILLRACE_GOT_CLOSED);
  CHECK_EQUAL(millrace_wait_set_size(set), 1);
  CHECK_EQUAL(millrace_wait_set_remove(set, consumers[1]), 0);
  CHECK_EQUAL(millrace_wait_set_add(set, consumers[1], Count, &seen[1]), 0);

  // A handler may free its consumer and the set, and may not wait.
  seen[1].set = set;
  seen[1].free_this = consumers[1];
  PublishText(producers[1], "c");
  CHECK_EQUAL(millrace_wait_set_wait(set, MILLRACE_FOREVER), MILLRACE_GOT_MESSAGE);
  CHECK_EQUAL(seen[1].messages, 2);
  millrace_consumer_free(consumers[0]);
  millrace_producer_free(producers[0]);
  millrace_producer_free(producers[1]);

  CHECK_EQUAL(millrace_wait_set_create(&set), 0);
  millrace_wait_set_interrupt(set);
  CHECK_EQUAL(millrace_wait_set_wait(set, MILLRACE_FOREVER), MILLRACE_GOT_INTERRUPTED);
  millrace_wait_set_free(set);
}

void TestMerge(void) {
  const char* rings[3];
  struct millrace_producer* producers[3];
  struct millrace_consumer* consumers[3];
  struct millrace_merge* merge = NULL;
  struct millrace_wait_set* set = NULL;
  struct millrace_message message;
  uint32_t source = 99;
  CHECK_EQUAL(millrace_merge_create(&merge), 0);
  CHECK_EQUAL(millrace_merge_next(merge, &message, 0), MILLRACE_GOT_EMPTY);
  CHECK_EQUAL(message.source, MILLRACE_NO_SOURCE);
  for (uint32_t i = 0; i < 3; ++i) {
    rings[i] = NewRing();
    producers[i] = Create(rings[i]);
    consumers[i] = Open(rings[i], MILLRACE_LOSSLESS);
    CHECK_EQUAL(millrace_merge_add(merge, consumers[i], &source), 0);
    CHECK_EQUAL(source, i);
    CHECK_EQUAL(millrace_merge_add(merge, consumers[i], NULL), MILLRACE_E_IN_USE);
    CHECK(millrace_merge_consumer(merge, i) == consumers[i]);
  }
  CHECK(millrace_merge_consumer(merge, 3) == NULL);
  CHECK_EQUAL(millrace_merge_size(merge), 3);
  CHECK_EQUAL(millrace_wait_set_create(&set), 0);
  CHECK_EQUAL(millrace_wait_set_add(set, consumers[0], Count, NULL), MILLRACE_E_IN_USE);
  millrace_wait_set_free(set);

  PublishText(producers[2], "from two");
  CHECK_EQUAL(millrace_merge_next(merge, &message, MILLRACE_FOREVER), MILLRACE_GOT_MESSAGE);
  CHECK(message.source == 2 && message.size == 8 && memcmp(message.data, "from two", 8) == 0);
  millrace_merge_ack(merge);
  CHECK_EQUAL(millrace_merge_next(merge, &message, 0), MILLRACE_GOT_TIMED_OUT);
  CHECK_EQUAL(millrace_producer_close(producers[1]), 0);
  CHECK_EQUAL(millrace_merge_next(merge, &message, MILLRACE_FOREVER), MILLRACE_GOT_CLOSED);
  CHECK_EQUAL(message.source, 1);
  CHECK_EQUAL(millrace_consumer_status(consumers[1]), MILLRACE_E_CLOSED);
  CHECK_EQUAL(millrace_consumer_next_sequence(consumers[2]), 1);
  CHECK_EQUAL(millrace_merge_size(merge), 2);

  // A consumer that was taken out belongs to the caller again and reads on.
  CHECK_EQUAL(millrace_merge_remove(merge, consumers[0]), 0);
  CHECK_EQUAL(millrace_merge_remove(merge, consumers[0]), MILLRACE_E_NOT_FOUND);
  PublishText(producers[0], "again");
  ExpectText(consumers[0], "again");
  CHECK_EQUAL(millrace_merge_add(merge, consumers[0], &source), 0);
  CHECK_EQUAL(source, 3);
  millrace_consumer_free(consumers[0]);  // leaves the merge
  CHECK(millrace_merge_consumer(merge, 3) == NULL);
  CHECK_EQUAL(millrace_merge_size(merge), 1);
  millrace_merge_interrupt(merge);
  CHECK_EQUAL(millrace_merge_next(merge, &message, MILLRACE_FOREVER), MILLRACE_GOT_INTERRUPTED);
  millrace_merge_free(merge);  // and the two consumers in it
  for (int i = 0; i < 3; ++i) millrace_producer_free(producers[i]);
}

void TestEventFd(void) {
  const char* ring = NewRing();
  struct millrace_producer* producer = Create(ring);
  struct millrace_consumer* consumer = Open(ring, MILLRACE_LOSSLESS);
  struct millrace_message message;
  struct pollfd wait;
  wait.fd = millrace_event_fd(consumer);
  wait.events = POLLIN;
  CHECK(wait.fd >= 0);
  CHECK_EQUAL(millrace_try_next(consumer, &message), MILLRACE_GOT_EMPTY);
  PublishText(producer, "wake");
  CHECK_EQUAL(poll(&wait, 1, -1), 1);
  CHECK_EQUAL(millrace_try_next(consumer, &message), MILLRACE_GOT_MESSAGE);
  CHECK_EQUAL(millrace_producer_close(producer), 0);
  do {
    CHECK_EQUAL(poll(&wait, 1, -1), 1);
  } while (millrace_try_next(consumer, &message) == MILLRACE_GOT_EMPTY);
  CHECK_EQUAL(millrace_consumer_status(consumer), MILLRACE_E_CLOSED);
  close(wait.fd);
  millrace_consumer_free(consumer);
  millrace_producer_free(producer);
}

static void* InterruptConsumer(void* consumer) {
  millrace_consumer_interrupt((struct millrace_consumer*)consumer);
  return NULL;
}

static bool Cancel(void* context) { return ++*(int*)context > 1; }

void TestInterrupts(void) {
  const char* ring = NewRing();
  struct millrace_producer* producer = Create(ring);
  struct millrace_consumer* consumer = Open(ring, MILLRACE_LOSSLESS);
  struct millrace_consumer_options options = MILLRACE_CONSUMER_OPTIONS_INIT;
  struct millrace_consumer* none = NULL;
  struct millrace_message message;
  void* data = NULL;
  size_t count = 0;
  int calls = 0;
  pthread_t thread;
  CHECK_EQUAL(pthread_create(&thread, NULL, InterruptConsumer, consumer), 0);
  CHECK_EQUAL(millrace_next(consumer, &message, MILLRACE_FOREVER), MILLRACE_GOT_INTERRUPTED);
  pthread_join(thread, NULL);
  CHECK_EQUAL(millrace_read_many(consumer, &message, 1, MILLRACE_FOREVER, &count), MILLRACE_GOT_INTERRUPTED);
  CHECK_EQUAL(millrace_consumer_status(consumer), MILLRACE_E_INTERRUPTED);
  CHECK_EQUAL(millrace_try_publish(producer, "x", 1), MILLRACE_SENT_OK);
  CHECK_EQUAL(millrace_try_next(consumer, &message), MILLRACE_GOT_MESSAGE);

  millrace_producer_interrupt(producer);
  CHECK_EQUAL(millrace_publish(producer, "x", 1, MILLRACE_FOREVER), MILLRACE_SENT_INTERRUPTED);
  CHECK_EQUAL(millrace_claim(producer, 1, MILLRACE_FOREVER, &data), MILLRACE_SENT_INTERRUPTED);
  struct millrace_bytes bytes = {"x", 1};
  CHECK_EQUAL(millrace_publish_many(producer, &bytes, 1, MILLRACE_FOREVER, &count),
              MILLRACE_SENT_INTERRUPTED);
  CHECK(!millrace_wait_for_consumers(producer, 2, MILLRACE_FOREVER));
  millrace_consumer_free(consumer);
  millrace_producer_free(producer);

  options.open_timeout_ns = MILLRACE_FOREVER;
  options.cancel_open = Cancel;
  options.cancel_context = &calls;
  CHECK_EQUAL(millrace_consumer_open(NewRing(), MILLRACE_OBSERVER, &options, &none), MILLRACE_E_INTERRUPTED);
  CHECK_EQUAL(calls, 2);
  options.cancel_open = NULL;
  options.open_timeout_ns = 0;
  CHECK_EQUAL(millrace_consumer_open(NewRing(), MILLRACE_OBSERVER, &options, &none), MILLRACE_E_NOT_FOUND);
}

void TestFork(void) {
  const char* ring = NewRing();
  struct millrace_producer* producer = Create(ring);
  struct millrace_consumer* consumer = Open(ring, MILLRACE_LOSSLESS);
  struct millrace_message message;
  void* data = NULL;
  int status = 0;
  CHECK_EQUAL(millrace_claim(producer, 8, 0, &data), MILLRACE_SENT_OK);
  const pid_t pid = fork();
  if (pid == 0) {
    CHECK_EQUAL(millrace_commit(producer, 8), MILLRACE_SENT_FORKED);
    CHECK_EQUAL(millrace_try_publish(producer, "x", 1), MILLRACE_SENT_FORKED);
    CHECK_EQUAL(millrace_publish(producer, "x", 1, MILLRACE_FOREVER), MILLRACE_SENT_FORKED);
    CHECK_EQUAL(millrace_producer_close(producer), MILLRACE_E_FORKED);
    CHECK_EQUAL(millrace_try_next(consumer, &message), MILLRACE_GOT_FORKED);
    CHECK_EQUAL(millrace_consumer_status(consumer), MILLRACE_E_FORKED);
    CHECK_EQUAL(millrace_event_fd(consumer), MILLRACE_E_FORKED);
    millrace_consumer_free(consumer);
    millrace_producer_free(producer);
    _exit(0);
  }
  CHECK_EQUAL(waitpid(pid, &status, 0), pid);
  CHECK_EQUAL(status, 0);
  memcpy(data, "8 bytes!", 8);
  CHECK_EQUAL(millrace_commit(producer, 8), MILLRACE_SENT_OK);
  ExpectText(consumer, "8 bytes!");
  millrace_consumer_free(consumer);
  millrace_producer_free(producer);
}
