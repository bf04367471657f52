// SPDX-License-Identifier: Apache-2.0
// The calls that are promised to be fast. Each has its own function, so that the disassembly and callgrind's
// table show it by a plain name.
#ifndef MILLRACE_TESTS_FASTPATH_FASTPATH_SUBJECT_H_
#define MILLRACE_TESTS_FASTPATH_FASTPATH_SUBJECT_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "millrace/millrace.h"
#include "millrace/typed.h"

namespace fastpath {

struct Quote {  // 64 bytes, the message of the benches
  uint64_t words[8];
};

}  // namespace fastpath

template <>
inline constexpr std::string_view millrace::kSchema<fastpath::Quote> = "words:u64[8]";

extern "C" {
millrace::Sent fastpath_publish_typed(millrace::TypedProducer<fastpath::Quote>& producer,
                                      const fastpath::Quote& quote);
millrace::Sent fastpath_publish_64(millrace::Producer& producer, const std::byte* message);
millrace::Sent fastpath_publish_run_time(millrace::Producer& producer, const std::byte* message,
                                         size_t bytes);
bool fastpath_claim_commit_64(millrace::Producer& producer, uint64_t value);
bool fastpath_claim_commit_run_time(millrace::Producer& producer, uint64_t value, size_t bytes);
uint64_t fastpath_next(millrace::Consumer& consumer);
uint64_t fastpath_next_typed(millrace::TypedConsumer<fastpath::Quote>& consumer);
}

#endif  // MILLRACE_TESTS_FASTPATH_FASTPATH_SUBJECT_H_
