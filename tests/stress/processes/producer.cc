// SPDX-License-Identifier: Apache-2.0
// A producer: waits until it may publish, publishes in every way there is, and leaves in every way there is.
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/stress/processes/life.h"
#include "tests/stress/processes/process.h"

namespace millrace::stress {
namespace {

using std::chrono::milliseconds;

constexpr uint64_t kMostBatched = 30;

class ProducerLife : Life {
 public:
  ProducerLife(const Settings& settings, Ledger& ledger, int number, uint64_t life)
      : Life(settings, ledger, absl::StrCat("producer ", number), 1, life),
        sheet_(ledger.producer),
        number_(number),
        me_(life + 1),
        buffer_(settings.max_message) {}

  int Run() {
    return RunHandles(ledger_.ended, /*replaceable=*/false, [this] { return OneHandle(); });
  }

 private:
  ProducerOptions Options() {
    ProducerOptions options;
    options.label = "stress producer " + std::to_string(number_);
    options.take_over_timeout = milliseconds(random_.Below(50));
    const uint64_t choice = random_.Below(10);
    if (settings_.evictions && choice < 7) {
      options.on_full = OnFull::kEvictSlowest;
      options.evict_after = milliseconds(random_.Between(1, 200));
    } else if (choice == 9) {
      options.on_full = OnFull::kDropNew;
    }
    return options;
  }

  // Uses one handle from opening to leaving. Returns false after a violation.
  bool OneHandle() {
    const ProducerOptions options = Options();
    absl::StatusOr<Producer> opened = random_.OneIn(2) ? Producer::Open(settings_.ring, options)
                                                       : Producer::OpenOrCreate(settings_.ring, {}, options);
    if (ErrorOf(opened.status()) == Error::kProducerAlive) return true;  // the other producer publishes
    if (!opened.ok()) return Bad("opening: ", opened.status().ToString());
    Producer producer = *std::move(opened);
    if (!TakesOver(producer)) return false;
    const bool good = PublishForAWhile(producer);
    const ProducerStats stats = producer.stats();
    sheet_.dropped += stats.dropped;
    sheet_.blocked += stats.blocked;
    return good && Leave(producer);
  }

  bool TakesOver(const Producer& producer) {
    sheet_.owner.store(me_);
    sheet_.handles += 1;
    const uint64_t next = producer.next_sequence(), committed = sheet_.committed.load();
    if (next < committed || next > sheet_.begun.load()) {
      return Bad("take-over at sequence ", next, ", but ", committed, " are committed and ",
                 sheet_.begun.load(), " begun");
    }
    const uint64_t from = sheet_.batch_from.load(), to = sheet_.batch_to.load();
    if (next > from && next < to)
      return Bad("take-over at sequence ", next, ", inside a batch from ", from, " to ", to);
    sheet_.batch_to.store(from);  // that batch is over
    sheet_.committed.store(next);
    return true;
  }

  bool Leave(Producer& producer) {
    const bool last = ledger_.ending.load();
    if (!last && random_.OneIn(2)) return true;  // detaches
    if (absl::Status s = producer.Close(); !s.ok()) return Bad("closing: ", s.ToString());
    sheet_.closed += 1;
    if (last) ledger_.ended.store(true, std::memory_order_release);
    return true;
  }

  bool PublishForAWhile(Producer& producer) {
    for (uint64_t left = random_.Between(1000, 1'000'000); left > 0 && !ledger_.ending.load();) {
      const uint64_t burst = std::min<uint64_t>(left, random_.Between(1, 2000)), way = random_.Below(6);
      for (uint64_t i = 0; i < burst && !ledger_.ending.load(); ++i) {
        if (sheet_.owner.load() != me_) return Bad("another one publishes beside it");
        if (producer.next_sequence() + kMostBatched > Given::kMost)
          return Bad("more messages than the ledger holds");
        const Sent sent = way == 5 ? PublishBatch(producer) : PublishOne(producer, way);
        if (sent == Sent::kOk) sheet_.committed.store(producer.next_sequence());
        if (sent != Sent::kOk && sent != Sent::kFull && sent != Sent::kTimedOut && sent != Sent::kDropped)
          return Bad("publishing: ", ToString(sent));
        if (sent == Sent::kFull) Pause(50);
      }
      left -= burst;
      if (random_.OneIn(3)) Pause(random_.Between(1, 5000));  // so that consumers fall asleep
    }
    return true;
  }

  // Publishes all of a batch or nothing. The next take-over checks that.
  Sent PublishBatch(Producer& producer) {
    const uint64_t first = producer.next_sequence(), most = random_.Between(1, kMostBatched);
    sheet_.batch_to.store(first);  // before `from`: a kill in between must leave no batch
    sheet_.batch_from.store(first);
    sheet_.begun.store(first + most);
    sheet_.batch_to.store(first + most);
    MessageBatch batch = producer.Batch(OnLargeBatch::kRefuse);
    Sent sent = Sent::kOk;
    while (batch.size() < most && sent == Sent::kOk) {
      const uint64_t sequence = first + batch.size();
      const std::span<std::byte> message(buffer_.data(), messages_.SizeOf(sequence));
      Fill(sequence, message);
      sent = batch.Add(message, milliseconds(20));
    }
    sheet_.batch_to.store(first + batch.size());
    if (batch.size() == 0 || random_.OneIn(8)) {
      batch.Abort();
      sheet_.batch_to.store(first);
      sheet_.aborted += 1;
      return Sent::kTimedOut;
    }
    sheet_.batches += 1;
    sent = batch.Commit();
    sheet_.batch_to.store(first);
    return sent;
  }

  Sent PublishOne(Producer& producer, uint64_t way) {
    const uint64_t sequence = producer.next_sequence();
    const size_t bytes = messages_.SizeOf(sequence);
    sheet_.begun.store(sequence + 1);
    const milliseconds patience(20);
    switch (way) {
      case 0:
      case 1: {
        const std::span<std::byte> message(buffer_.data(), bytes);
        Fill(sequence, message);
        return way == 0 ? producer.TryPublish(message) : producer.Publish(message, patience);
      }
      case 2:
        return Fill(sequence, producer.TryClaim(bytes), bytes);
      case 3:
        return Fill(sequence, producer.WaitClaim(bytes, patience), bytes);
      default: {  // claims more than it commits, or aborts the claim
        Claim claim =
            producer.WaitClaim(std::min(bytes + random_.Below(100), settings_.max_message), patience);
        if (claim && random_.OneIn(8)) {
          std::memset(claim.bytes().data(), 0xa5, claim.bytes().size());
          claim.Abort();
          sheet_.aborted += 1;
          return Sent::kTimedOut;
        }
        return Fill(sequence, std::move(claim), bytes);
      }
    }
  }
  Sent Fill(uint64_t sequence, Claim claim, size_t bytes) {
    if (!claim) return claim.why();
    Fill(sequence, claim.bytes().first(bytes));
    claim.Commit(bytes);
    return Sent::kOk;
  }
  void Fill(uint64_t sequence, std::span<std::byte> message) {
    messages_.Fill(sequence, message);
    if (settings_.plant == Plant::kTorn && sequence % 5000 == 4999 && !message.empty())
      message[message.size() / 2] ^= std::byte{1};
  }

  ProducerSheet& sheet_;
  const int number_;
  const uint64_t me_;
  std::vector<std::byte> buffer_;
};

}  // namespace

int RunProducer(const Settings& settings, Ledger& ledger, int number, uint64_t life) {
  return ProducerLife(settings, ledger, number, life).Run();
}

}  // namespace millrace::stress
