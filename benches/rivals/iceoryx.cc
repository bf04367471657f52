// SPDX-License-Identifier: Apache-2.0
// The rival iceoryx. The bench starts and stops its daemon.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iceoryx_hoofs/log/logmanager.hpp>
#include <iceoryx_posh/popo/untyped_publisher.hpp>
#include <iceoryx_posh/popo/untyped_subscriber.hpp>
#include <iceoryx_posh/popo/wait_set.hpp>
#include <iceoryx_posh/runtime/posh_runtime.hpp>
#include <stdexcept>
#include <string>
#include <thread>

#include "benches/harness/loops.h"
#include "benches/harness/process.h"
#include "benches/harness/shared_memory.h"
#include "benches/rivals/polling.h"

namespace millrace::bench {
namespace {

pid_t daemon_pid = 0;

bool Alive(pid_t child) { return kill(child, 0) == 0; }

void StartDaemon() {
  daemon_pid = Spawn(
      CoreOfConsumer(0),
      [] {
        // The daemon runs for the whole run. During slices it only checks its clients every 100 ms.
        if (freopen("/dev/null", "w", stdout) == nullptr || freopen("/dev/null", "w", stderr) == nullptr)
          return;
        execl(MILLRACE_ROUDI, MILLRACE_ROUDI, "--log-level", "off", static_cast<char*>(nullptr));
        throw std::runtime_error("cannot start " MILLRACE_ROUDI);
      },
      nullptr, 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(700));
  if (!Alive(daemon_pid)) throw std::runtime_error("its daemon did not start (is another one running?)");
}

void StopDaemon() {
  if (daemon_pid == 0) return;
  kill(daemon_pid, SIGTERM);
  Reap(daemon_pid, 10);
  daemon_pid = 0;
}

// Connects to the daemon. Turns off the client library's log, which would report every step.
iox::runtime::PoshRuntime& Join(const iox::RuntimeName_t& name) {
  iox::log::LogManager::GetLogManager().SetDefaultLogLevel(iox::log::LogLevel::kOff,
                                                           iox::log::LogLevelOutput::kHideLogLevel);
  return iox::runtime::PoshRuntime::initRuntime(name);
}

iox::RuntimeName_t RuntimeName(const Work& work, const std::string& role) {
  return {iox::cxx::TruncateToCapacity, work.name + role};
}

iox::capro::ServiceDescription Service(const Work& work) {
  return {"millrace", "bench", iox::capro::IdString_t(iox::cxx::TruncateToCapacity, work.name)};
}

// Returns the depth of a queue: iceoryx's fixed maximum, or less if its default memory pools do not allow
// that.
uint64_t Depth(const Work& work) {
  const uint64_t most = work.bytes <= 16384 ? iox::MAX_SUBSCRIBER_QUEUE_CAPACITY : 128;
  return std::clamp<uint64_t>(work.Slots(), 1, most);
}

iox::popo::PublisherOptions PublisherOptionsFor(const Work& work) {
  iox::popo::PublisherOptions options;
  if (!work.lossy) options.subscriberTooSlowPolicy = iox::popo::ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER;
  return options;
}

iox::popo::SubscriberOptions SubscriberOptionsFor(const Work& work) {
  iox::popo::SubscriberOptions options;
  options.queueCapacity = Depth(work);
  if (!work.lossy) options.queueFullPolicy = iox::popo::QueueFullPolicy::BLOCK_PRODUCER;
  return options;
}

class Topic {
 public:
  struct Subscribed {
    alignas(64) std::atomic<int> count{0};
  };
  explicit Topic(const Work&) {}

  class Sender {
   public:
    Sender(Topic& topic, const Work& work)
        : runtime_(Join(RuntimeName(work, "-p"))),
          publisher_(Service(work), PublisherOptionsFor(work)),
          polling_(work) {
      while (topic.subscribed_->count.load() < work.consumers) usleep(1000);
    }
    template <class M>
    void Send(const M& message) {
      for (;;) {
        auto loan = publisher_.loan(static_cast<uint32_t>(message.bytes()), 8);
        if (loan.has_error()) {
          polling_.FoundNothing();
          continue;
        }
        message.Fill(loan.value());
        publisher_.publish(loan.value());
        return;
      }
    }
    void Flush() {}

   private:
    iox::runtime::PoshRuntime& runtime_;
    iox::popo::UntypedPublisher publisher_;
    Polling polling_;
  };

  class Receiver {
   public:
    Receiver(Topic& topic, const Work& work, int index)
        : runtime_(Join(RuntimeName(work, "-c" + std::to_string(index)))),
          subscriber_(Service(work), SubscriberOptionsFor(work)),
          polling_(work),
          sleeps_(work.waiting == Waiting::kSleep),
          bytes_(work.bytes) {
      if (sleeps_ && wait_set_.attachState(subscriber_, iox::popo::SubscriberState::HAS_DATA).has_error()) {
        throw std::runtime_error("cannot attach to the wait set");
      }
      while (subscriber_.getSubscriptionState() != iox::SubscribeState::SUBSCRIBED) usleep(1000);
      topic.subscribed_->count.fetch_add(1);
    }
    template <class F>
    void Receive(F&& f) {
      for (;;) {
        auto taken = subscriber_.take();
        if (!taken.has_error()) {
          f(taken.value(), bytes_);
          subscriber_.release(taken.value());
          return;
        }
        if (sleeps_) {
          wait_set_.wait();
        } else {
          polling_.FoundNothing();
        }
      }
    }

   private:
    iox::runtime::PoshRuntime& runtime_;
    iox::popo::UntypedSubscriber subscriber_;
    iox::popo::WaitSet<> wait_set_;
    Polling polling_;
    bool sleeps_;
    size_t bytes_;
  };

 private:
  SharedObject<Subscribed> subscribed_;
};

Rival Described() {
  Rival rival = Describe<Topic>({
      .name = "iceoryx",
      .what = "iceoryx " MILLRACE_ICEORYX_VERSION ", blocking publisher, filled and read in place",
      .waits = {Waiting::kSpin, Waiting::kSleep},
      .fan_out = true,
      .lossy_mode = true,
      .order = 13,
  });
  rival.start = StartDaemon;
  rival.stop = StopDaemon;
  return rival;
}

const Registration registered(Described());

}  // namespace
}  // namespace millrace::bench
