// SPDX-License-Identifier: Apache-2.0
// Describes producers, consumers and their lag in words, for tables and messages.
#ifndef MILLRACE_TOOLS_SHMCTL_TEXT_DESCRIBE_H_
#define MILLRACE_TOOLS_SHMCTL_TEXT_DESCRIBE_H_

#include <cstdint>
#include <string>

#include "millrace/segment_manager.h"

namespace millrace::tool {

std::string HumanDuration(uint64_t ns);                 // "12 ms", "3.4 s"
std::string Counted(uint64_t n, const char* singular);  // "1 message", "2 messages"

std::string DescribeState(const RingInfo& ring);             // "live", "live, blocked", "producer gone"
std::string DescribeProducer(const ProducerInfo& producer);  // `feed, pid 4711`; "-" if there never was one
std::string DescribeSeatId(const SeatInfo& seat);            // "3#7": seat 3, its seventh holder
std::string DescribePid(const SeatInfo& seat);  // "4711"; "elsewhere" if in another PID namespace
std::string DescribeLag(const SeatInfo& seat);  // "none", or "12 messages, 1.5 KiB, 3 ms"
std::string DescribeLag(uint64_t messages, uint64_t bytes);  // without the age

std::string DescribeHolder(const SeatInfo& seat);  // "0#1 shmctl tail (pid 4711, stopped)"
// Returns what the producer cannot do now, for how long, and which holders cause it. Returns "" if nothing
// holds it up.
std::string DescribeHoldUp(const RingInfo& ring);
std::string DescribeFill(const RingInfo& ring);  // "12 KiB of 64 KiB held (19 %)"

// Returns the user's name, for example "trader". Returns the number if the user has no name.
std::string DescribeUser(uid_t uid);
// Returns false if the header is damaged. Then only the name, the damage and the facts of the file are known.
bool IsDescribed(const RingInfo& ring);

// Returns true if the seat counts: its holder lives and was not evicted.
bool Consumes(const SeatInfo& seat);
// Returns the consumer that lags most, or null if there is none. With kHoldingBack, only consumers that can
// hold the producer back count.
enum class Among : bool { kAll, kHoldingBack };
const SeatInfo* Slowest(const RingInfo& ring, Among among);

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_TEXT_DESCRIBE_H_
