// `shmctl tail` once it has joined: reads, writes, waits, and knows when it is over.
#ifndef MILLRACE_TOOLS_SHMCTL_TAIL_LOOP_H_
#define MILLRACE_TOOLS_SHMCTL_TAIL_LOOP_H_

#include <cstdint>
#include <optional>
#include <string>

#include "millrace/consumer.h"
#include "tools/shmctl/exit_code.h"
#include "tools/shmctl/format.h"
#include "tools/shmctl/streams.h"
#include "tools/shmctl/tail_start.h"

namespace millrace::tool {

struct TailLimits {
  std::optional<uint64_t> count;         // stop after so many messages
  std::optional<uint64_t> end_sequence;  // stop before this one, or when nothing is there
};

// The exit code of whoever wrote to `output` until it ended; `failure`: its own, or kDone.
int TailExitCode(const OutputBuffer& output, int failure, uint64_t lost);
// "lost 3 messages before sequence 12", of that ring if it is named.
void TellLoss(const std::string& ring, const Message& message);

// Says that this ring's producer is gone, once of each: `epoch_told` is the last one that was told of.
void TellProducerGone(const std::string& ring, const ProducerInfo& producer, uint64_t* epoch_told);

class TailLoop {
 public:
  // `acknowledges`: a member of a group, which says that a message is done with once it is written out.
  TailLoop(std::string name, TailJoin join, Format format, TailLimits limits, bool acknowledges,
           OutputBuffer& output);
  int Run();  // gives the exit code

 private:
  bool IsOver() const;
  Received ReadNext();
  void Show(const Message& message);
  // Whether to go on after there was no message.
  bool GoOnAfter(Got why);
  void LookAtProducer();

  const std::string name_;
  Consumer consumer_;
  const std::optional<uint64_t> ignored_close_;
  const Format format_;
  const TailLimits limits_;
  const bool acknowledges_;
  OutputBuffer& output_;
  uint64_t shown_ = 0, lost_ = 0;
  bool closing_ = false;  // the close to end at has happened: what is there is the rest
  uint64_t epoch_reported_gone_ = 0;
  int failure_ = kDone;
};

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_TAIL_LOOP_H_
