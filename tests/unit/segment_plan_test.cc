// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "millrace/error.h"
#include "runtime/os/failure.h"
#include "runtime/segment/options_check.h"
#include "runtime/segment/plan.h"

namespace millrace::segment {
namespace {

std::string Refusal(const RingOptions& options) {
  const auto plan = PlanOf("quotes", options);
  if (plan.ok()) return "";
  EXPECT_EQ(ErrorOf(plan.status()), Error::kBadArgument);
  return std::string(plan.status().message());
}
bool Has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(UnitSegmentPlan, DefaultsAreThoseOfTheDocumentation) {
  const auto plan = PlanOf("quotes", {});
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->capacity, 1u << 20);
  EXPECT_EQ(plan->max_message, 1u << 17);
  EXPECT_EQ(plan->seats, 64u);
  EXPECT_EQ(plan->schema, "");
  EXPECT_EQ(plan->access.ring, 0600u);
  EXPECT_EQ(plan->access.seats, 0600u);
  EXPECT_FALSE(plan->keep);
  EXPECT_EQ(plan->start.position, 0u);
  EXPECT_EQ(plan->start.sequence, 0u);
}

TEST(UnitSegmentPlan, CapacityIsAPowerOfTwoFrom4KiBTo8GiB) {
  for (uint64_t capacity = 4096; capacity <= 8ull << 30; capacity *= 2) {
    const auto plan = PlanOf("quotes", {.capacity = capacity});
    ASSERT_TRUE(plan.ok()) << capacity;
    EXPECT_EQ(plan->max_message, internal::MaxPayloadFor(capacity));
  }
  EXPECT_TRUE(Has(Refusal({.capacity = 5000}), "use 4096 or 8192"));
  EXPECT_TRUE(Has(Refusal({.capacity = 3000000}), "use 2097152 or 4194304"));
  EXPECT_TRUE(Has(Refusal({.capacity = 0}), "at least 4096"));
  EXPECT_TRUE(Has(Refusal({.capacity = 2048}), "at least 4096"));
  EXPECT_TRUE(Has(Refusal({.capacity = 16ull << 30}), "at most 8589934592"));
  EXPECT_TRUE(Has(Refusal({.capacity = ~size_t{0}}), "at most 8589934592"));
}

TEST(UnitSegmentPlan, LargestMessageIsAnEighthOfTheCapacity) {
  EXPECT_EQ(PlanOf("quotes", {.capacity = 4096, .max_message = 512})->max_message, 512u);
  EXPECT_EQ(PlanOf("quotes", {.capacity = 4096, .max_message = 1})->max_message, 1u);
  EXPECT_TRUE(Has(Refusal({.capacity = 4096, .max_message = 513}), "between 1 and 512"));
  EXPECT_NE(Refusal({.max_message = 0}), "");
  EXPECT_NE(Refusal({.capacity = 8ull << 30, .max_message = (1ull << 28) - 63}), "");
}

TEST(UnitSegmentPlan, SeatsAreOneTo1024) {
  EXPECT_EQ(PlanOf("quotes", {.seats = 1})->seats, 1u);
  EXPECT_EQ(PlanOf("quotes", {.seats = 1024})->seats, 1024u);
  EXPECT_TRUE(Has(Refusal({.seats = 0}), "1 and 1024"));
  EXPECT_NE(Refusal({.seats = 1025}), "");
}

TEST(UnitSegmentPlan, SchemaIsOneShortPrintableLine) {
  EXPECT_TRUE(PlanOf("quotes", {.schema = std::string(1000, 'x')}).ok());
  EXPECT_TRUE(Has(Refusal({.schema = std::string(1001, 'x')}), "1001"));
  EXPECT_TRUE(PlanOf("quotes", {.schema = "any words, gr\xC3\xBC\xC3\x9F"}).ok());
  for (const char* wrong : {"a\nb", "a\tb", "\x7f", "\x1b[0m",
                            "\xC2\x9B"
                            "31m",
                            "\xE2\x80\xAE", "\xE2\x80\xA8", "\xFF"})
    EXPECT_NE(Refusal({.schema = wrong}), "") << wrong;
}

TEST(UnitSegmentPlan, EvictAfterIsNotNegative) {
  ProducerOptions options;
  EXPECT_TRUE(CheckProducerOptions(options).ok());
  options.evict_after = Nanos(0);
  EXPECT_TRUE(CheckProducerOptions(options).ok());
  options.take_over_timeout = Nanos(-1);  // a deadline that has passed: Open does not wait
  EXPECT_TRUE(CheckProducerOptions(options).ok());
  options.evict_after = Nanos(-1);
  EXPECT_EQ(ErrorOf(CheckProducerOptions(options)), Error::kBadArgument);
}

}  // namespace
}  // namespace millrace::segment
