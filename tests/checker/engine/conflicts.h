// SPDX-License-Identifier: Apache-2.0
// Which steps of a thread can make a difference to the others: partial-order reduction.
//
// Two steps conflict if they touch the same word and one of them writes. A step that conflicts with no other
// living thread's future gives the same result before and after anything that the others do. So no other
// thread is scheduled before it, and the thread need not die there. Both can happen just as well before the
// thread's next step that does conflict, at the cost of no more preemptions.
//
// The words that a thread will touch are not known beforehand; they are learnt. For each word and thread the
// table holds the latest stage of the thread's life (Machine::Reached) in which it was seen to read or write
// the word. Exploring begins with what some random executions have shown. When an execution shows more,
// everything is explored again from the beginning. In the last round nothing new is seen.
//
// Proof that nothing is left out: assume some execution is not equivalent to any explored one, and take the
// shortest. All of it except its last step is equivalent to an explored execution. There the conflict would
// have been seen.
#ifndef MILLRACE_TESTS_CHECKER_ENGINE_CONFLICTS_H_
#define MILLRACE_TESTS_CHECKER_ENGINE_CONFLICTS_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "tests/checker/engine/memory.h"

namespace millrace::checker {

class Conflicts {
 public:
  static constexpr uint32_t kFences = 0;  // the order of sequentially consistent fences, as a word
  static constexpr uint32_t kStages = 60;

  void Forget() { table_.assign(kWords, {}); }
  enum class Access : uint8_t { kRead, kWrite, kPlainRead };  // races of plain reads show in the clocks
  void Touch(uint32_t word, uint32_t thread, uint32_t stage, Access access) {
    Ever& ever = table_[word];
    uint8_t& latest = access == Access::kWrite  ? ever.wrote[thread]
                      : access == Access::kRead ? ever.read[thread]
                                                : ever.read_plain[thread];
    if (latest > stage) return;
    latest = static_cast<uint8_t>(stage + 1);
    surprise_ = true;
  }
  // Will `thread`, which is in `stage`, touch the word in a way that conflicts with another's access?
  bool Expects(uint32_t word, bool writes, uint32_t thread, uint32_t stage) const {
    const Ever& ever = table_[word];
    return ever.wrote[thread] > stage || (writes && ever.read[thread] > stage);
  }
  // Will `thread`, which is in `stage`, read the word again (Reads) or write it (Writes)?
  bool Reads(uint32_t word, uint32_t thread, uint32_t stage) const {
    return std::max(table_[word].read[thread], table_[word].read_plain[thread]) > stage;
  }
  bool Writes(uint32_t word, uint32_t thread, uint32_t stage) const {
    return table_[word].wrote[thread] > stage;
  }
  bool TakeSurprise() {
    const bool was = surprise_;
    surprise_ = false;
    return was;
  }

 private:
  struct Ever {  // 1 + the latest stage; 0: never
    uint8_t read[kThreads] = {}, wrote[kThreads] = {}, read_plain[kThreads] = {};
  };
  std::vector<Ever> table_ = std::vector<Ever>(kWords);
  bool surprise_ = false;
};

}  // namespace millrace::checker

#endif  // MILLRACE_TESTS_CHECKER_ENGINE_CONFLICTS_H_
