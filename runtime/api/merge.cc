#include "millrace/merge.h"

#include <map>

#include "runtime/api/consumer_core.h"
#include "runtime/api/wait_set_core.h"

namespace millrace {
namespace internal {

class MergeCore {
 public:
  absl::StatusOr<uint32_t> Add(Consumer&& consumer) {
    const uint32_t source = next_source_;
    absl::Status added = set_.Add(
        *consumer.core_, [](const Received&) {}, source, "Merge::Add");
    if (!added.ok()) return added;
    consumers_.emplace(source, std::move(consumer));
    ++next_source_;
    return source;
  }

  std::optional<Consumer> Remove(uint32_t source) {
    const auto at = consumers_.find(source);
    if (at == consumers_.end()) return std::nullopt;
    ConsumerCore* const core = at->second.core_.get();
    if (core->cold->wait_set != nullptr) set_.Forget(*core);
    if (core == current_) current_ = nullptr;  // its message in hand goes with it
    std::optional<Consumer> consumer(std::move(at->second));
    consumers_.erase(at);
    return consumer;
  }

  Consumer* Find(uint32_t source) {
    const auto at = consumers_.find(source);
    return at == consumers_.end() ? nullptr : &at->second;
  }

  Merged Next(int64_t timeout_ns) {
    if (current_ != nullptr && current_->member) current_->AckHandled();
    current_ = nullptr;
    WaitSetCore::Turn turn;
    const Got got = set_.Take(timeout_ns, &turn);
    if (got != Got::kMessage) return Merged(got, std::nullopt);
    current_ = turn.member->consumer;
    if (!turn.received) set_.Forget(*current_);
    return Merged(turn.received, turn.member->source);
  }

  void Ack() noexcept {
    if (current_ != nullptr) current_->Ack();
    current_ = nullptr;
  }
  void Interrupt() noexcept { set_.Interrupt(); }
  size_t size() const { return set_.size(); }

 private:
  WaitSetCore set_;
  std::map<uint32_t, Consumer> consumers_;  // ended before the set, which they leave
  uint32_t next_source_ = 0;
  ConsumerCore* current_ = nullptr;  // whose message was handed out last
};

}  // namespace internal

Merge::Merge() : core_(std::make_unique<internal::MergeCore>()) {}
Merge::Merge(Merge&&) noexcept = default;
Merge& Merge::operator=(Merge&&) noexcept = default;
Merge::~Merge() = default;

absl::StatusOr<uint32_t> Merge::Add(Consumer&& consumer) { return core_->Add(std::move(consumer)); }
std::optional<Consumer> Merge::Remove(uint32_t source) { return core_->Remove(source); }
Consumer* Merge::consumer(uint32_t source) { return core_->Find(source); }
size_t Merge::size() const { return core_->size(); }
Merged Merge::Next(Nanos timeout) { return core_->Next(timeout.count()); }
void Merge::Ack() noexcept { core_->Ack(); }
void Merge::Interrupt() noexcept { core_->Interrupt(); }

}  // namespace millrace
