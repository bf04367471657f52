// SPDX-License-Identifier: Apache-2.0
// `shmctl tail` of several rings: all rings that the names and patterns mean, including those that appear
// later.
#ifndef MILLRACE_TOOLS_SHMCTL_TAIL_MANY_H_
#define MILLRACE_TOOLS_SHMCTL_TAIL_MANY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "millrace/merge.h"
#include "tools/shmctl/arguments/ring_names.h"
#include "tools/shmctl/io/exit_code.h"
#include "tools/shmctl/io/streams.h"
#include "tools/shmctl/tail/format.h"
#include "tools/shmctl/tail/start.h"

namespace millrace::tool {

class TailMany {
 public:
  // `start` is for each ring; its name is not used. `stop_at_end` ends at the end of what is there now.
  TailMany(const std::vector<std::string>& words, TailStart start, Format format,
           std::optional<uint64_t> count, bool stop_at_end, OutputBuffer& output);
  int Run();  // returns the exit code

 private:
  struct Word {
    std::string text;
    bool pattern;
    bool awaited = true;  // a ring of this word may appear, and will then be shown
    bool met = false;     // a ring of this word was found
  };
  struct Ring {
    std::string name, incarnation;
    std::optional<uint64_t> end_sequence;
    uint64_t epoch_reported_gone = 0;
  };

  bool IsOver() const;
  // Joins the rings that are meant and not read yet. `came_later` is true if they were not there at the
  // beginning.
  void LookForRings(bool came_later);
  void Join(const std::string& name, bool came_later);
  // Returns false if another ring took the name during the join, so that the number to stop at is not known.
  bool JoinOrFindReplaced(const std::string& name, bool came_later);
  void TellWhatIsMissing();
  void Show(uint32_t source, const Message& message);
  void End(uint32_t source, Got why);
  void Drop(uint32_t source);
  // Waits when nothing is there. Returns false if that was the end.
  bool Idle();
  void LookAtProducers();
  bool IsRead(const std::string& name) const;
  void SetAwaited(const std::string& name, bool awaited);
  static bool Means(const Word& word, const std::string& name);
  void Fail(int code) { failure_ = failure_ < code ? code : failure_; }

  std::vector<Word> words_;
  const TailStart start_;
  const Format format_;
  const std::optional<uint64_t> count_;
  const bool stop_at_end_;
  OutputBuffer& output_;
  RingNames names_;
  Merge merge_;
  std::map<uint32_t, Ring> rings_;  // by their number in merge_
  // Name and incarnation of each ring that was read to its end or refused.
  std::map<std::string, std::string> ended_;
  uint64_t shown_ = 0, lost_ = 0;
  int failure_ = kDone;
  int64_t looked_at_producers_ns_ = 0;
};

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_TAIL_MANY_H_
