// SPDX-License-Identifier: Apache-2.0
// How a rival, a raw limit or millrace itself is described to the driver, and how it registers.
//
// A file in rivals/ defines a channel and registers it. README.md "A new rival" shows one. A channel has this
// form:
//
//   class X {
//    public:
//     explicit X(const Work&);            // in the driver, before the fork: pipes, mappings, names
//     ~X();                               // in the driver, after the children's end: removes what is left
//     class Sender {
//      public:
//       Sender(X&, const Work&);          // in the producer's process; throws std::runtime_error
//       template <class M> void Send(const M&);  // M is Outgoing. Waits for room (lossless) or drops
//       void Flush();                     // makes everything sent visible
//     };
//     class Receiver {
//      public:
//       Receiver(X&, const Work&, int index);
//       // Waits for a message and calls f(const void* bytes, size_t); bytes are 8-aligned and read inside f.
//       template <class F> void Receive(F&& f);
//     };
//   };
//
// The loops take Sender and Receiver as template arguments, so that no message costs a virtual call.
#ifndef MILLRACE_BENCHES_HARNESS_RIVAL_H_
#define MILLRACE_BENCHES_HARNESS_RIVAL_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "benches/harness/work.h"

namespace millrace::bench {

enum class Kind : uint8_t { kMillrace, kRival, kLimit };

// One slice of a rival. The driver creates it and the children inherit it.
class Job {
 public:
  virtual ~Job() = default;
  virtual void Produce(Shared& shared) = 0;             // the whole life of the producer's process
  virtual void Consume(int index, Shared& shared) = 0;  // the whole life of a consumer's process
};

struct Rival {
  std::string name;  // name in the results
  std::string what;  // one line for readers
  Kind kind = Kind::kRival;
  bool lossless = true;  // false: it always drops messages without room; the losses are counted
  bool latency = true;
  bool throughput = true;
  bool prepared = false;  // sends a prepared buffer; see Incoming::Read
  std::vector<Waiting> waits = {Waiting::kSpin};
  Waiting throughput_waiting = Waiting::kSpin;  // the way that gives the best throughput
  size_t least_bytes = 8, most_bytes = 65536;
  bool paced = true;        // can keep the rate of the paced latencies
  bool fan_out = false;     // serves several consumers, directly or through FanOut
  bool lossy_mode = false;  // with Work::lossy, drops messages (old or new) instead of waiting
  int order = 0;            // position in tables and plots
  std::function<std::unique_ptr<Job>(const Work&)> open = {};
  std::function<void()> start = {}, stop = {};  // of its daemon, once per run; start throws
};

std::vector<Rival>& Rivals();
const Rival* FindRival(const std::string& name);

struct Registration {
  explicit Registration(Rival rival) { Rivals().push_back(std::move(rival)); }
};

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_HARNESS_RIVAL_H_
