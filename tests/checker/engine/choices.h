// SPDX-License-Identifier: Apache-2.0
// Where the choices of an execution come from: all of them in turn, a seed, or a recording.
//
// An execution is a function of its choices. A choice has a number of options. Option 0 is always the calm
// one: the running thread continues, a load returns the newest value, no thread dies. Choices are numbered by
// their place in the execution, even where there was only one option. A recording therefore replays every
// choice at its place.
#ifndef MILLRACE_TESTS_CHECKER_ENGINE_CHOICES_H_
#define MILLRACE_TESTS_CHECKER_ENGINE_CHOICES_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace millrace::checker {

enum class Choice : uint8_t {
  kNext,     // which thread runs after the running one blocks: all options are equal
  kPreempt,  // 0: the running thread continues
  kValue,    // which value a load returns, where a store takes its place
  kFate,     // 0: the running thread lives; others: kill it, stop it
};

class Choices {
 public:
  virtual ~Choices() = default;
  // Returns the chosen option. With `deviates`, any option except 0 is a deviation from the calm execution.
  uint32_t Choose(uint32_t options, Choice kind, bool deviates = false) {
    const uint32_t place = place_++;
    if (options < 2) return 0;
    const uint32_t chosen = Pick(options, kind, deviates);
    if (chosen != 0) unusual_.emplace_back(place, static_cast<uint8_t>(chosen));
    return chosen;
  }
  void Skip(uint32_t places) { place_ += places; }

  // Is every execution explored? Then choices that cannot matter may be skipped, and states are recognised.
  virtual bool Exhaustive() const { return false; }
  // Is this execution one sample among many? Then words that only people read are not worth a choice.
  virtual bool Sampling() const { return false; }
  // Has no earlier execution entered this part of the tree?
  virtual bool Fresh() const { return false; }
  // Has this state been explored? Called only in fresh parts.
  virtual bool Known(uint64_t) { return false; }

  virtual void Begin() {
    place_ = 0;
    unusual_.clear();
  }
  // Returns the choices that were not 0, by place: "17:1,45:2".
  std::string Recording() const;

 protected:
  virtual uint32_t Pick(uint32_t options, Choice kind, bool deviates) = 0;
  uint32_t place_ = 0;
  std::vector<std::pair<uint32_t, uint8_t>> unusual_;
};

// A set of hashes with open addressing. Hashes are never removed.
class HashSet {
 public:
  bool Insert(uint64_t hash);  // returns false if the hash was there
  size_t size() const { return size_; }

 private:
  std::vector<uint64_t> slots_ = std::vector<uint64_t>(1 << 12);  // 0: free
  size_t size_ = 0;
};

// All executions, those with the fewest deviations first.
//
// Explores depth-first through the choices that cost nothing. Each deviation found on the way is put aside as
// a part of the tree for the next level. A state is therefore first reached with the fewest deviations that
// lead to it, and never needs to be explored again.
class EveryChoice : public Choices {
 public:
  explicit EveryChoice(uint32_t most_deviations) : most_(most_deviations) {}
  // Moves to the next execution. Returns false if there is none.
  bool Advance();
  void Begin() override;
  bool Exhaustive() const override { return true; }
  bool Fresh() const override { return asked_ >= forced_.size() + path_.size(); }
  bool Known(uint64_t state) override { return !known_.Insert(state); }
  // All executions with fewer deviations than this are done.
  uint32_t level() const { return level_; }
  size_t states() const { return known_.size(); }

 private:
  uint32_t Pick(uint32_t options, Choice kind, bool deviates) override;
  void PutAside(uint32_t deviations);
  bool TakeUp();

  struct Level {
    uint8_t chosen, options;
  };
  uint32_t most_;
  uint32_t level_ = 0;           // deviations of the executions in progress
  size_t asked_ = 0;             // choices with more than one option in this execution
  std::vector<uint8_t> forced_;  // the first choices: they lead to the part in progress
  std::vector<Level> path_;      // the choices after the forced ones
  HashSet known_;
  // Parts put aside, one after the other, as runs of zeros and the choice that ends each.
  std::vector<uint8_t> now_, later_;
  size_t taken_ = 0;  // bytes of now_ already explored
};

// Choices drawn from a seed. The rates of preemptions, old values and so on differ from seed to seed, so that
// both calm and wild executions occur.
class SeededChoices : public Choices {
 public:
  explicit SeededChoices(uint64_t seed);
  bool Sampling() const override { return true; }

 private:
  uint32_t Pick(uint32_t options, Choice kind, bool deviates) override;
  uint64_t Draw();
  uint64_t state_;
  uint32_t one_in_[4];
};

class RecordedChoices : public Choices {
 public:
  explicit RecordedChoices(const std::string& recording);

 private:
  uint32_t Pick(uint32_t options, Choice kind, bool deviates) override;
  std::vector<std::pair<uint32_t, uint8_t>> recorded_;
  size_t next_ = 0;
};

}  // namespace millrace::checker

#endif  // MILLRACE_TESTS_CHECKER_ENGINE_CHOICES_H_
