// SPDX-License-Identifier: Apache-2.0
// Checks the options of producers and consumers before anything is opened.
#ifndef MILLRACE_RUNTIME_SEGMENT_OPTIONS_CHECK_H_
#define MILLRACE_RUNTIME_SEGMENT_OPTIONS_CHECK_H_

#include "absl/status/status.h"
#include "millrace/options.h"

namespace millrace::segment {

// Fails with kBadArgument if an option is not allowed.
absl::Status CheckProducerOptions(const ProducerOptions& options);
// Fails with kBadArgument or kBadName if an option or the group's name is not allowed.
absl::Status CheckConsumerOptions(const Delivery& delivery, const ConsumerOptions& options);

}  // namespace millrace::segment

#endif  // MILLRACE_RUNTIME_SEGMENT_OPTIONS_CHECK_H_
