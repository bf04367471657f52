// SPDX-License-Identifier: Apache-2.0
// Options of the C interface as those of C++.
#ifndef MILLRACE_RUNTIME_C_OPTIONS_H_
#define MILLRACE_RUNTIME_C_OPTIONS_H_

#include <optional>
#include <string>
#include <string_view>

#include "millrace.h"
#include "millrace/options.h"

namespace millrace::c {

// Each returns 0 and stores the options, or returns an error with its text. `call` begins the text.
int Convert(std::string_view call, const millrace_ring_options* given, RingOptions* options);
int Convert(std::string_view call, const millrace_producer_options* given, ProducerOptions* options);
int Convert(std::string_view call, uint32_t delivery, const millrace_consumer_options* given,
            std::optional<Delivery>* how, ConsumerOptions* options);
int Convert(std::string_view call, uint32_t start, uint64_t value, Start* where);

// Returns the directory that a caller means.
inline std::string DirectoryOr(const char* given) { return given == nullptr ? "/dev/shm" : given; }

}  // namespace millrace::c

#endif  // MILLRACE_RUNTIME_C_OPTIONS_H_
