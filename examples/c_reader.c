// SPDX-License-Identifier: Apache-2.0
// A reader in C: prints every message and why there is no further one.
//   millrace_c_reader          (start it before or after millrace_c_writer)
#include <millrace.h>
#include <stdio.h>

int main(void) {
  struct millrace_consumer_options options = MILLRACE_CONSUMER_OPTIONS_INIT;
  struct millrace_consumer* reader = NULL;
  struct millrace_message message;
  options.open_timeout_ns = MILLRACE_FOREVER;  // waits until the writer has created the ring
  if (millrace_consumer_open("c_greetings", MILLRACE_LOSSLESS, &options, &reader) != 0) {
    fprintf(stderr, "%s\n", millrace_error_text());
    return 1;
  }
  while (millrace_next(reader, &message, MILLRACE_FOREVER) == MILLRACE_GOT_MESSAGE) {
    printf("%llu: %.*s\n", (unsigned long long)message.sequence, (int)message.size, (const char*)message.data);
  }
  millrace_consumer_status(reader);
  fprintf(stderr, "%s\n", millrace_error_text());
  millrace_consumer_free(reader);
  return 0;
}
