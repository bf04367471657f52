// SPDX-License-Identifier: Apache-2.0
// `shmctl tail` after it has joined: reads, writes, waits, and finds out when it is over.
#ifndef MILLRACE_TOOLS_SHMCTL_TAIL_LOOP_H_
#define MILLRACE_TOOLS_SHMCTL_TAIL_LOOP_H_

#include <cstdint>
#include <optional>
#include <string>

#include "millrace/consumer.h"
#include "tools/shmctl/io/exit_code.h"
#include "tools/shmctl/io/streams.h"
#include "tools/shmctl/tail/format.h"
#include "tools/shmctl/tail/start.h"

namespace millrace::tool {

struct TailLimits {
  std::optional<uint64_t> count;         // stop after this many messages
  std::optional<uint64_t> end_sequence;  // stop before this sequence, or when nothing is there
};

// Returns the exit code of a command that wrote to `output` until it ended. `failure` is its own code, or
// kDone.
int TailExitCode(const OutputBuffer& output, int failure, uint64_t lost);
// Reports "lost 3 messages before sequence 12", with the name of the ring if it is not empty.
void TellLoss(const std::string& ring, const Message& message);

// Reports that the producer of this ring is gone, once for each producer. `epoch_told` is the last epoch
// reported.
void TellProducerGone(const std::string& ring, const ProducerInfo& producer, uint64_t* epoch_told);

class TailLoop {
 public:
  // `acknowledges` is true for a member of a group, which acknowledges each message after it was written out.
  TailLoop(std::string name, TailJoin join, Format format, TailLimits limits, bool acknowledges,
           OutputBuffer& output);
  int Run();  // returns the exit code

 private:
  bool IsOver() const;
  Received ReadNext();
  void Show(const Message& message);
  // Returns whether to continue after a read without a message.
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
  bool closing_ = false;  // the close to end at has happened: only the rest is left
  uint64_t epoch_reported_gone_ = 0;
  int failure_ = kDone;
};

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_TAIL_LOOP_H_
