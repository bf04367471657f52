// SPDX-License-Identifier: Apache-2.0
// The report page as headless Chromium draws it, and the files next to it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>

#include "benches/report/report.h"
#include "tests/benches/canned.h"

namespace millrace::bench {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

std::filesystem::path Folder(const std::string& name) {
  return std::filesystem::temp_directory_path() / ("millrace-bench-" + name + "-" + std::to_string(getpid()));
}

std::string OutputOf(const std::string& command) {
  std::string output;
  FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return output;
  std::array<char, 65536> block{};
  while (const size_t got = fread(block.data(), 1, block.size(), pipe)) output.append(block.data(), got);
  pclose(pipe);
  return output;
}

// Returns the document after its script has run, without the script and the JSON. Fails if the
// script did not reach its end, or if the browser printed anything to the page's console. No name
// resolves, so the page can fetch nothing.
std::string Drawn(const std::string& page, const std::string& fragment = "") {
  const std::filesystem::path folder = Folder("drawn");
  std::filesystem::create_directories(folder);
  const std::filesystem::path file = folder / "index.html", log = folder / "log";
  std::ofstream(file) << page;
  std::string dom = OutputOf(
      "browser=$(command -v chromium chromium-browser google-chrome | head -n 1) && exec \"$browser\" "
      "--headless "
      "--no-sandbox --disable-gpu --host-resolver-rules='MAP * ~NOTFOUND' --enable-logging=stderr "
      "--user-data-dir='" +
      (folder / "profile").string() + "' --dump-dom 'file://" + file.string() + fragment + "' 2>'" +
      log.string() + "'");
  std::stringstream said;
  said << std::ifstream(log).rdbuf();
  std::filesystem::remove_all(folder);
  EXPECT_THAT(dom, HasSubstr("data-drawn=\"yes\"")) << "is Chromium installed? (tools/dev packages)\n"
                                                    << said.str();
  EXPECT_THAT(said.str(), Not(HasSubstr("CONSOLE"))) << said.str();
  const size_t script = dom.find("<script");
  return script == std::string::npos ? dom : dom.substr(0, script);
}

std::string DrawnResults(const json& results) { return Drawn(PageOf(results, SummaryOf(results))); }

// The page is drawn only once, because a browser takes about a second to start.
const std::string& CannedPage() {
  static const std::string page = DrawnResults(CannedResults());
  return page;
}

int Count(const std::string& text, const std::string& what) {
  int count = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

TEST(BenchPage, HasEverySection) {
  for (const char* heading :
       {"<h1>millrace moves", "<h2>Targets: 8 of 9 met", "<h2>One-way latency: ", "<h2>Throughput: ",
        "<h2>2, 4 and 8 consumers", "<h2>A slow consumer", "<h2>A consumer with nothing to do costs 0.10 %",
        "<h2>After a kill -9: the producer continues in ", "<h3>Publish with nobody there",
        "<h3>Create and open", "<h3>Instructions", "<h3>One process", "<h2>What is fair here"}) {
    EXPECT_THAT(CannedPage(), HasSubstr(heading));
  }
}

TEST(BenchPage, ShowsEveryPlot) {
  // Main placement and the other: 6 + 3 latencies, 6 throughputs and 4 fan-outs
  // each, as far as they were measured.
  for (const char* title : {"8 bytes, the consumer spins", "64 bytes, the consumer spins",
                            "8 bytes, the consumer sleeps in the kernel", "messages of 8 B",
                            "messages of 64 B", "messages of 1 KiB", "messages of 64 KiB", "1 → 2"}) {
    EXPECT_THAT(CannedPage(), HasSubstr(std::string("class=\"title\">") + title));
  }
  EXPECT_GT(Count(CannedPage(), "<polyline"), 0);
  EXPECT_GT(Count(CannedPage(), "<rect"), 0);
  EXPECT_THAT(CannedPage(), Not(HasSubstr("NaN")));
  EXPECT_THAT(CannedPage(), Not(HasSubstr("undefined")));
}

TEST(BenchPage, HeadingsStateTheFindings) {
  EXPECT_THAT(CannedPage(),
              HasSubstr("<h2>Throughput: 5.00 times the fastest rival, 1.25 times a hand-written ring"));
  EXPECT_THAT(CannedPage(), testing::ContainsRegex("the fastest rival 12[0-9] ns"));
  EXPECT_THAT(CannedPage(), HasSubstr("the producer continues at 60.0 M/s"));
}

TEST(BenchPage, NamesTheMachine) {
  for (const char* text : {"a processor &lt;of&gt; today", "Linux 6", "GNU 12 -O3", "commit 0123456789ab",
                           "producer on core 0", "share an L3 cache", "share no cache", "moved"}) {
    EXPECT_THAT(CannedPage(), HasSubstr(text));
  }
}

TEST(BenchPage, ReportsLossesWideCellsAndTooFewCores) {
  EXPECT_THAT(CannedPage(), HasSubstr("more processes than cores"));
  EXPECT_THAT(CannedPage(), HasSubstr("25.0 %"));  // the losses of a lossy consumer
  EXPECT_THAT(CannedPage(), HasSubstr(" ±"));      // "far" has only two rounds
  Observations lossy = CannedObservations();
  for (Observation& o : lossy.slices) {
    if (o.subject != "zeromq") continue;
    o.work.lossy = true;
    o.slice.lost = 30;
  }
  EXPECT_THAT(DrawnResults(ResultsOf(lossy, CannedRivals(), CannedAbout())), HasSubstr("3.00 % lost"));
}

TEST(BenchPage, NeedsNoNetwork) {
  const json results = CannedResults();
  const std::string page = PageOf(results, SummaryOf(results));
  for (const char* fetched : {"<link", "src=", "href=", "@import", "url(", "fetch(", "XMLHttpRequest"})
    EXPECT_THAT(page, Not(HasSubstr(fetched)));
  // A browser does not fetch the name of an XML name space.
  EXPECT_THAT(std::regex_replace(page, std::regex("'http://www.w3.org/2000/svg'"), ""),
              Not(HasSubstr("http")));
}

TEST(BenchPage, ResultsCannotEndTheirScriptElement) {
  json about = CannedAbout();
  about["cpu"] = "</script><script>document.title='broken out'</script>";
  const json results = ResultsOf(CannedObservations(), CannedRivals(), about);
  const std::string dom = DrawnResults(results);
  EXPECT_THAT(dom, HasSubstr("&lt;/script&gt;&lt;script&gt;"));
  EXPECT_THAT(dom, Not(HasSubstr("<title>broken out")));
}

TEST(BenchPage, IsDrawnWithoutResults) {
  EXPECT_THAT(DrawnResults(ResultsOf({}, CannedRivals(), CannedAbout())), HasSubstr("Targets: 0 of 9 met"));
}

TEST(BenchPage, ThePictureIsOneSvg) {
  const json results = CannedResults();
  const std::string dom = Drawn(PageOf(results, SummaryOf(results)), "#picture");
  EXPECT_EQ(Count(dom, "<svg"), 1);
  EXPECT_THAT(dom, HasSubstr("Messages per second between two processes"));
  EXPECT_THAT(dom, Not(HasSubstr("<h1>")));
}

TEST(BenchPage, FailuresAndOmissionsComeFirst) {
  Observations all = CannedObservations();
  all.slices.front().slice.failure = "did <not> end";
  json about = CannedAbout();
  about["left_out"] = {"iceoryx"};
  const std::string page = DrawnResults(ResultsOf(all, CannedRivals(), about));
  EXPECT_THAT(page, HasSubstr("did &lt;not&gt; end"));
  EXPECT_LT(page.find("Left out, not installed or not started: iceoryx"), page.find("<h2>"));
}

TEST(BenchPage, ShowsTheTargetsOfEarlierRuns) {
  const std::filesystem::path folder = Folder("earlier");
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
      EXPECT_EQ(part.at("earlier")[0], part.at("value"));  // the earlier run has the same observations
      EXPECT_TRUE(part.at("earlier")[1].is_null());        // the earlier run has none
    }
  }
  WriteReports(results, folder / "c");
  const json chained = EarlierRuns({folder / "c" / "results.json"});
  ASSERT_EQ(chained.size(), 3U) << "what was earlier than an earlier run is earlier too";
  EXPECT_EQ(chained[0], results.at("earlier")[0]);
  const std::string page = Drawn(PageOf(results, summary));
  EXPECT_THAT(page, HasSubstr("this is the last of 3 runs"));
  EXPECT_EQ(Count(page, "commit 0123earlier"), 2);
  EXPECT_THAT(CannedPage(), Not(HasSubstr("this is the last of")));
  EXPECT_THROW(EarlierRuns({folder / "a" / "nothing.json"}), std::runtime_error);
  std::filesystem::remove_all(folder);
}

TEST(BenchFiles, ResultsSurviveWritingAndReading) {
  const std::filesystem::path folder = Folder("test");
  const json results = CannedResults();
  WriteReports(results, folder);
  EXPECT_EQ(ReadResults(folder / "results.json"), results);
  std::ifstream summary(folder / "summary.json");
  EXPECT_EQ(json::parse(summary), SummaryOf(results));
  EXPECT_GT(std::filesystem::file_size(folder / "index.html"), 1000U);
  std::filesystem::remove_all(folder);
}

TEST(BenchWords, NameEachTarget) {
  const std::string words = InWords(CannedResults());
  EXPECT_THAT(words, HasSubstr("targets: 8 met, 0 not met, 1 not measured"));
  EXPECT_EQ(Count(words, "\n"), 10);
}

}  // namespace
}  // namespace millrace::bench
