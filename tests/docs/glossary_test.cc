// SPDX-License-Identifier: Apache-2.0
// The glossary of runtime/README.md: one row and one sentence for each term, each term in use, and no term of
// CONTRIBUTING's list without a row. tests/docs/glossary.txt lists the words that must not stand for a term.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <sstream>
#include <string>

#include "tests/docs/checks.h"

namespace millrace::docs {
namespace {

constexpr char kReadme[] = "runtime/README.md";

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// Splits "R, reserved" into its terms.
std::set<std::string> TermsOf(const std::string& cell) {
  std::set<std::string> terms;
  std::istringstream parts(cell);
  for (std::string part; std::getline(parts, part, ',');) {
    part.erase(0, part.find_first_not_of(' '));
    terms.insert(part);
  }
  return terms;
}

// Returns true if a word of the text begins with the term: "lease" is used by "leases", but not by "release".
bool Uses(const std::string& text, const std::string& term) {
  for (size_t at = text.find(term); at != std::string::npos; at = text.find(term, at + 1)) {
    if (at == 0 || std::isalnum(static_cast<unsigned char>(text[at - 1])) == 0) return true;
  }
  return false;
}

// The product's sources and the protocol, in lower case. Without the page that has the glossary.
std::string WhereTermsAreUsed(const Files& files) {
  std::string all;
  for (const auto& [path, text] : files) {
    if (path != kReadme && (InProduct(path) || path.starts_with(kProtocol))) all += Lower(text) + '\n';
  }
  return all;
}

Problems CheckGlossary(const Files& files) {
  Problems problems;
  const std::vector<Row> rows = TableUnder(TextOf(files, kReadme), {"word", "meaning"});
  const std::string used = WhereTermsAreUsed(files);
  std::set<std::string> seen;
  for (const Row& row : rows) {
    for (const std::string& term : TermsOf(row[0])) {
      if (!seen.insert(term).second) problems.push_back(term + " has two rows");
      if (!Uses(used, Lower(term))) problems.push_back(term + " is used nowhere");
    }
    const std::string& meaning = row[1];
    const size_t stop = meaning.find(". ");
    if (meaning.empty() || meaning.back() != '.' || stop != std::string::npos)
      problems.push_back(row[0] + " has not one sentence: " + meaning);
  }
  if (rows.size() < 30) problems.push_back("the glossary has only " + std::to_string(rows.size()) + " rows");
  return problems;
}

TEST(DocsGlossary, HasOneSentenceForEachTermAndEachTermIsUsed) {
  EXPECT_EQ(Joined(CheckGlossary(Tree())), "");
}
TEST(DocsGlossary, BadRowIsFound) {
  const size_t now = CheckGlossary(Tree()).size();
  for (const char* row : {"| seat | Another meaning. |", "| warble | A word that nothing uses. |",
                          "| lock | Two sentences. They differ. |", "| lock | no sentence |"}) {
    Files planted = Tree();
    planted[kReadme] =
        Replaced(Text(kReadme), "\n| ring | One ", "\n" + std::string(row) + "\n| ring | One ");
    EXPECT_EQ(CheckGlossary(planted).size(), now + 1) << row;
  }
}

// CONTRIBUTING lists the words of which there is one each: "claim, commit, ...; producer, ...".
Problems CheckContributing(const Files& files) {
  const std::string text = TextOf(files, "CONTRIBUTING.md");
  const std::string begin = "the same word everywhere:";
  const size_t at = text.find(begin);
  const size_t end = at == std::string::npos ? at : text.find('.', at);
  if (end == std::string::npos) return {"CONTRIBUTING.md has no list of words"};
  std::set<std::string> terms;
  for (const Row& row : TableUnder(TextOf(files, kReadme), {"word", "meaning"})) terms.merge(TermsOf(row[0]));
  Problems problems;
  std::string list = text.substr(at + begin.size(), end - at - begin.size());
  std::replace(list.begin(), list.end(), ';', ',');
  std::replace(list.begin(), list.end(), '\n', ' ');
  std::istringstream words(list);
  for (std::string word; std::getline(words, word, ',');) {
    word.erase(0, word.find_first_not_of(' '));
    if (!terms.contains(word)) problems.push_back("\"" + word + "\" is not in the glossary");
  }
  return problems;
}

TEST(DocsGlossary, HasTheWordsThatContributingLists) { EXPECT_EQ(Joined(CheckContributing(Tree())), ""); }
TEST(DocsGlossary, MissingWordIsFound) {
  Files planted = Tree();
  planted[kReadme] = Replaced(Text(kReadme), "\n| lease |", "\n| hold |");
  EXPECT_EQ(CheckContributing(planted).size(), CheckContributing(Tree()).size() + 1);
}

}  // namespace
}  // namespace millrace::docs
