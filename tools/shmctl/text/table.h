// SPDX-License-Identifier: Apache-2.0
// A table for people. Its columns line up, whatever the cells contain.
#ifndef MILLRACE_TOOLS_SHMCTL_TEXT_TABLE_H_
#define MILLRACE_TOOLS_SHMCTL_TEXT_TABLE_H_

#include <string>
#include <vector>

namespace millrace::tool {

class Table {
 public:
  enum class Align { kLeft, kRight };  // numbers go right, so that their digits line up
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };

  explicit Table(std::vector<Column> columns);
  // Requires one cell for each column. Control characters are escaped.
  void AddRow(std::vector<std::string> cells);
  // Returns the table. Every line ends with a newline and has no blanks before it.
  std::string Text() const;

 private:
  std::string Line(const std::vector<std::string>& cells) const;

  std::vector<Column> columns_;
  std::vector<size_t> widths_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_TEXT_TABLE_H_
