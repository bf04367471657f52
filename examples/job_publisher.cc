// SPDX-License-Identifier: Apache-2.0
// Publishes jobs for a group of millrace_job_worker programs. Kill any worker with kill -9 and start others:
// each job is still done.
//   millrace_job_publisher [RING] [JOBS]
#include <cstdint>
#include <cstdlib>
#include <iostream>

#include "millrace/millrace.h"

struct Job {
  uint64_t number;
  uint64_t limit;  // count the primes below this
};
template <>
inline constexpr std::string_view millrace::kSchema<Job> = "number:u64 limit:u64";

int main(int argc, char** argv) {
  const char* ring = argc > 1 ? argv[1] : "jobs";
  const uint64_t jobs = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 100;
  auto publisher = millrace::TypedProducer<Job>::OpenOrCreate(ring);
  if (!publisher.ok()) {
    std::cerr << publisher.status() << "\n";
    return 1;
  }

  if (!publisher->WaitForConsumers(1)) {  // the ring was removed: no worker can join any more
    std::cerr << publisher->Check() << "\n";
    return 1;
  }
  // From now on the group of the workers keeps its position, whichever processes are killed.
  for (uint64_t job = 1; job <= jobs; ++job) {
    const millrace::Sent sent = publisher->Publish({job, 20'000 + 100 * job});
    if (sent != millrace::Sent::kOk) {
      std::cerr << "not sent: " << ToString(sent) << "\n";
      return 1;
    }
  }
  const absl::Status closed = publisher->Close();  // the workers end after the last job
  if (!closed.ok()) std::cerr << closed << "\n";
  return closed.ok() ? 0 : 1;
}
