// SPDX-License-Identifier: Apache-2.0
#include "tools/shmctl/text/table.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "tools/shmctl/text/utf8.h"

namespace millrace::tool {

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {
  for (const Column& column : columns_) widths_.push_back(DisplayWidth(column.title));
}

void Table::AddRow(std::vector<std::string> cells) {
  assert(cells.size() == columns_.size());
  for (size_t i = 0; i < cells.size(); ++i) {
    cells[i] = Escaped(cells[i]);
    widths_[i] = std::max(widths_[i], DisplayWidth(cells[i]));
  }
  rows_.push_back(std::move(cells));
}

std::string Table::Text() const {
  std::vector<std::string> titles;
  for (const Column& column : columns_) titles.push_back(column.title);
  std::string text = Line(titles);
  for (const std::vector<std::string>& row : rows_) text += Line(row);
  return text;
}

std::string Table::Line(const std::vector<std::string>& cells) const {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    const std::string blanks(widths_[i] - DisplayWidth(cells[i]), ' ');
    line += (i == 0 ? "" : "  ");
    line += columns_[i].align == Align::kRight ? blanks + cells[i] : cells[i] + blanks;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + '\n';
}

}  // namespace millrace::tool
