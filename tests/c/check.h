// SPDX-License-Identifier: Apache-2.0
// What the tests of the C interface share. Everything here is C11 and C++17.
#ifndef MILLRACE_TESTS_C_CHECK_H_
#define MILLRACE_TESTS_C_CHECK_H_

#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // C11 alone has no processes; g++ defines it
#endif

#include <millrace.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

// Ends the program with the place, the condition and the text of the last error, unless the condition holds.
#define CHECK(condition)                                                                     \
  do {                                                                                       \
    ++checks;                                                                                \
    if (!(condition)) {                                                                      \
      fprintf(stderr, "FAILED %s:%d: %s (last error: %s)\n", __FILE__, __LINE__, #condition, \
              millrace_error_text());                                                        \
      exit(1);                                                                               \
    }                                                                                        \
  } while (0)
#define CHECK_EQUAL(a, b)                                                                                    \
  do {                                                                                                       \
    const long long left = (long long)(a), right = (long long)(b);                                           \
    ++checks;                                                                                                \
    if (left != right) {                                                                                     \
      fprintf(stderr, "FAILED %s:%d: %s is %lld, expected %s = %lld (last error: %s)\n", __FILE__, __LINE__, \
              #a, left, #b, right, millrace_error_text());                                                   \
      exit(1);                                                                                               \
    }                                                                                                        \
  } while (0)

extern unsigned long checks;  // how many conditions were looked at

// Returns a ring name that no other test uses. The ring is removed at the end of the program.
const char* NewRing(void);

// Open handles, or end the program.
struct millrace_producer* Create(const char* ring);
struct millrace_consumer* Open(const char* ring, uint32_t delivery);

// Starts a C++ program in another process: "publish COUNT" creates the ring, waits for a consumer and publishes
// "message 0" and so on; "read COUNT" reads as many and compares them. Returns its PID.
int StartPeer(const char* command, const char* ring, const char* count);
// Waits for the peer, which must have found nothing wrong.
void JoinPeer(int pid);
// Lets the peer fail in one way, and compares its text with that of this thread's last error.
void ExpectTextOfPeer(const char* failure, const char* ring);

// Publish and read one string.
void PublishText(struct millrace_producer* producer, const char* text);
void ExpectText(struct millrace_consumer* consumer, const char* text);

void TestMessages(void);
void TestClaims(void);
void TestBatches(void);
void TestMany(void);
void TestDeliveries(void);
void TestStarts(void);
void TestFullRing(void);
void TestEnds(void);
void TestPeers(void);
void TestWaitSet(void);
void TestMerge(void);
void TestEventFd(void);
void TestInterrupts(void);
void TestFork(void);
void TestRings(void);
void TestStale(void);
void TestEviction(void);
void TestSchemaAndAccess(void);
void TestMisuse(void);
void TestGrowth(void);
void TestTexts(void);

#ifdef __cplusplus
}
#endif

#endif  // MILLRACE_TESTS_C_CHECK_H_
