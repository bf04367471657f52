// SPDX-License-Identifier: Apache-2.0
#include "millrace/wait_set.h"

#include "runtime/api/wait_set_impl.h"

namespace millrace {

WaitSet::WaitSet() : impl_(std::make_unique<internal::WaitSetImpl>()) {}
WaitSet::WaitSet(WaitSet&&) noexcept = default;
WaitSet& WaitSet::operator=(WaitSet&&) noexcept = default;
WaitSet::~WaitSet() = default;

absl::Status WaitSet::Add(Consumer& consumer, Handler handler) {
  return impl_->Add(*consumer.hot_, std::move(handler), 0, "WaitSet::Add");
}
absl::Status WaitSet::Remove(Consumer& consumer) { return impl_->Remove(*consumer.hot_); }
Waited WaitSet::Wait(Nanos timeout) { return {impl_->WaitFor(timeout.count())}; }
void WaitSet::Interrupt() noexcept { impl_->Interrupt(); }
size_t WaitSet::size() const { return impl_->size(); }

}  // namespace millrace
