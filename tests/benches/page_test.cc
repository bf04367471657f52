// The page and the files beside it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "benches/report/report.h"
#include "tests/benches/canned.h"

namespace millrace::bench {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

std::string CannedPage() {
  const json results = CannedResults();
  return PageOf(results, SummaryOf(results));
}

int Count(const std::string& text, const std::string& what) {
  int count = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

TEST(Page, HasEverySection) {
  const std::string page = CannedPage();
  for (const char* heading :
       {"<h1>millrace moves", "<h2>Targets: 8 of 9 met", "<h2>One-way latency: ", "<h2>Throughput: ",
        "<h2>2, 4 and 8 consumers", "<h2>A slow consumer", "<h2>A consumer with nothing to do costs 0.10 %",
        "<h2>After a kill -9: the producer goes on in ", "<h3>Publish with nobody there",
        "<h3>Create and open", "<h3>Instructions", "<h3>One process", "<h2>What is fair here"}) {
    EXPECT_THAT(page, HasSubstr(heading));
  }
}

TEST(Page, HeadingsSayWhatWasFound) {
  const std::string page = CannedPage();
  EXPECT_THAT(page,
              HasSubstr("<h2>Throughput: 5.00 times the quickest rival, 1.25 times a hand-written ring"));
  EXPECT_THAT(page, testing::ContainsRegex("the quickest rival 12[0-9] ns"));
  EXPECT_THAT(page, HasSubstr("the producer goes on at 60.0 M/s"));
}

TEST(Page, SaysWhereItWasMeasured) {
  const std::string page = CannedPage();
  for (const char* text : {"a processor &lt;of&gt; today", "Linux 6", "GNU 12 -O3", "commit 0123456789ab",
                           "producer on core 0", "share an L3 cache", "share no cache", "moved"}) {
    EXPECT_THAT(page, HasSubstr(text));
  }
}

TEST(Page, LossesWideCellsAndTooFewCoresAreSaid) {
  const std::string page = CannedPage();
  EXPECT_THAT(page, HasSubstr("more processes than cores"));
  EXPECT_THAT(page, HasSubstr("25.0 %"));  // of a lossy consumer's messages
  EXPECT_THAT(page, HasSubstr(" ±"));      // "far" has two rounds only
  Observations lossy = CannedObservations();
  for (Observation& o : lossy.slices) {
    if (o.subject != "zeromq") continue;
    o.work.lossy = true;
    o.slice.lost = 30;
  }
  const json results = ResultsOf(lossy, CannedRivals(), CannedAbout());
  EXPECT_THAT(PageOf(results, SummaryOf(results)), HasSubstr("3.00 % lost"));
}

TEST(Page, NeedsNoNetworkAndNoScript) {
  const json results = CannedResults();
  for (const std::string& text : {CannedPage(), ThroughputPicture(results)}) {
    EXPECT_THAT(text, Not(HasSubstr("<script")));
    EXPECT_THAT(text, Not(HasSubstr("<link")));
    EXPECT_THAT(text, Not(HasSubstr("src=")));
    EXPECT_THAT(text, Not(HasSubstr("href=")));
    EXPECT_THAT(text, Not(HasSubstr("@import")));
    EXPECT_THAT(text, Not(HasSubstr("url(")));
    // Names of XML name spaces are not fetched.
    const std::string rest = std::regex_replace(text, std::regex("xmlns=\"http://www.w3.org/2000/svg\""), "");
    EXPECT_THAT(rest, Not(HasSubstr("//")));
  }
}

TEST(Page, TagsAreClosed) {
  const std::string page = CannedPage();
  for (const char* tag : {"table", "details", "div", "svg", "ul", "h2", "tr", "td", "p"}) {
    const std::string name = tag;
    const int opened = Count(page, "<" + name + ">") + Count(page, "<" + name + " ");
    EXPECT_EQ(opened, Count(page, "</" + name + ">")) << tag;
    EXPECT_GT(opened, 0) << tag;
  }
}

TEST(Page, IsDrawnOfNothingToo) {
  const json results = ResultsOf({}, CannedRivals(), CannedAbout());
  EXPECT_THAT(PageOf(results, SummaryOf(results)), HasSubstr("Targets: 0 of 9 met"));
}

TEST(Page, FailuresAndWhatWasLeftOutComeFirst) {
  Observations all = CannedObservations();
  all.slices.front().slice.failure = "did <not> end";
  json about = CannedAbout();
  about["left_out"] = {"iceoryx"};
  const json results = ResultsOf(all, CannedRivals(), about);
  const std::string page = PageOf(results, SummaryOf(results));
  EXPECT_THAT(page, HasSubstr("did &lt;not&gt; end"));
  EXPECT_LT(page.find("Left out, not installed or not started: iceoryx"), page.find("<h2>"));
}

TEST(Page, ShowsTheTargetsOfEarlierRuns) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("millrace-bench-earlier-" + std::to_string(getpid()));
  json about = CannedAbout();
  about["commit"] = "0123earlier";
  WriteReports(ResultsOf(CannedObservations(), CannedRivals(), about), folder / "a");
  WriteReports(ResultsOf({}, CannedRivals(), about), folder / "b");
  json results = CannedResults();
  results["earlier"] = EarlierRuns({folder / "a" / "results.json", folder / "b" / "results.json"});
  const json summary = SummaryOf(results);
  for (const json& target : summary) {
    for (const json& part : target.at("parts")) {
      ASSERT_EQ(part.at("earlier").size(), 2U) << part;
      EXPECT_EQ(part.at("earlier")[0], part.at("value"));  // the same observations
      EXPECT_TRUE(part.at("earlier")[1].is_null());        // none
    }
  }
  WriteReports(results, folder / "c");
  const json chained = EarlierRuns({folder / "c" / "results.json"});
  ASSERT_EQ(chained.size(), 3U) << "what was earlier than an earlier run is earlier too";
  EXPECT_EQ(chained[0], results.at("earlier")[0]);
  const std::string page = PageOf(results, summary);
  EXPECT_THAT(page, HasSubstr("this is the last of 3 runs"));
  EXPECT_EQ(Count(page, "commit 0123earlier"), 2);
  EXPECT_THAT(CannedPage(), Not(HasSubstr("this is the last of")));
  EXPECT_THROW(EarlierRuns({folder / "a" / "nothing.json"}), std::runtime_error);
  std::filesystem::remove_all(folder);
}

TEST(Files, ResultsAreReadAsTheyWereWritten) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("millrace-bench-test-" + std::to_string(getpid()));
  const json results = CannedResults();
  WriteReports(results, folder);
  EXPECT_EQ(ReadResults(folder / "results.json"), results);
  std::ifstream summary(folder / "summary.json");
  EXPECT_EQ(json::parse(summary), SummaryOf(results));
  for (const char* name : {"index.html", "throughput.svg"})
    EXPECT_GT(std::filesystem::file_size(folder / name), 1000U);
  std::filesystem::remove_all(folder);
}

TEST(Words, SayEachTarget) {
  const std::string words = InWords(CannedResults());
  EXPECT_THAT(words, HasSubstr("targets: 8 met, 0 not met, 1 not measured"));
  EXPECT_EQ(Count(words, "\n"), 10);
}

}  // namespace
}  // namespace millrace::bench
