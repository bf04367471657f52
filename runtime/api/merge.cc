// SPDX-License-Identifier: Apache-2.0
#include "millrace/merge.h"

#include <map>

#include "runtime/api/consumer_cold.h"
#include "runtime/api/wait_set_impl.h"

namespace millrace {
namespace internal {

class MergeImpl {
 public:
  absl::StatusOr<uint32_t> Add(Consumer&& consumer) {
    const uint32_t source = next_source_;
    absl::Status added = set_.Add(
        *consumer.hot_, [](const Received&) {}, source, "Merge::Add");
    if (!added.ok()) return added;
    consumers_.emplace(source, std::move(consumer));
    ++next_source_;
    return source;
  }

  // Removes the consumer together with its current message.
  std::optional<Consumer> Remove(uint32_t source) {
    const auto at = consumers_.find(source);
    if (at == consumers_.end()) return std::nullopt;
    Consumer consumer = std::move(at->second);
    consumers_.erase(at);
    // Find may have let the user replace or move the consumer. So forget it by number, not by address.
    set_.ForgetSource(source);
    if (!consumer.valid()) return std::nullopt;
    return consumer;
  }

  Consumer* Find(uint32_t source) {
    const auto at = consumers_.find(source);
    return at == consumers_.end() ? nullptr : &at->second;
  }

  Merged Next(int64_t timeout_ns) {
    if (ConsumerHot* const current = Current(); current != nullptr && current->is_group_member)
      current->AckHandled();
    current_ = nullptr;
    WaitSetImpl::Turn turn;
    const Got got = set_.Take(timeout_ns, &turn);
    if (got != Got::kMessage) return Merged(got, std::nullopt);
    if (turn.received) {
      current_ = turn.entry;
    } else if (WaitSetImpl::HasEnded(turn.received)) {
      set_.Forget(*turn.entry->consumer);
    }
    return Merged(turn.received, turn.entry->source);
  }

  void Ack() noexcept {
    if (ConsumerHot* const current = Current(); current != nullptr) current->Ack();
    current_ = nullptr;
  }
  void Interrupt() noexcept { set_.Interrupt(); }
  size_t size() const { return set_.size(); }

 private:
  WaitSetImpl set_;
  std::map<uint32_t, Consumer> consumers_;  // destroyed before the set, which they leave
  uint32_t next_source_ = 0;
  ConsumerHot* Current() const { return current_ == nullptr ? nullptr : current_->consumer; }
  std::shared_ptr<WaitSetImpl::Entry> current_;  // the entry whose message was handed out last
};

}  // namespace internal

Merge::Merge() : impl_(std::make_unique<internal::MergeImpl>()) {}
Merge::Merge(Merge&&) noexcept = default;
Merge& Merge::operator=(Merge&&) noexcept = default;
Merge::~Merge() = default;

absl::StatusOr<uint32_t> Merge::Add(Consumer&& consumer) { return impl_->Add(std::move(consumer)); }
std::optional<Consumer> Merge::Remove(uint32_t source) { return impl_->Remove(source); }
Consumer* Merge::consumer(uint32_t source) { return impl_->Find(source); }
size_t Merge::size() const { return impl_->size(); }
Merged Merge::Next(Nanos timeout) { return impl_->Next(timeout.count()); }
void Merge::Ack() noexcept { impl_->Ack(); }
void Merge::Interrupt() noexcept { impl_->Interrupt(); }

}  // namespace millrace
