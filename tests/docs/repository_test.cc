// SPDX-License-Identifier: Apache-2.0
// The repository names no machine, has its documents, and comments cite pages and sections that exist.
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <set>
#include <string>

#include "tests/docs/checks.h"

namespace millrace::docs {
namespace {

// Finds paths of one machine. The texts are written in halves, so that this file does not contain them.
Problems CheckPaths(const Files& files) {
  const std::string bad[] = {std::string("/wo") + "rk/", std::string("/ro") + "ot/",
                             std::string("/ho") + "me/"};
  Problems problems;
  for (const auto& [path, text] : files) {
    for (const std::string& part : bad) {
      if (text.find(part) != std::string::npos) problems.push_back(path + " contains " + part);
    }
  }
  return problems;
}

TEST(DocsRepository, NamesNoMachinePaths) {
  EXPECT_GT(Tree().size(), 50u);
  EXPECT_EQ(Joined(CheckPaths(Tree())), "");
}
TEST(DocsRepository, MachinePathIsFound) {
  Files planted = Tree();
  planted["planted.txt"] = std::string("see /wo") + "rk/somewhere";
  EXPECT_EQ(CheckPaths(planted).size(), CheckPaths(Tree()).size() + 1);
}
// Returns true for sources that people write: C++, shell, CMake, Promela, Python and the page of the benches.
bool IsSource(const std::string& path) {
  static const std::regex kSource(
      R"re((.*\.(cc|h|h\.in|sh|bash|cmake|cmake\.in|pml|py|html)|(.*/)?CMakeLists\.txt|tools/dev|tools/check|\.ci/run))re");
  return std::regex_match(path, kSource);
}

// The first line of a source names the licence of LICENSE. A "#!" or a document type comes before it.
Problems CheckLicences(const Files& files) {
  // In halves, so that a search for the words in the first lines of files cannot find this one.
  const std::string words = std::string("SPDX-License") + "-Identifier: Apache-2.0";
  Problems problems;
  if (TextOf(files, "LICENSE").find("Apache License\n                           Version 2.0") ==
      std::string::npos)
    problems.push_back("LICENSE is not the Apache License 2.0");
  for (const auto& [path, text] : files) {
    if (!IsSource(path)) continue;
    const std::vector<std::string> lines = LinesOf(text);
    const size_t at = !lines.empty() && (lines[0].starts_with("#!") || lines[0].starts_with("<!doctype"));
    if (lines.size() <= at || lines[at].find(words) == std::string::npos)
      problems.push_back(path + ":" + std::to_string(at + 1) + ": expected " + words);
  }
  return problems;
}

TEST(DocsRepository, EachSourceNamesItsLicence) {
  EXPECT_GT(
      std::count_if(Tree().begin(), Tree().end(), [](const auto& file) { return IsSource(file.first); }),
      400);
  EXPECT_EQ(Joined(CheckLicences(Tree())), "");
}
TEST(DocsRepository, SourceWithoutALicenceIsFound) {
  const size_t now = CheckLicences(Tree()).size();
  for (const char* path :
       {"planted.cc", "runtime/planted.cmake", "tools/planted.sh", "tests/model/planted.pml"}) {
    Files planted = Tree();
    planted[path] = "// A file without a licence.\n";
    EXPECT_EQ(CheckLicences(planted).size(), now + 1) << path;
  }
  Files other = Tree();
  other["LICENSE"] = "MIT";
  EXPECT_EQ(CheckLicences(other).size(), now + 1);
}

TEST(DocsRepository, HasItsDocuments) {
  EXPECT_FALSE(Text("README.md").empty());
  EXPECT_FALSE(Protocol().empty());
  for (const char* path : {"runtime/README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE"})
    EXPECT_FALSE(Text(path).empty()) << path;
}

// A page or a section that a comment cites must exist: protocol/room.md "Marks".
Problems CheckCitations(const Files& files) {
  static const std::regex kCitation(R"re(protocol/(\w+\.md)(?:\s+"([^"]+)")?)re");
  static const std::regex kBrokenLine(R"re(\n\s*(?://|#)\s*)re");
  Problems problems;
  for (const auto& [path, text] : files) {
    if (!IsCode(path)) continue;
    const std::string joined = std::regex_replace(text, kBrokenLine, " ");
    for (std::sregex_iterator it(joined.begin(), joined.end(), kCitation), end; it != end; ++it) {
      const auto page = files.find(kProtocol + (*it)[1].str());
      if (page == files.end())
        problems.push_back(path + ": no page " + it->str());
      else if ((*it)[2].matched && page->second.find("\n## " + (*it)[2].str() + "\n") == std::string::npos)
        problems.push_back(path + ": no section " + it->str());
    }
    if (text.find("PROTOCOL"
                  ".md") != std::string::npos)
      problems.push_back(path + ": cites a page that has gone");
  }
  return problems;
}

TEST(DocsRepository, PagesAndSectionsThatCommentsCiteExist) { EXPECT_EQ(Joined(CheckCitations(Tree())), ""); }
TEST(DocsRepository, MissingSectionIsFound) {
  const size_t now = CheckCitations(Tree()).size();
  Files planted = Tree();
  planted["runtime/protocol/consume.md"] =
      Replaced(Text("runtime/protocol/consume.md"), "\n## Join\n", "\n## Joining\n");
  EXPECT_GT(CheckCitations(planted).size(), now);
  Files page = Tree();
  page["runtime/os/lock.cc"] += std::string("\n// protocol") + "/nothing.md\n";
  EXPECT_EQ(CheckCitations(page).size(), now + 1);
}

// Keys that code and documents cite as [NOTES key] are rows of benches/NOTES.md.
Problems CheckNotes(const Files& files) {
  static const std::regex kKey(R"re(\[NOTES ([\w-]+)\])re");
  const std::string notes = TextOf(files, "benches/NOTES.md");
  Problems problems;
  for (const auto& [path, text] : files) {
    if (path == "benches/NOTES.md") continue;
    for (std::sregex_iterator it(text.begin(), text.end(), kKey), end; it != end; ++it) {
      if (notes.find("\n| " + (*it)[1].str() + " |") == std::string::npos)
        problems.push_back(path + ": benches/NOTES.md has no row " + (*it)[1].str());
    }
  }
  return problems;
}

TEST(DocsRepository, NotesThatAreCitedExist) { EXPECT_EQ(Joined(CheckNotes(Tree())), ""); }
TEST(DocsRepository, MissingNoteIsFound) {
  Files planted = Tree();
  planted["runtime/os/lock.cc"] += std::string("\n// [NOTES") + " nothing-at-all]\n";
  EXPECT_EQ(CheckNotes(planted).size(), CheckNotes(Tree()).size() + 1);
}

// The folder of a path, "" at the top.
std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

// Links of Markdown files to files of the repository lead somewhere.
Problems CheckLinks(const Files& files) {
  static const std::regex kLink(R"re(\]\(([^)#:\s]+)(?:#[^)]*)?\))re");
  Problems problems;
  for (const auto& [path, text] : files) {
    if (!path.ends_with(".md")) continue;
    for (std::sregex_iterator it(text.begin(), text.end(), kLink), end; it != end; ++it) {
      std::string target = FolderOf(path) + (*it)[1].str();
      for (size_t up = target.find("/../"); up != std::string::npos; up = target.find("/../")) {
        const size_t before = target.rfind('/', up - 1);
        target.erase(before == std::string::npos ? 0 : before + 1,
                     up + 4 - (before == std::string::npos ? 0 : before + 1));
      }
      while (target.ends_with('/')) target.pop_back();
      bool there = files.contains(target);
      for (auto file = files.lower_bound(target + "/"); !there && file != files.end(); ++file)
        there = file->first.starts_with(target + "/");
      if (!there) problems.push_back(path + ": a link leads nowhere: " + (*it)[1].str());
    }
  }
  return problems;
}

TEST(DocsRepository, LinksLeadSomewhere) { EXPECT_EQ(Joined(CheckLinks(Tree())), ""); }
TEST(DocsRepository, DeadLinkIsFound) {
  Files planted = Tree();
  planted["runtime/protocol/README.md"] += "\n[gone](../gone.md)\n";
  EXPECT_EQ(CheckLinks(planted).size(), CheckLinks(Tree()).size() + 1);
}

// Characters, not bytes.
size_t WidthOf(const std::string& line) {
  return static_cast<size_t>(
      std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// Lines of Markdown are at most 120 columns wide. A row of a table cannot be broken, so rows are excepted.
Problems CheckWidths(const Files& files) {
  Problems problems;
  for (const auto& [path, text] : files) {
    if (!path.ends_with(".md")) continue;
    size_t number = 0;
    for (const std::string& line : LinesOf(text)) {
      ++number;
      if (!line.starts_with("|") && WidthOf(line) > 120)
        problems.push_back(path + ":" + std::to_string(number) + ": " + std::to_string(WidthOf(line)) +
                           " columns");
    }
  }
  return problems;
}

TEST(DocsRepository, MarkdownIsNoWiderThan120Columns) { EXPECT_EQ(Joined(CheckWidths(Tree())), ""); }
TEST(DocsRepository, WideLineIsFound) {
  Files planted = Tree();
  planted["README.md"] += std::string(121, 'x') + "\n";
  EXPECT_EQ(CheckWidths(planted).size(), CheckWidths(Tree()).size() + 1);
}

TEST(DocsRepository, TheReadmeIsShort) { EXPECT_LE(LinesOf(Text("README.md")).size(), 150U); }

}  // namespace
}  // namespace millrace::docs
