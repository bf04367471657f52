// SPDX-License-Identifier: Apache-2.0
// Describes the machine on which the results depend.
#ifndef MILLRACE_BENCHES_HARNESS_MACHINE_H_
#define MILLRACE_BENCHES_HARNESS_MACHINE_H_

#include <nlohmann/json.hpp>

namespace millrace::bench {

// Returns CPU, kernel, compiler, commit, pinning and more, but nothing that identifies the machine or its
// user.
nlohmann::json DescribeMachine();
double LoadAverage();  // returns the load average of the last minute

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_HARNESS_MACHINE_H_
