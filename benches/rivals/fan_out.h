// SPDX-License-Identifier: Apache-2.0
// Gives each consumer its own queue, as users do with rivals whose queues serve one consumer only.
#ifndef MILLRACE_BENCHES_RIVALS_FAN_OUT_H_
#define MILLRACE_BENCHES_RIVALS_FAN_OUT_H_

#include <memory>
#include <string>
#include <vector>

#include "benches/harness/work.h"

namespace millrace::bench {

template <class Channel>
class FanOut {
 public:
  explicit FanOut(const Work& work) {
    for (int i = 0; i < work.consumers; ++i) {
      works_.push_back(work);
      works_.back().consumers = 1;
      works_.back().name += "-" + std::to_string(i);
      channels_.push_back(std::make_unique<Channel>(works_.back()));
    }
  }

  class Sender {
   public:
    Sender(FanOut& all, const Work&) {
      for (size_t i = 0; i < all.channels_.size(); ++i) {
        senders_.push_back(std::make_unique<typename Channel::Sender>(*all.channels_[i], all.works_[i]));
      }
    }
    template <class M>
    void Send(const M& message) {
      for (auto& sender : senders_) sender->Send(message);
    }
    void Flush() {
      for (auto& sender : senders_) sender->Flush();
    }

   private:
    std::vector<std::unique_ptr<typename Channel::Sender>> senders_;
  };

  class Receiver : public Channel::Receiver {
   public:
    Receiver(FanOut& all, const Work&, int index)
        : Channel::Receiver(*all.channels_[static_cast<size_t>(index)],
                            all.works_[static_cast<size_t>(index)], 0) {}
  };

 private:
  std::vector<Work> works_;
  std::vector<std::unique_ptr<Channel>> channels_;
};

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_RIVALS_FAN_OUT_H_
