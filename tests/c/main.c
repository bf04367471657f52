// SPDX-License-Identifier: Apache-2.0
// Tests of the C interface. Usage: c_tests PEER [TEST]     (PEER: the C++ program peer.cc)
#include "check.h"  // first

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

unsigned long checks = 0;

static const char* peer = NULL;
static char rings[64][64];
static int ring_count = 0;
static pid_t first_process = 0;

const char* NewRing(void) {
  char* name = rings[ring_count];
  CHECK(ring_count < 64);
  snprintf(name, sizeof rings[0], "c_test-%d-%d", (int)getpid(), ring_count);
  ++ring_count;
  return name;
}

static void RemoveRings(void) {
  if (getpid() != first_process) return;
  for (int i = 0; i < ring_count; ++i) (void)millrace_unlink(NULL, rings[i], true);
}

struct millrace_producer* Create(const char* ring) {
  struct millrace_producer* producer = NULL;
  CHECK_EQUAL(millrace_producer_create(ring, NULL, NULL, &producer), 0);
  return producer;
}

struct millrace_consumer* Open(const char* ring, uint32_t delivery) {
  struct millrace_consumer* consumer = NULL;
  struct millrace_consumer_options options = MILLRACE_CONSUMER_OPTIONS_INIT;
  options.start = MILLRACE_START_OLDEST;
  if (delivery == MILLRACE_GROUP) options.group = "workers";
  CHECK_EQUAL(millrace_consumer_open(ring, delivery, &options, &consumer), 0);
  return consumer;
}

int StartPeer(const char* command, const char* ring, const char* count) {
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    execl(peer, peer, command, ring, count, (char*)NULL);
    _exit(127);
  }
  return (int)pid;
}

void JoinPeer(int pid) {
  int status = 0;
  CHECK_EQUAL(waitpid((pid_t)pid, &status, 0), pid);
  CHECK_EQUAL(status, 0);
}

void ExpectTextOfPeer(const char* failure, const char* ring) {
  char command[512], text[2048] = "";
  snprintf(command, sizeof command, "'%s' %s '%s' 0", peer, failure, ring);
  FILE* const output = popen(command, "r");
  CHECK(output != NULL);
  CHECK(fgets(text, sizeof text, output) != NULL);
  CHECK_EQUAL(pclose(output), 0);
  if (strcmp(text, millrace_error_text()) != 0) fprintf(stderr, "C++ says: %s\n", text);
  CHECK(strcmp(text, millrace_error_text()) == 0);
}

void PublishText(struct millrace_producer* producer, const char* text) {
  CHECK_EQUAL(millrace_publish(producer, text, strlen(text), MILLRACE_FOREVER), MILLRACE_SENT_OK);
}

void ExpectText(struct millrace_consumer* consumer, const char* text) {
  struct millrace_message message;
  CHECK_EQUAL(millrace_next(consumer, &message, MILLRACE_FOREVER), MILLRACE_GOT_MESSAGE);
  CHECK_EQUAL(message.size, strlen(text));
  CHECK(memcmp(message.data, text, message.size) == 0);
}

int main(int argc, char** argv) {
  static const struct {
    const char* name;
    void (*run)(void);
  } kTests[] = {
      {"messages", TestMessages},     {"claims", TestClaims},
      {"batches", TestBatches},       {"many", TestMany},
      {"deliveries", TestDeliveries}, {"starts", TestStarts},
      {"full_ring", TestFullRing},    {"ends", TestEnds},
      {"peers", TestPeers},           {"wait_set", TestWaitSet},
      {"merge", TestMerge},           {"event_fd", TestEventFd},
      {"interrupts", TestInterrupts}, {"fork", TestFork},
      {"rings", TestRings},           {"stale", TestStale},
      {"eviction", TestEviction},     {"schema_and_access", TestSchemaAndAccess},
      {"misuse", TestMisuse},         {"growth", TestGrowth},
      {"texts", TestTexts},
  };
  int run = 0;
  if (argc < 2) return 2;
  peer = argv[1];
  first_process = getpid();
  atexit(RemoveRings);
  alarm(120);  // a test that hangs fails
  for (size_t i = 0; i < sizeof kTests / sizeof kTests[0]; ++i) {
    if (argc > 2 && strcmp(argv[2], kTests[i].name) != 0) continue;
    kTests[i].run();
    ++run;
  }
  printf("%d tests, %lu checks\n", run, checks);
  return run > 0 && checks > 0 ? 0 : 1;
}
