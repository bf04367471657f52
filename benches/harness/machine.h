// What the results depend on beside the code.
#ifndef MILLRACE_BENCHES_HARNESS_MACHINE_H_
#define MILLRACE_BENCHES_HARNESS_MACHINE_H_

#include <nlohmann/json.hpp>

namespace millrace::bench {

// CPU, kernel, compiler, commit, pinning. Nothing that names the machine or its user.
nlohmann::json DescribeMachine();
double LoadAverage();  // of the last minute

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_HARNESS_MACHINE_H_
