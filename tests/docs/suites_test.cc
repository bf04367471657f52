// SPDX-License-Identifier: Apache-2.0
// The name of a test suite begins with its folder, and each suite is in one file. `ctest -R '^Cleanup'` therefore
// finds one place.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <regex>
#include <string>

#include "tests/docs/checks.h"

namespace millrace::docs {
namespace {

const std::map<std::string, std::string> kPrefixes{
    {"benches", "Bench"}, {"checker", "Checker"},     {"cleanup", "Cleanup"},  {"crash", "Crash"},
    {"docs", "Docs"},     {"isolation", "Isolation"}, {"promises", "Promise"}, {"shmctl", "Shmctl"},
    {"stress", "Stress"}, {"unit", "Unit"},
};

Problems CheckSuites(const Files& files) {
  static const std::regex kFolder(R"re(^tests/(\w+)/.*\.cc$)re");
  static const std::regex kTest(R"re((?:^|\n)TEST(?:_F|_P)?\((\w+),)re");
  Problems problems;
  std::map<std::string, std::string> file_of;
  for (const auto& [path, text] : files) {
    std::smatch folder;
    if (!std::regex_match(path, folder, kFolder)) continue;
    for (std::sregex_iterator it(text.begin(), text.end(), kTest), end; it != end; ++it) {
      const std::string suite = (*it)[1].str();
      const auto [known, is_new] = file_of.emplace(suite, path);
      if (known->second != path) {
        problems.push_back("suite " + suite + " is in " + known->second + " and in " + path);
        continue;
      }
      if (!is_new) continue;
      const auto prefix = kPrefixes.find(folder[1].str());
      if (prefix == kPrefixes.end())
        problems.push_back(path + ": tests/docs/suites_test.cc gives its folder no prefix");
      else if (!suite.starts_with(prefix->second) || suite == prefix->second)
        problems.push_back(path + ": suite " + suite + " does not begin with " + prefix->second);
    }
  }
  if (file_of.size() < 100) problems.push_back("few suites: " + std::to_string(file_of.size()));
  return problems;
}

// A named instantiation puts its name and a slash before the name of the suite.
Problems CheckInstantiations(const Files& files) {
  static const std::regex kNamed(R"re(INSTANTIATE_TEST_SUITE_P\(\s*\w+)re");
  Problems problems;
  for (const auto& [path, text] : files) {
    if (path.starts_with("tests/") && IsCode(path) && std::regex_search(text, kNamed))
      problems.push_back(path + ": an instantiation has a name");
  }
  return problems;
}

TEST(DocsSuites, InstantiationsHaveNoName) { EXPECT_EQ(Joined(CheckInstantiations(Tree())), ""); }
TEST(DocsSuites, NamedInstantiationIsFound) {
  Files planted = Tree();
  planted["tests/unit/planted_test.cc"] =
      "INSTANTIATE_TEST_SUITE_P"
      "(Ways, UnitPlanted, 1);";
  EXPECT_EQ(CheckInstantiations(planted).size(), 1u);
}

TEST(DocsSuites, NamesBeginWithTheFolderAndAreUnique) { EXPECT_EQ(Joined(CheckSuites(Tree())), ""); }
TEST(DocsSuites, ForeignPrefixIsFound) {
  Files planted = Tree();
  planted["tests/promises/planted_test.cc"] = "TEST(UnitPlanted, Runs) {}\n";
  EXPECT_EQ(CheckSuites(planted).size(), 1u);
}
TEST(DocsSuites, SuiteInTwoFilesIsFound) {
  Files planted = Tree();
  planted["tests/docs/zz_planted_test.cc"] = "\nTEST(DocsSuites, Runs) {}\n";
  EXPECT_EQ(CheckSuites(planted).size(), 1u);
}

// A file name is unique within tests/, so that an editor's search by file name finds one file.
Problems CheckFileNames(const Files& files) {
  std::map<std::string, std::string> known;
  Problems problems;
  for (const auto& [path, text] : files) {
    if (!path.starts_with("tests/") || !path.ends_with("_test.cc")) continue;
    const auto [other, is_new] = known.emplace(path.substr(path.rfind('/') + 1), path);
    if (!is_new) problems.push_back(path + ": has the name of " + other->second);
  }
  return problems;
}

TEST(DocsSuites, TestFilesHaveDifferentNames) { EXPECT_EQ(Joined(CheckFileNames(Tree())), ""); }
TEST(DocsSuites, SameFileNameIsFound) {
  Files planted = Tree();
  planted["tests/zzz/suites_test.cc"] = "";
  EXPECT_EQ(CheckFileNames(planted).size(), CheckFileNames(Tree()).size() + 1);
}

}  // namespace
}  // namespace millrace::docs
