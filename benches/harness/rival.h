// What a rival (or a raw limit, or millrace itself) is to the driver, and how it registers.
//
// A file in rivals/ defines a channel and registers it; README.md "A new rival" shows one. A channel is
//
//   class X {
//    public:
//     explicit X(const Work&);            // in the driver, before the fork: pipes, mappings, names
//     ~X();                               // in the driver, after the children: removes what is left
//     class Sender {
//      public:
//       Sender(X&, const Work&);          // in the producer's process; throws std::runtime_error
//       template <class M> void Send(const M&);  // M: Outgoing. Waits for room (lossless) or drops
//       void Flush();                     // makes everything sent visible
//     };
//     class Receiver {
//      public:
//       Receiver(X&, const Work&, int index);
//       // Waits for a message and calls f(const void* 8-aligned bytes, size_t). The bytes are read inside f.
//       template <class F> void Receive(F&& f);
//     };
//   };
//
// Sender and Receiver are templates' arguments, so that nothing per message is a virtual call.
#ifndef MILLRACE_BENCHES_HARNESS_RIVAL_H_
#define MILLRACE_BENCHES_HARNESS_RIVAL_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "benches/harness/work.h"

namespace millrace::bench {

enum class Kind : uint8_t { kMillrace, kRival, kLimit };

// What one slice of a rival consists of; lives in the driver, is inherited by the children.
class Job {
 public:
  virtual ~Job() = default;
  virtual void Produce(Shared& shared) = 0;             // the whole life of the producer's process
  virtual void Consume(int index, Shared& shared) = 0;  // the whole life of a consumer's process
};

struct Rival {
  std::string name;  // in the results
  std::string what;  // one line for people
  Kind kind = Kind::kRival;
  bool lossless = true;  // false: it always drops what finds no room, and its losses are counted
  bool latency = true;
  bool throughput = true;
  bool prepared = false;  // sends a prepared buffer: see Incoming::Read
  std::vector<Waiting> waits = {Waiting::kSpin};
  Waiting throughput_waiting = Waiting::kSpin;  // what gives it the best throughput
  size_t least_bytes = 8, most_bytes = 65536;
  bool paced = true;        // keeps up with the rate of the paced latencies
  bool fan_out = false;     // serves several consumers, by itself or wrapped in FanOut
  bool lossy_mode = false;  // with Work::lossy it drops messages, old or new, instead of waiting for room
  int order = 0;            // in tables and plots
  std::function<std::unique_ptr<Job>(const Work&)> open = {};
  std::function<void()> start = {}, stop = {};  // a daemon, once per run; start throws std::runtime_error
};

std::vector<Rival>& Rivals();
const Rival* FindRival(const std::string& name);

struct Registration {
  explicit Registration(Rival rival) { Rivals().push_back(std::move(rival)); }
};

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_HARNESS_RIVAL_H_
