// SPDX-License-Identifier: Apache-2.0
// A writer in C: five messages, then the end of the stream.
//   millrace_c_writer          (start it before or after millrace_c_reader)
#include <millrace.h>
#include <stdio.h>

int main(void) {
  struct millrace_producer* writer = NULL;
  if (millrace_producer_open_or_create("c_greetings", NULL, NULL, &writer) != 0) {
    fprintf(stderr, "%s\n", millrace_error_text());
    return 1;
  }
  millrace_wait_for_consumers(writer, 1, MILLRACE_FOREVER);
  for (int i = 1; i <= 5; ++i) {
    void* room = NULL;  // inside the ring: the message is written in place
    if (millrace_claim(writer, 32, MILLRACE_FOREVER, &room) != MILLRACE_SENT_OK) return 1;
    const int length = snprintf(room, 32, "hello %d", i);
    if (millrace_commit(writer, (size_t)length) != MILLRACE_SENT_OK) return 1;
  }
  const int closed = millrace_producer_close(writer);  // says that the stream is complete
  millrace_producer_free(writer);
  return closed == 0 ? 0 : 1;
}
