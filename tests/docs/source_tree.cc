// SPDX-License-Identifier: Apache-2.0
#include "tests/docs/source_tree.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace millrace::docs {
namespace {

namespace fs = std::filesystem;

Row CellsOf(std::string_view line) {
  Row cells;
  if (line.size() < 2 || line.front() != '|') return cells;
  std::istringstream in{std::string(line.substr(1))};
  for (std::string cell; std::getline(in, cell, '|');) {
    const size_t first = cell.find_first_not_of(' ');
    const size_t last = cell.find_last_not_of(' ');
    cells.push_back(first == std::string::npos ? "" : cell.substr(first, last - first + 1));
  }
  return cells;
}

bool BeginsWith(const Row& row, const Row& heading) {
  return row.size() >= heading.size() && std::equal(heading.begin(), heading.end(), row.begin());
}

bool Skipped(const fs::path& directory) {
  const std::string name = directory.filename().string();
  return name == ".git" || name.starts_with("build") || name == "__pycache__";
}

}  // namespace

Files RepositoryFiles() {
  const fs::path root = MILLRACE_SOURCE_DIR;
  Files files;
  for (auto it = fs::recursive_directory_iterator(root); it != fs::recursive_directory_iterator(); ++it) {
    if (it->is_directory() && Skipped(it->path())) it.disable_recursion_pending();
    // In a worktree, ".git" is a file.
    if (!it->is_regular_file() || it->path().filename() == ".git") continue;
    std::ifstream in(it->path(), std::ios::binary);
    files[it->path().lexically_relative(root).string()].assign(std::istreambuf_iterator<char>(in), {});
  }
  return files;
}

std::string TextOf(const Files& files, const std::string& path) {
  const auto found = files.find(path);
  EXPECT_NE(found, files.end()) << path << " is missing";
  return found == files.end() ? "" : found->second;
}

bool IsCode(std::string_view path) { return path.ends_with(".h") || path.ends_with(".cc"); }

std::vector<std::string> LinesOf(std::string_view text) {
  std::vector<std::string> lines;
  std::istringstream in{std::string(text)};
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::vector<Row> TableUnder(std::string_view markdown, const Row& heading) {
  std::vector<Row> rows;
  bool inside = false;
  for (const std::string& line : LinesOf(markdown)) {
    const Row cells = CellsOf(line);
    if (!inside) {
      inside = BeginsWith(cells, heading);
    } else if (cells.empty()) {
      break;
    } else if (!cells[0].starts_with("---")) {
      rows.push_back(cells);
    }
  }
  return rows;
}

std::string Joined(const Problems& problems) {
  std::string text;
  for (const std::string& problem : problems) text += problem + "\n";
  return text;
}

}  // namespace millrace::docs
