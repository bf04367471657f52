// SPDX-License-Identifier: Apache-2.0
// The loops that measure every channel. All channels are measured with the same loops.
#ifndef MILLRACE_BENCHES_HARNESS_LOOPS_H_
#define MILLRACE_BENCHES_HARNESS_LOOPS_H_

#include <sys/resource.h>

#include <cstdint>
#include <memory>
#include <random>

#include "benches/harness/payload.h"
#include "benches/harness/rival.h"
#include "benches/harness/work.h"

namespace millrace::bench {

inline uint64_t CpuNsOfThisProcess() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto ns = [](const timeval& t) {
    return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_usec) * 1000;
  };
  return ns(usage.ru_utime) + ns(usage.ru_stime);
}

// Sends the last message and returns when all consumers have it. A channel may lose what it has not delivered
// when its sender ends.
template <size_t kBytes, class Sender>
void SendLast(Sender& sender, const Work& work, Shared& shared) {
  const timespec nap{0, 200'000};
  bool again = true;
  while (shared.ended.load() < work.consumers) {
    if (again) {
      sender.Send(Outgoing<kBytes>{kLastMessage, work.bytes});
      sender.Flush();
    }
    again = work.lossy;  // a lossy channel may have dropped this message
    nanosleep(&nap, nullptr);
  }
}

template <size_t kBytes, class Sender>
void SendAsManyAsPossible(Sender& sender, const Work& work, Shared& shared) {
  shared.WaitForStart();
  const uint64_t cpu_before = CpuNsOfThisProcess();
  const uint64_t end = shared.end.load();
  // Reading the clock costs as much as a message. So read it about every 20 µs, or after every message if
  // messages are slow.
  const uint64_t often_enough = TicksOfNs(20'000);
  uint64_t sent = 0, burst = 1;
  for (uint64_t now = Ticks(); now < end;) {
    for (const uint64_t stop = sent + burst; sent != stop; ++sent)
      sender.Send(Outgoing<kBytes>{sent, work.bytes});
    const uint64_t then = Ticks();
    if (then - now < often_enough / 2) burst *= 2;
    if (then - now > often_enough * 2 && burst > 1) burst /= 2;
    now = then;
  }
  sender.Flush();
  shared.producer.messages = sent;
  shared.producer.cpu_ns = CpuNsOfThisProcess() - cpu_before;
  shared.producer.end_ticks = Ticks();
  SendLast<kBytes>(sender, work, shared);
}

template <size_t kBytes, class Sender>
void SendOneByOne(Sender& sender, const Work& work, Shared& shared) {
  std::minstd_rand random(12345);  // random, so as not to follow the rhythm of polls
  std::uniform_int_distribution<uint64_t> pause(TicksOfNs(static_cast<double>(work.pause_low_ns)),
                                                TicksOfNs(static_cast<double>(work.pause_high_ns)));
  shared.WaitForStart();
  const uint64_t cpu_before = CpuNsOfThisProcess();
  const uint64_t end = shared.end.load();
  uint64_t sent = 0;
  for (;;) {
    const uint64_t go = Ticks() + pause(random);
    while (Ticks() < go) CpuRelax();
    const uint64_t stamp = TicksAfterLoads();
    if (stamp >= end) break;
    sender.Send(Outgoing<kBytes>{stamp, work.bytes});
    sender.Flush();
    ++sent;
    while (shared.seen.load(std::memory_order_acquire) != sent) CpuRelax();
  }
  shared.producer.messages = sent;
  shared.producer.cpu_ns = CpuNsOfThisProcess() - cpu_before;
  shared.producer.end_ticks = Ticks();
  SendLast<kBytes>(sender, work, shared);
}

// Sends at a fixed rate and does not wait for the consumer. When one message is delayed, the messages that
// become due during the delay count as late too.
template <size_t kBytes, class Sender>
void SendOnSchedule(Sender& sender, const Work& work, Shared& shared) {
  const uint64_t interval = TicksOfNs(static_cast<double>(work.pause_low_ns));
  shared.WaitForStart();
  const uint64_t cpu_before = CpuNsOfThisProcess();
  const uint64_t end = shared.end.load();
  uint64_t sent = 0;
  for (uint64_t due = Ticks() + interval; due < end; due += interval) {
    while (Ticks() < due) CpuRelax();
    sender.Send(Outgoing<kBytes>{due, work.bytes});
    sender.Flush();
    ++sent;
  }
  shared.producer.messages = sent;
  shared.producer.cpu_ns = CpuNsOfThisProcess() - cpu_before;
  shared.producer.end_ticks = Ticks();
  SendLast<kBytes>(sender, work, shared);
}

template <size_t kBytes, class Sender>
void SendNothing(Sender& sender, const Work& work, Shared& shared) {
  shared.WaitForStart();
  timespec nap{0, 1'000'000};
  while (Ticks() < shared.end.load()) nanosleep(&nap, nullptr);
  shared.producer.end_ticks = Ticks();
  SendLast<kBytes>(sender, work, shared);
}

// Finds the message from which a consumer's rate counts: the first one after the warm-up at which the clock
// is read. Every other message costs one comparison, during and after the warm-up.
class WarmUp {
 public:
  explicit WarmUp(uint64_t warm_ticks) : warm_(warm_ticks), last_(Ticks()) {}
  uint64_t next_look() const { return next_look_; }
  void Look(uint64_t messages) {
    const uint64_t now = Ticks();
    if (now >= warm_) {
      found_ticks_ = now;
      found_messages_ = messages;
      next_look_ = ~uint64_t{0};
      return;
    }
    if (now - last_ < TicksOfNs(kOftenEnoughNs)) burst_ *= 2;
    if (now - last_ > TicksOfNs(4 * kOftenEnoughNs) && burst_ > 1) burst_ /= 2;
    last_ = now;
    next_look_ = messages + burst_;
  }
  void Tell(Report* report) const {
    report->warm_ticks = found_ticks_;
    report->warm_messages = found_messages_;
  }

 private:
  static constexpr double kOftenEnoughNs = 20'000;
  const uint64_t warm_;
  uint64_t last_, burst_ = 1, next_look_ = 1, found_ticks_ = 0, found_messages_ = 0;
};

template <size_t kBytes, class Receiver>
void ReceiveAll(Receiver& receiver, const Work& work, bool prepared, int index, Shared& shared) {
  Report report;
  uint64_t expected = 0;
  const uint64_t chew = index == 0 ? TicksOfNs(static_cast<double>(work.chew_ns)) : 0;
  shared.WaitForStart();
  WarmUp warm_up(shared.warm.load());
  const uint64_t cpu_before = CpuNsOfThisProcess();
  for (bool more = true; more;) {
    receiver.Receive([&](const void* bytes, size_t size) {
      const auto in = Incoming<kBytes>::Read(bytes, work.bytes, prepared);
      if (in.first == kLastMessage) {
        more = false;
        return;
      }
      if (!in.intact || size != work.bytes) ++report.damaged;
      if (in.first < expected) ++report.damaged;  // a gap shows as sent - received
      expected = in.first + 1;
      if (++report.messages == warm_up.next_look()) [[unlikely]]
        warm_up.Look(report.messages);
      if (chew != 0) {
        for (const uint64_t go = Ticks() + chew; Ticks() < go;) CpuRelax();
      }
    });
  }
  report.end_ticks = Ticks();
  report.cpu_ns = CpuNsOfThisProcess() - cpu_before;
  warm_up.Tell(&report);
  shared.consumers[index] = report;
  shared.ended.fetch_add(1);
}

template <size_t kBytes, class Receiver>
void ReceiveOneByOne(Receiver& receiver, const Work& work, bool prepared, int index, Shared& shared) {
  Report report;
  shared.WaitForStart();
  const uint64_t start = shared.start.load(), warm = shared.warm.load();
  for (bool more = true; more;) {
    receiver.Receive([&](const void* bytes, size_t) {
      const auto in = Incoming<kBytes>::Read(bytes, work.bytes, prepared);
      const uint64_t now = TicksAfterLoads();  // after reading every byte
      if (in.first == kLastMessage) {
        more = false;
        return;
      }
      if (!in.intact || in.first < start) ++report.damaged;
      // The counters of two cores may differ by a few ticks. A negative latency counts as 0.
      if (in.first > warm) shared.latency.Add(now > in.first ? now - in.first : 0);
      ++report.messages;
    });
    shared.seen.store(report.messages, std::memory_order_release);
  }
  report.end_ticks = Ticks();
  shared.consumers[index] = report;
  shared.ended.fetch_add(1);
}

// A channel that carries messages of one size only defines kOnlyBytes.
template <class Channel>
concept OfOneSize = requires {
  Channel::kOnlyBytes;
};

// The job of one slice, for a channel.
template <class Channel>
class ChannelJob : public Job {
 public:
  ChannelJob(const Work& work, bool prepared) : work_(work), prepared_(prepared), channel_(work_) {}

  void Produce(Shared& shared) override {
    typename Channel::Sender sender(channel_, work_);
    if constexpr (OfOneSize<Channel>) return Produce<Channel::kOnlyBytes>(sender, shared);
    switch (work_.bytes) {
      case 8:
        return Produce<8>(sender, shared);
      case 64:
        return Produce<64>(sender, shared);
      default:
        return Produce<0>(sender, shared);
    }
  }
  void Consume(int index, Shared& shared) override {
    typename Channel::Receiver receiver(channel_, work_, index);
    if constexpr (OfOneSize<Channel>) return Consume<Channel::kOnlyBytes>(receiver, index, shared);
    switch (work_.bytes) {
      case 8:
        return Consume<8>(receiver, index, shared);
      case 64:
        return Consume<64>(receiver, index, shared);
      default:
        return Consume<0>(receiver, index, shared);
    }
  }

 private:
  template <size_t kBytes>
  void Produce(typename Channel::Sender& sender, Shared& shared) {
    switch (work_.activity) {
      case Activity::kThroughput:
        return SendAsManyAsPossible<kBytes>(sender, work_, shared);
      case Activity::kLatency:
        return SendOneByOne<kBytes>(sender, work_, shared);
      case Activity::kPaced:
        return SendOnSchedule<kBytes>(sender, work_, shared);
      case Activity::kIdle:
        return SendNothing<kBytes>(sender, work_, shared);
    }
  }
  template <size_t kBytes>
  void Consume(typename Channel::Receiver& receiver, int index, Shared& shared) {
    if (work_.activity == Activity::kLatency || work_.activity == Activity::kPaced)
      return ReceiveOneByOne<kBytes>(receiver, work_, prepared_, index, shared);
    ReceiveAll<kBytes>(receiver, work_, prepared_, index, shared);
  }

  const Work work_;
  const bool prepared_;
  Channel channel_;
};

template <class Channel>
Rival Describe(Rival rival) {
  const bool prepared = rival.prepared;
  rival.open = [prepared](const Work& work) { return std::make_unique<ChannelJob<Channel>>(work, prepared); };
  return rival;
}

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_HARNESS_LOOPS_H_
