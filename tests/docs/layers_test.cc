// SPDX-License-Identifier: Apache-2.0
// Includes point downwards only, only runtime/os calls the kernel, and Abseil stays out of the headers that are
// inlined.
#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "tests/docs/checks.h"

namespace millrace::docs {
namespace {

// Returns the layer of a file. A file with the layer "" has no place in the table.
std::string LayerOf(const std::string& path) {
  static const std::map<std::string, std::string> kByPath{
      {"include/millrace.h", "c header"},
      {"include/millrace/error.h", "values"},
      {"include/millrace/export.h", "values"},
      {"include/millrace/options.h", "values"},
      {"include/millrace/outcome.h", "values"},
      {"include/millrace/ring_info.h", "values"},
      {"include/millrace/version.h", "values"},
      {"include/millrace/internal/compiler.h", "values"},
      {"include/millrace/segment_manager.h", "public"},
      {"include/millrace/internal/layout.h", "layout"},
      {"include/millrace/internal/words.h", "layout"},
      {"include/millrace/internal/atomics.h", "layout"},
      {"include/millrace/internal/schema.h", "text"},
      {"include/millrace/internal/text.h", "text"},
      {"include/millrace/internal/parking.h", "ring"},
      {"include/millrace/internal/producer_hot.h", "hot"},
      {"include/millrace/internal/consumer_hot.h", "hot"},
  };
  if (const auto found = kByPath.find(path); found != kByPath.end()) return found->second;
  if (path.starts_with("include/millrace/internal/ring_")) return "ring";
  if (path.starts_with("include/millrace/internal/")) return "";
  if (path.starts_with("include/millrace/")) return "public";
  if (path.starts_with("runtime/c/abseil/")) return "stand-in";
  for (const char* folder :
       {"runtime/c", "runtime/api", "runtime/segment", "runtime/os", "tools", "examples"}) {
    if (path.starts_with(std::string(folder) + "/")) return folder;
  }
  return "";
}

// Includes go only down: tools -> public -> api -> segment -> ring -> layout, with os beside them. "values"
// are enumerations and options, which all layers share. "text" defines which characters names, schemas and
// printed text may contain.
const std::map<std::string, std::set<std::string>>& MayInclude() {
  static const std::map<std::string, std::set<std::string>> table{
      {"tools", {"tools", "public", "values", "text"}},
      {"examples", {"examples", "public", "values"}},
      // The C interface is built on the public one. Its header and the stand-in for Abseil know nothing else.
      {"runtime/c", {"runtime/c", "c header", "public", "values"}},
      {"c header", {"values"}},
      {"stand-in", {}},
      {"public", {"public", "values", "hot", "layout", "text"}},
      {"hot", {"hot", "values", "ring", "layout"}},
      {"runtime/api",
       {"runtime/api", "runtime/segment", "runtime/os", "public", "values", "hot", "ring", "layout"}},
      {"runtime/segment", {"runtime/segment", "runtime/os", "values", "ring", "layout", "text"}},
      {"ring", {"ring", "layout"}},
      {"layout", {"layout"}},
      {"text", {"text"}},
      {"runtime/os", {"runtime/os", "values", "text"}},
      {"values", {"values"}},
  };
  return table;
}

std::vector<std::string> IncludesOf(const std::string& text) {
  static const std::regex kInclude(R"re(^\s*#\s*include\s*["<]([^">]+)[">])re");
  std::vector<std::string> included;
  for (const std::string& line : LinesOf(text)) {
    std::smatch match;
    if (line.find("include") != std::string::npos && std::regex_search(line, match, kInclude))
      included.push_back(match[1]);
  }
  return included;
}

Problems CheckLayers(const Files& files) {
  Problems problems;
  for (const auto& [path, text] : files) {
    if (!InProduct(path)) continue;
    const std::string from = LayerOf(path);
    if (from.empty()) problems.push_back(path + ": belongs to no layer");
    for (const std::string& included : IncludesOf(text)) {
      const bool installed = included == "millrace.h" || included.starts_with("millrace/");
      const std::string target = installed ? "include/" + included : included;
      if (!files.contains(target)) continue;  // not a file of this project
      const auto allowed = MayInclude().find(from);
      if (allowed == MayInclude().end() || !allowed->second.contains(LayerOf(target)))
        problems.push_back(path + " includes " + target);
    }
  }
  return problems;
}

// Hot installed headers must not use Abseil. The others may use only Status and StatusOr.
Problems CheckAbseil(const Files& files) {
  static const std::regex kName(R"(absl::(\w+))");
  Problems problems;
  for (const auto& [path, text] : files) {
    if (!path.starts_with("include/") || !IsCode(path)) continue;
    const bool hot = path.starts_with("include/millrace/internal/") || LayerOf(path) == "values";
    for (std::sregex_iterator it(text.begin(), text.end(), kName), end; it != end; ++it) {
      const bool error_h = path == "include/millrace/error.h";
      if ((hot && !error_h) || ((*it)[1] != "Status" && (*it)[1] != "StatusOr"))
        problems.push_back(path + ": " + it->str());
    }
    for (const std::string& included : IncludesOf(text)) {
      if (!included.starts_with("absl/")) continue;
      const bool status = included == "absl/status/status.h" || included == "absl/status/statusor.h";
      if (!status || path.starts_with("include/millrace/internal/"))
        problems.push_back(path + " includes " + included);
    }
  }
  return problems;
}

TEST(DocsLayers, IncludesPointDown) { EXPECT_EQ(Joined(CheckLayers(Tree())), ""); }
TEST(DocsLayers, UpwardIncludeIsFound) {
  const size_t now = CheckLayers(Tree()).size();
  const std::pair<const char*, const char*> upward[] = {
      {"runtime/os/lock.cc", "runtime/segment/objects.h"},
      {"runtime/segment/create.cc", "runtime/api/producer_cold.h"},
      {"include/millrace/internal/ring_view.h", "runtime/os/park.h"},
      {"include/millrace/internal/layout.h", "millrace/internal/ring_view.h"},
      {"tools/shmctl/commands/list.cc", "runtime/segment/inspect.h"},
      {"tools/shmctl/commands/list.cc", "millrace/internal/layout.h"},
      {"runtime/c/producer.cc", "millrace/internal/layout.h"},
      {"runtime/api/producer.cc", "millrace.h"},
  };
  for (const auto& [path, included] : upward) {
    Files planted = Tree();
    planted[path] += std::string("\n#include \"") + included + "\"\n";
    EXPECT_EQ(CheckLayers(planted).size(), now + 1) << path << " -> " << included;
  }
}
// A unit of runtime/os or runtime/segment is a header and the source of the same name. Returns the name of both
// without suffix, or "" for a file elsewhere.
std::string UnitOf(const std::string& path) {
  if (!IsCode(path) || !(path.starts_with("runtime/os/") || path.starts_with("runtime/segment/"))) return "";
  return path.substr(0, path.rfind('.'));
}

// Each source includes its own header first, so that a declaration leads to its definition. No unit depends on
// itself through others, so that each can be read after those that it includes.
Problems CheckUnits(const Files& files) {
  Problems problems;
  std::map<std::string, std::set<std::string>> needs;  // by unit: the units that it includes, directly or not
  for (const auto& [path, text] : files) {
    const std::string unit = UnitOf(path);
    if (unit.empty()) continue;
    const std::vector<std::string> included = IncludesOf(text);
    if (path.ends_with(".cc") && (included.empty() || included.front() != unit + ".h"))
      problems.push_back(path + ": its first include is not its own header");
    for (const std::string& other : included) {
      if (const std::string needed = UnitOf(other); !needed.empty() && needed != unit)
        needs[unit].insert(needed);
    }
  }
  for (bool grown = true; grown;) {
    grown = false;
    for (auto& [unit, all] : needs) {
      for (const std::string& direct : std::set<std::string>(all)) {
        const auto further = needs.find(direct);
        if (further == needs.end()) continue;
        const size_t before = all.size();
        all.insert(further->second.begin(), further->second.end());
        grown |= all.size() != before;
      }
    }
  }
  for (const auto& [unit, all] : needs) {
    if (all.contains(unit)) problems.push_back(unit + " includes itself through others");
  }
  return problems;
}

TEST(DocsLayers, EachSourceHasItsHeaderAndNoUnitsDependOnEachOther) {
  EXPECT_EQ(Joined(CheckUnits(Tree())), "");
}
TEST(DocsLayers, CircleOfUnitsAndSourceWithoutHeaderAreFound) {
  Files circle = Tree(), headless = Tree();
  circle["runtime/segment/text.cc"] += "\n#include \"runtime/segment/epoch.h\"\n";  // which includes text.h
  EXPECT_FALSE(CheckUnits(circle).empty());
  headless["runtime/segment/orphan.cc"] = "#include \"runtime/segment/create.h\"\n";
  EXPECT_EQ(CheckUnits(headless).size(), CheckUnits(Tree()).size() + 1);
}

// Outside runtime/os, the library neither includes a header of the C library or the kernel, except types, nor
// calls one of their functions by its name. testing.h is for the tests of users, and millrace.h for compilers of C.
Problems CheckKernelCalls(const Files& files) {
  static const std::regex kHeader(R"(^\s*#\s*include\s*<((?:[a-z_]+/)*[a-z_]+\.h)>)");
  static const std::regex kCall(
      R"((?:^|[^\w.>:]|[^\w>]::)(clock_\w+|close|dup[23]?|epoll_\w+|eventfd|fallocate|fchmod|fchown|fcntl|fork|f?stat|)"
      R"(ftruncate|futex\w*|getenv|get\w*[ug]id|getp?pid|getrandom|getrlimit|ioctl|kill|l?stat|link(?:at)?|lseek|)"
      R"(madvise|membarrier|mincore|mkdir|mlock|mmap|mprotect|msync|munmap|nanosleep|open(?:at|dir)?|p?poll|p?read|)"
      R"(pipe2?|posix_\w+|prctl|p?write|pthread_\w+|raise|readdir|readlink|rename\w*|rmdir|sched_\w+|select|)"
      R"(sigaction|sigprocmask|sleep|sleep_for|sleep_until|statv?fs|syscall|unlink(?:at)?|usleep|waitpid)\()");
  Problems problems;
  for (const auto& [path, text] : files) {
    if (!InProduct(path) || path == "include/millrace/testing.h") continue;
    if (path.starts_with("runtime/os/") || !(path.starts_with("runtime/") || path.starts_with("include/")))
      continue;
    for (const std::string& line : LinesOf(text)) {
      const std::string code = line.substr(0, line.find("//"));
      std::smatch match;
      if (std::regex_search(code, match, kHeader) && match[1] != "sys/types.h" &&
          path != "include/millrace.h")
        problems.push_back(path + " includes <" + match.str(1) + ">");
      if (std::regex_search(code, match, kCall)) problems.push_back(path + " calls " + match.str(1) + "()");
    }
  }
  return problems;
}

TEST(DocsLayers, OnlyOneFolderCallsTheKernel) { EXPECT_EQ(Joined(CheckKernelCalls(Tree())), ""); }
TEST(DocsLayers, KernelCallElsewhereIsFound) {
  const size_t now = CheckKernelCalls(Tree()).size();
  for (const char* line : {"#include <unistd.h>", "  nanosleep(&pause, nullptr);", "  ::close(fd);",
                           "  if (fchmod(fd.get(), mode) != 0) return;", "int pid = getpid();"}) {
    for (const char* path :
         {"runtime/segment/create.cc", "runtime/api/merge.cc", "include/millrace/internal/ring_view.h"}) {
      Files planted = Tree();
      planted[path] += std::string("\n") + line + "\n";
      EXPECT_EQ(CheckKernelCalls(planted).size(), now + 1) << path << ": " << line;
    }
  }
}
TEST(DocsLayers, InstalledHeadersKeepAbseilOut) { EXPECT_EQ(Joined(CheckAbseil(Tree())), ""); }
TEST(DocsLayers, AbseilInAHeaderIsFound) {
  const size_t now = CheckAbseil(Tree()).size();
  Files hot = Tree(), wide = Tree();
  hot["include/millrace/internal/ring_view.h"] += "\n#include \"absl/status/status.h\"\n";
  wide["include/millrace/consumer.h"] += "\nabsl::string_view Name();\n";
  EXPECT_EQ(CheckAbseil(hot).size(), now + 1);
  EXPECT_EQ(CheckAbseil(wide).size(), now + 1);
}

}  // namespace
}  // namespace millrace::docs
