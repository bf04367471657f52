// SPDX-License-Identifier: Apache-2.0
// millrace itself, with default options and with options that a user may change.
#include "millrace/millrace.h"

#include <chrono>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "benches/harness/loops.h"

namespace millrace::bench {
namespace {

std::runtime_error Failed(const absl::Status& status) {
  return std::runtime_error(std::string(status.message()));
}

template <class T>
T OrThrow(absl::StatusOr<T> handle) {
  if (!handle.ok()) throw Failed(handle.status());
  return *std::move(handle);
}

Wait WaitOf(Waiting waiting) {
  switch (waiting) {
    case Waiting::kSpin:
      return Wait::kSpin;
    case Waiting::kAdaptive:
      return Wait::kAdaptive;
    case Waiting::kSleep:
      return Wait::kPark;
  }
  return Wait::kAdaptive;
}

// Opens the ring, waiting up to 10 s for its creation. Polls, because open_timeout waits with inotify. If all
// cores are busy with spinning processes, the kernel takes seconds to close an inotify descriptor.
Consumer OpenWhenCreated(const std::string& name, Delivery delivery, const ConsumerOptions& options) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  for (;;) {
    absl::StatusOr<Consumer> consumer = Consumer::Open(name, delivery, options);
    if (consumer.ok() || std::chrono::steady_clock::now() > deadline) return OrThrow(std::move(consumer));
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

enum class Style : uint8_t {
  kInPlace,   // claims, fills, commits; tries TryNext before it waits in Next
  kCopying,   // publishes its own buffer and reads with Next only, like a user's first program
  kPrepared,  // publishes a buffer of which only the first word changes, like raw_memcpy
  kBatching,  // every kBatch messages become visible together
};

constexpr uint64_t kBatch = 16;

template <Style kStyle>
class Ring {
 public:
  explicit Ring(const Work& work) : name_(work.name) {}
  ~Ring() { SegmentManager().Unlink(name_, SegmentManager::Force::kYes).IgnoreError(); }

  class Sender {
   public:
    Sender(Ring& ring, const Work& work)
        : producer_(OrThrow(Producer::Create(ring.name_, {.capacity = work.capacity_bytes}))),
          buffer_(work.bytes / 8) {
      std::iota(buffer_.begin(), buffer_.end(), 0);
    }
    // Forced inline. GCC inlines Send in the smaller files of other rivals, but not six variants in one file.
    template <class M>
    [[gnu::always_inline]] void Send(const M& message) {
      if constexpr (kStyle == Style::kCopying || kStyle == Style::kPrepared) {
        if constexpr (kStyle == Style::kCopying)
          message.Fill(buffer_.data());
        else
          buffer_[0] = message.first;
        const Sent sent = producer_.Publish(std::as_bytes(std::span(buffer_)));
        if (sent != Sent::kOk) [[unlikely]]
          throw std::runtime_error(ToString(sent));
      } else if constexpr (kStyle == Style::kBatching) {
        if (!batch_) batch_.emplace(producer_.Batch());
        message.Fill(buffer_.data());
        const Sent sent = batch_->Add(std::as_bytes(std::span(buffer_.data(), message.bytes() / 8)));
        if (sent != Sent::kOk) [[unlikely]]
          throw std::runtime_error(ToString(sent));
        if (batch_->size() == kBatch) Flush();
      } else {
        Claim claim = producer_.TryClaim(message.bytes());
        if (claim) [[likely]] {
          message.Fill(claim.bytes().data());
          claim.Commit();
          return;
        }
        SendWaiting(message);
      }
    }
    void Flush() {
      if constexpr (kStyle == Style::kBatching) {
        if (batch_ && batch_->Commit() != Sent::kOk) throw std::runtime_error("committing a batch failed");
        batch_.reset();
      }
    }

   private:
    template <class M>
    // Takes the message by value. With a reference, GCC would first store every message on the stack.
    [[gnu::noinline]] void SendWaiting(M message) {
      Claim claim = producer_.WaitClaim(message.bytes());
      if (!claim) throw std::runtime_error(ToString(claim.why()));
      message.Fill(claim.bytes().data());
      claim.Commit();
    }

    Producer producer_;
    std::vector<uint64_t> buffer_;
    std::optional<MessageBatch> batch_;  // declared after the producer, so destroyed before it
  };

  class Receiver {
   public:
    Receiver(Ring& ring, const Work& work, int)
        : consumer_(OpenWhenCreated(ring.name_, work.lossy ? Delivery::Lossy() : Delivery::Lossless(),
                                    {.start = Start::Oldest(), .wait = WaitOf(work.waiting)})) {}
    // The results are not const, because GCC would keep const results in memory.
    template <class F>
    [[gnu::always_inline]] void Receive(F&& f) {
      if constexpr (kStyle != Style::kCopying) {
        if (Received received = consumer_.TryNext()) [[likely]] {
          f(received->payload.data(), received->payload.size());
          return;
        }
      }
      Received received = consumer_.Next();
      if (!received) [[unlikely]]
        throw std::runtime_error(ToString(received.why()));
      f(received->payload.data(), received->payload.size());
    }

   private:
    Consumer consumer_;
  };

 private:
  std::string name_;
};

const std::vector<Waiting> kAll = {Waiting::kSpin, Waiting::kAdaptive, Waiting::kSleep};

Rival Variant(const char* name, const char* what, Waiting waiting, int order) {
  return Describe<Ring<Style::kInPlace>>({.name = name,
                                          .what = what,
                                          .kind = Kind::kMillrace,
                                          .latency = false,
                                          .throughput_waiting = waiting,
                                          .order = order});
}

const Registration by_default(Describe<Ring<Style::kInPlace>>({
    .name = "millrace",
    .what = "millrace with default options, filled and read in place",
    .kind = Kind::kMillrace,
    .waits = kAll,
    .throughput_waiting = Waiting::kAdaptive,
    .fan_out = true,
    .lossy_mode = true,
    .order = 0,
}));
const Registration spin(Variant("millrace_spin", "the same, the consumer never sleeps", Waiting::kSpin, 1));
const Registration park(Variant("millrace_park", "the same, the consumer sleeps at once", Waiting::kSleep,
                                2));
const Registration copying(Describe<Ring<Style::kCopying>>({
    .name = "millrace_copy",
    .what = "default options; Publish of an own buffer and Next, nothing else",
    .kind = Kind::kMillrace,
    .throughput_waiting = Waiting::kAdaptive,
    .order = 3,
}));

const Registration prepared(Describe<Ring<Style::kPrepared>>({
    .name = "millrace_prepared",
    .what = "default options; Publish of a prepared buffer, as raw_memcpy copies one",
    .kind = Kind::kMillrace,
    .latency = false,
    .prepared = true,
    .throughput_waiting = Waiting::kAdaptive,
    .least_bytes = 1024,
    .order = 4,
}));

const Registration batching(Describe<Ring<Style::kBatching>>({
    .name = "millrace_batch",
    .what = "default options; atomic batches of 16 messages",
    .kind = Kind::kMillrace,
    .latency = false,
    .throughput_waiting = Waiting::kAdaptive,
    .most_bytes = 1024,
    .order = 5,
}));

}  // namespace
}  // namespace millrace::bench
