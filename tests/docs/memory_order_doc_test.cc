// SPDX-License-Identifier: Apache-2.0
// The table of memory orders, the labelled accessors and their uses agree. Each check is also given a wrong
// text, which it must refuse.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "tests/docs/checks.h"

namespace millrace::docs {
namespace {

struct Label {
  std::string order, accessor;
  std::set<std::string> partners;   // named after "pairs with"
  std::set<std::string> mentioned;  // named anywhere in the comment
};
using Labels = std::map<std::string, Label>;

std::set<std::string> LabelsNamedIn(const std::string& text) {
  static const std::regex kName(R"(\[([A-Z][0-9]+)\])");
  std::set<std::string> names;
  for (std::sregex_iterator it(text.begin(), text.end(), kName), end; it != end; ++it) names.insert((*it)[1]);
  return names;
}

// Finds comments of the form "// [P2] release: ... pairs with [C1]." and the accessor that each describes.
Labels LabelledAccessors(const std::string& text, Problems& problems) {
  static const std::regex kBegin(
      R"(^(.*)//\s*\[([A-Z][0-9]+)\] (relaxed|acquire|release|acq_rel|seq_cst|membarrier)\b(.*)$)");
  static const std::regex kMore(R"(^\s*//(.*)$)");
  static const std::regex kAccessor(R"(static [\w:<>& ]*?(\w+)\()");
  static const std::regex kPointer(R"(\(\*(\w+)\)\()");
  const std::vector<std::string> lines = LinesOf(text);
  Labels labels;
  for (size_t i = 0; i < lines.size(); ++i) {
    std::smatch match, more;
    if (lines[i].find("// [") == std::string::npos || !std::regex_match(lines[i], match, kBegin)) continue;
    const std::string name = match[2];
    std::string comment = match[4];
    Label label{match[3], "", {}, {}};
    const std::string before = match[1];
    std::smatch accessor;
    if (std::regex_search(before, accessor, kPointer)) {
      label.accessor = accessor[1];  // a trailing comment describes the accessor before it
    } else {
      while (i + 1 < lines.size() && std::regex_match(lines[i + 1], more, kMore) &&
             !std::regex_match(lines[i + 1], kBegin)) {
        comment.append(" ").append(more[1].str());
        ++i;
      }
      if (i + 1 < lines.size() && std::regex_search(lines[i + 1], accessor, kAccessor))
        label.accessor = accessor[1];
    }
    label.mentioned = LabelsNamedIn(comment);
    if (const size_t pairs = comment.find("pairs with"); pairs != std::string::npos) {
      label.partners = LabelsNamedIn(comment.substr(pairs, comment.find('.', pairs) - pairs));
    }
    if (!labels.emplace(name, label).second) problems.push_back(name + ": two labelled accessors");
  }
  return labels;
}

struct Use {
  std::string label, order, accessor;
};
// Finds every "std::memory_order_release, Site::P2" and the accessor around it, across line breaks.
std::vector<Use> UsesIn(const std::string& words) {
  static const std::regex kAccessorOrUse(R"(static [\w:<>& ]*?(\w+)\(|memory_order_(\w+),\s*Site::(\w+))");
  std::vector<Use> uses;
  std::string accessor;
  for (std::sregex_iterator it(words.begin(), words.end(), kAccessorOrUse), end; it != end; ++it) {
    if ((*it)[1].matched)
      accessor = (*it)[1];
    else
      uses.push_back({(*it)[3], (*it)[2], accessor});
  }
  return uses;
}

std::set<std::string> SitesIn(const std::string& atomics) {
  const size_t begin = atomics.find("enum class Site");
  const std::string body = atomics.substr(begin, atomics.find("};", begin) - begin);
  static const std::regex kSite(R"(\b([A-Z][0-9]+)\b)");
  std::set<std::string> sites;
  for (std::sregex_iterator it(body.begin(), body.end(), kSite), end; it != end; ++it) sites.insert((*it)[1]);
  return sites;
}

Problems CheckUses(const std::string& words, const Labels& labels) {
  Problems problems;
  std::set<std::string> used;
  for (const Use& use : UsesIn(words)) {
    if (use.label == "X") {
      if (use.order != "relaxed") problems.push_back("Site::X with " + use.order + " in " + use.accessor);
      continue;
    }
    used.insert(use.label);
    const auto found = labels.find(use.label);
    if (found == labels.end()) continue;  // the caller reports it
    if (found->second.order != use.order)
      problems.push_back(use.label + ": comment " + found->second.order + ", code " + use.order);
    if (found->second.accessor != use.accessor)
      problems.push_back(use.label + ": comment at " + found->second.accessor + ", used in " + use.accessor);
  }
  for (const auto& [name, label] : labels) {
    if (!used.contains(name) && label.order != "membarrier")
      problems.push_back(name + ": its accessor does not use it");
  }
  return problems;
}

Problems CheckOrderTable(const std::string& protocol, const Labels& labels) {
  Problems problems;
  std::map<std::string, std::set<std::string>> either;  // partners that at least one of the two labels names
  for (const auto& [name, label] : labels) {
    for (const std::string& partner : label.partners) {
      either[name].insert(partner);
      either[partner].insert(name);
      const auto other = labels.find(partner);
      if (other == labels.end())
        problems.push_back(name + ": pairs with " + partner + ", which does not exist");
      else if (!other->second.mentioned.contains(name))
        problems.push_back(name + ": pairs with " + partner + ", whose comment does not name " + name);
    }
  }
  std::set<std::string> rows;
  for (const Row& row : TableUnder(protocol, {"label", "word", "order", "accessor", "partner", "why"})) {
    const std::string& name = row.at(0);
    if (!rows.insert(name).second) problems.push_back(name + ": two rows");
    const auto found = labels.find(name);
    if (found == labels.end()) {
      problems.push_back(name + ": a row without accessor");
      continue;
    }
    if (row.at(2) != found->second.order)
      problems.push_back(name + ": the table says " + row.at(2) + ", the comment " + found->second.order);
    if (row.at(3) != found->second.accessor)
      problems.push_back(name + ": the table says " + row.at(3) + ", the code " + found->second.accessor);
    std::set<std::string> partners;
    static const std::regex kName(R"([A-Z][0-9]+)");
    for (std::sregex_iterator it(row.at(4).begin(), row.at(4).end(), kName), end; it != end; ++it)
      partners.insert(it->str());
    if (partners != either[name])
      problems.push_back(name + ": partners in the table are not those in the comments");
    if (row.at(5).empty()) problems.push_back(name + ": no reason");
  }
  for (const auto& [name, label] : labels) {
    if (!rows.contains(name)) problems.push_back(name + ": no row");
  }
  return problems;
}

Problems CheckLabels(const std::string& atomics, const std::string& words, const std::string& parking,
                     const std::string& protocol) {
  Problems problems;
  Labels labels = LabelledAccessors(words, problems);
  for (const auto& [name, label] : LabelledAccessors(parking, problems)) {
    if (!labels.emplace(name, label).second) problems.push_back(name + ": labelled twice");
  }
  const std::set<std::string> sites = SitesIn(atomics);
  for (const std::string& site : sites) {
    if (!labels.contains(site)) problems.push_back(site + ": no labelled accessor");
  }
  for (const auto& [name, label] : labels) {
    if (!sites.contains(name)) problems.push_back(name + ": not a Site");
    if (label.accessor.empty()) problems.push_back(name + ": its comment stands before no accessor");
  }
  for (const Problems& more : {CheckUses(words, labels), CheckOrderTable(protocol, labels)}) {
    problems.insert(problems.end(), more.begin(), more.end());
  }
  return problems;
}

Problems CheckLabelsNow() { return CheckLabels(Text(kAtomics), Text(kWords), Text(kParking), Protocol()); }

TEST(DocsMemoryOrder, CommentsCodeAndTableAgree) {
  EXPECT_GT(SitesIn(Text(kAtomics)).size(), 50u);
  EXPECT_EQ(Joined(CheckLabelsNow()), "");
}

// Each planted mistake must add a problem to those that exist.
TEST(DocsMemoryOrder, PlantedMistakesAreFound) {
  const size_t now = CheckLabelsNow().size();
  const std::string words = Text(kWords), table = Protocol(), atomics = Text(kAtomics),
                    parking = Text(kParking);
  const auto problems = [&](const std::string& w, const std::string& t) {
    return CheckLabels(atomics, w, parking, t).size();
  };
  EXPECT_GT(
      problems(Replaced(words, "memory_order_release, Site::P2", "memory_order_relaxed, Site::P2"), table),
      now)
      << "code";
  EXPECT_GT(problems(Replaced(words, "// [P2] release", "// [P2] relaxed"), table), now) << "comment";
  EXPECT_GT(
      problems(words, Replaced(table, "| P2 | header(pos) | release |", "| P2 | header(pos) | relaxed |")),
      now)
      << "table";
  EXPECT_GT(problems(Replaced(words, "pairs with [C1]", "pairs with [C3]"), table), now) << "wrong partner";
  EXPECT_GT(problems(Replaced(words, "; pairs with [C1]", ""), table), now) << "one end silent";
  EXPECT_GT(problems(words, Replaced(table, "StoreHeader | C1 |", "StoreHeader | C3 |")), now)
      << "partner in the table";
  EXPECT_GT(problems(words, Replaced(table, "| StoreHeader |", "| StoreStopSign |")), now)
      << "accessor in the table";
  EXPECT_GT(problems(words, Replaced(table, "| S4 | removed |", "| S3 | removed |")), now) << "row missing";
  EXPECT_GT(problems(Replaced(words, "// [P2] release", "// P2 release"), table), now) << "label missing";
  EXPECT_GT(problems(Replaced(words, "// [P3] release", "// [P2] release"), table), now) << "label twice";
  EXPECT_GT(
      problems(Replaced(words, "memory_order_relaxed, Site::X", "memory_order_acquire, Site::X"), table), now)
      << "X orders";
  EXPECT_GT(
      CheckLabels(Replaced(atomics, "enum class Site : uint8_t {", "enum class Site : uint8_t {\n  Y1,"),
                  words, parking, table)
          .size(),
      now)
      << "new site";
}

// Atomics inside one process, which are not part of the protocol.
struct PrivateAtomics {
  const char* path;
  const char* names;  // regular expression; each line with an atomic must match it
  const char* reason;
};
constexpr PrivateAtomics kPrivateAtomics[] = {
    {"runtime/api/consumer.cc", "interrupted",
     "Interrupt() from another thread or a signal handler; only a flag"},
    {"runtime/api/consumer_cold.cc", "interrupted", "the same"},
    {"include/millrace/internal/consumer_hot.h", "interrupted", "the same"},
    {"runtime/api/producer.cc", "interrupted", "the same"},
    {"runtime/api/producer_cold.cc", "interrupted", "the same"},
    {"include/millrace/internal/producer_hot.h", "interrupted", "the same"},
    {"runtime/api/wait_set_impl.cc", "interrupted|wait_set_calls", "the same, of a WaitSet"},
    {"runtime/api/wait_set_impl.h", "interrupted", "the same"},
    {"runtime/api/park_ops.h", "word|wait_set_calls", "calls the sets of this process; a futex"},
    {"runtime/api/event_signal.h",
     "armed_|round_|gone_epoch_|late_|bound_ns_|armed_since_ns_|look_around_|position\\{0\\}|certain\\{",
     "what a consumer and the event thread of its process share"},
    {"runtime/api/event_signal.cc",
     "armed_|round_|gone_epoch_|late_|bound_ns_|armed_since_ns_|look_around_|snapshot_|atomic_thread_fence",
     "the same; a snapshot under an odd count"},
    {"runtime/api/event_thread.h", "until_ns_", "when the event thread looks of itself"},
    {"runtime/api/event_thread.cc", "calls_|until_ns_|atomic_thread_fence",
     "calls the event thread; a futex of this process"},
    {"runtime/os/guard.cc", "base|bytes|write|faulted|next|installed", "a table that a signal handler reads"},
    {"include/millrace/testing.h", "counter", "a number for names of tests"},
    {"tools/shmctl/io/signals.cc", "caught|active_", "what a signal handler stores"},
};

bool NamesAnOrder(const std::string& code) {
  for (const char* word : {"memory_order_", "std::atomic<", "std::atomic_ref", "atomic_thread_fence",
                           "__atomic_", "__sync_", "volatile "}) {
    if (code.find(word) != std::string::npos) return true;
  }
  return false;
}

Problems CheckWhereOrdersAre(const Files& files) {
  Problems problems;
  std::set<std::string> unused;
  for (const PrivateAtomics& allowed : kPrivateAtomics) unused.insert(allowed.path);
  for (const auto& [path, text] : files) {
    if (!InProduct(path) || path == kWords || path == kAtomics) continue;
    // Programs of users: their memory is not a queue.
    if (path.starts_with("examples/")) continue;
    for (const std::string& line : LinesOf(text)) {
      const std::string code = line.substr(0, line.find("//"));
      const bool harmless = code.find("asm volatile") != std::string::npos ||
                            code.find("is_always_lock_free") != std::string::npos;
      if (harmless || !NamesAnOrder(code)) continue;
      const auto* allowed = std::find_if(std::begin(kPrivateAtomics), std::end(kPrivateAtomics),
                                         [&](const PrivateAtomics& a) { return path == a.path; });
      if (allowed == std::end(kPrivateAtomics) || !std::regex_search(code, std::regex(allowed->names)))
        problems.push_back(path + ": " + line);
      unused.erase(path);
    }
  }
  for (const std::string& path : unused) problems.push_back(path + ": allowed but has no atomics");
  return problems;
}

TEST(DocsMemoryOrder, OnlyAccessorsNameOrders) { EXPECT_EQ(Joined(CheckWhereOrdersAre(Tree())), ""); }
TEST(DocsMemoryOrder, OrderElsewhereIsFound) {
  const size_t now = CheckWhereOrdersAre(Tree()).size();
  for (const char* path :
       {"include/millrace/internal/ring_view.h", "runtime/segment/inspect.cc", "runtime/api/consumer.cc"}) {
    Files planted = Tree();
    planted[path] += "\nuint64_t x = word.load(std::memory_order_acquire);\n";
    EXPECT_EQ(CheckWhereOrdersAre(planted).size(), now + 1) << path;
  }
}

}  // namespace
}  // namespace millrace::docs
