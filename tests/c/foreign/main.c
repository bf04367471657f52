// SPDX-License-Identifier: Apache-2.0
// A program with an Abseil of its own (see foreign_abseil_test.sh): messages, texts, lists.
#include <millrace.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void) {
  char ring[64];
  struct millrace_producer* producer = NULL;
  struct millrace_consumer* consumer = NULL;
  struct millrace_ring_list* list = NULL;
  struct millrace_message message;
  snprintf(ring, sizeof ring, "c_test-foreign-%d", (int)getpid());
  if (millrace_consumer_open(ring, MILLRACE_LOSSLESS, NULL, &consumer) != MILLRACE_E_NOT_FOUND) return 1;
  if (strstr(millrace_error_text(), ring) == NULL) return 2;
  if (millrace_producer_create(ring, NULL, NULL, &producer) != 0) return 3;
  if (millrace_consumer_open(ring, MILLRACE_LOSSLESS, NULL, &consumer) != 0) return 4;
  if (millrace_publish(producer, "hello", 5, MILLRACE_FOREVER) != MILLRACE_SENT_OK) return 5;
  if (millrace_next(consumer, &message, MILLRACE_FOREVER) != MILLRACE_GOT_MESSAGE) return 6;
  if (message.size != 5 || memcmp(message.data, "hello", 5) != 0) return 7;
  if (millrace_list(NULL, &list) != 0 || list->count == 0) return 8;
  millrace_ring_list_free(list);
  millrace_consumer_free(consumer);
  millrace_producer_free(producer);
  if (millrace_unlink(NULL, ring, false) != 0) return 9;
  puts("one message, one list, one error text");
  return 0;
}
