// SPDX-License-Identifier: Apache-2.0
// One of any number of workers that share the jobs of millrace_job_publisher. If a worker is killed, another
// worker gets its job. Start the programs in any order:
//   millrace_job_worker [RING]
#include <cstdint>
#include <iostream>

#include "millrace/millrace.h"

struct Job {
  uint64_t number;
  uint64_t limit;
};
template <>
inline constexpr std::string_view millrace::kSchema<Job> = "number:u64 limit:u64";

uint64_t PrimesBelow(uint64_t limit) {
  uint64_t primes = 0;
  for (uint64_t n = 2; n < limit; ++n) {
    uint64_t divisor = 2;
    while (divisor * divisor <= n && n % divisor != 0) ++divisor;
    primes += divisor * divisor > n;
  }
  return primes;
}

int main(int argc, char** argv) {
  const char* ring = argc > 1 ? argv[1] : "jobs";
  absl::Status end;
  {
    const auto workers =
        millrace::Delivery::Group("workers", /*durable=*/true);  // keeps the jobs if all are killed
    auto worker = millrace::TypedConsumer<Job>::Open(ring, workers, {.open_timeout = millrace::kForever});
    if (!worker.ok()) {
      std::cerr << worker.status() << "\n";
      return 1;
    }
    while (const auto job = worker->Next()) {  // each Next reports that the job before is done
      std::cout << "job " << job->number << ": " << PrimesBelow(job->limit) << " primes below " << job->limit;
      if (job.deliveries() > 1) std::cout << " (another worker had it before)";
      std::cout << std::endl;  // flushed before the job counts as done
    }
    end = worker->status();
  }
  if (millrace::ErrorOf(end) == millrace::Error::kClosed) {  // the last worker removes the ring
    end = millrace::SegmentManager().Unlink(ring);
    const millrace::Error error = millrace::ErrorOf(end);
    if (error == millrace::Error::kInUse || error == millrace::Error::kNotFound) end = absl::OkStatus();
  }
  if (!end.ok()) std::cerr << end << "\n";
  return end.ok() ? 0 : 1;
}
