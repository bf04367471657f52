// Where the choices of an execution come from: all of them in turn, a seed, or a recording.
//
// An execution is a function of its choices. A choice has a number of options; 0 is always what happens when
// nothing unusual does (the running thread goes on, a load returns the newest value, nobody dies).
#ifndef MILLRACE_TESTS_CHECKER_CHOICES_H_
#define MILLRACE_TESTS_CHECKER_CHOICES_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace millrace::checker {

enum class Choice : uint8_t {
  kNext,     // who runs, now that the running thread cannot: all options are as good
  kPreempt,  // 0: the running thread goes on
  kValue,    // which value a load returns, where a store takes its place
  kFate,     // 0: the running thread lives; kill it, stop it
};

class Choices {
 public:
  virtual ~Choices() = default;
  uint32_t Choose(uint32_t options, Choice kind) {
    if (options < 2) return 0;
    const uint32_t chosen = Pick(options, kind);
    made_.push_back(static_cast<uint8_t>(chosen));
    return chosen;
  }
  // Is this state one whose future has been explored? Asked when a new part of the tree is entered.
  virtual bool Known(uint64_t) { return false; }
  virtual bool Exhaustive() const { return false; }

  void Begin() { made_.clear(); }
  // "17:1 45:2": the choices that were not 0, by number.
  std::string Recording() const;

 protected:
  virtual uint32_t Pick(uint32_t options, Choice kind) = 0;
  std::vector<uint8_t> made_;
};

// A set of hashes: open addressing, nothing is ever removed.
class HashSet {
 public:
  bool Insert(uint64_t hash);  // false: it was there
  size_t size() const { return size_; }

 private:
  std::vector<uint64_t> slots_ = std::vector<uint64_t>(1 << 12);  // 0: free
  size_t size_ = 0;
};

// Depth first through all choices.
class EveryChoice : public Choices {
 public:
  // To the next execution; false: there is none.
  bool Advance();
  bool Known(uint64_t state) override;
  bool Exhaustive() const override { return true; }
  size_t states() const { return known_.size(); }

 private:
  uint32_t Pick(uint32_t options, Choice kind) override;
  struct Level {
    uint8_t chosen, options;
  };
  std::vector<Level> path_;
  HashSet known_;
};

// Drawn from a seed: how often a thread is preempted, a load returns an old value and so on differs from seed
// to seed, so that both calm and wild executions are among them.
class SeededChoices : public Choices {
 public:
  explicit SeededChoices(uint64_t seed);

 private:
  uint32_t Pick(uint32_t options, Choice kind) override;
  uint64_t Draw();
  uint64_t state_;
  uint32_t one_in_[4];
};

class RecordedChoices : public Choices {
 public:
  explicit RecordedChoices(const std::string& recording);
  bool Exhaustive() const override { return true; }  // recordings are of such executions

 private:
  uint32_t Pick(uint32_t options, Choice kind) override;
  std::vector<std::pair<size_t, uint8_t>> unusual_;
  size_t next_ = 0;
};

}  // namespace millrace::checker

#endif  // MILLRACE_TESTS_CHECKER_CHOICES_H_
