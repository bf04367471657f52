// Gives jobs to whoever works on them; see millrace_job_worker. Kill -9 any worker, start others: each job is
// done.
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

  if (!publisher->WaitForConsumers(1)) {  // somebody removed the ring: nobody can come any more
    std::cerr << publisher->Check() << "\n";
    return 1;
  }
  // From here on the group of the workers keeps its place, whoever is killed.
  for (uint64_t job = 1; job <= jobs; ++job) {
    const millrace::Sent sent = publisher->Publish({job, 20'000 + 100 * job});
    if (sent != millrace::Sent::kOk) {
      std::cerr << "not sent: " << ToString(sent) << "\n";
      return 1;
    }
  }
  const absl::Status closed = publisher->Close();  // workers end when the last job is done
  if (!closed.ok()) std::cerr << closed << "\n";
  return closed.ok() ? 0 : 1;
}
