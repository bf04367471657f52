#include "benches/report/page/html.h"

namespace millrace::bench {

Table::Table(std::initializer_list<const char*> columns, const std::string& style)
    : columns_(columns.begin(), columns.end()), style_(style) {}

void Table::Row(const std::vector<std::string>& cells) {
  rows_ += "<tr>";
  for (size_t i = 0; i < cells.size(); ++i) {
    const bool number = i < columns_.size() && columns_[i].starts_with('#');
    rows_.append(number ? "<td class=n>" : "<td>").append(cells[i]).append("</td>");
  }
  rows_ += "</tr>\n";
}

std::string Table::ToHtml() const {
  std::string html = "<div class=wide><table" + (style_.empty() ? "" : " style=\"" + style_ + "\"") + "><tr>";
  for (const std::string& column : columns_) {
    const bool number = column.starts_with('#');
    html.append(number ? "<th class=n>" : "<th>").append(Escaped(number ? column.substr(1) : column));
    html += "</th>";
  }
  return html + "</tr>\n" + rows_ + "</table></div>\n";
}

std::string Heading(const std::string& finding) { return "<h2>" + Escaped(finding) + "</h2>\n"; }

std::string Folded(const std::string& summary, const std::string& html) {
  return "<details><summary>" + summary + "</summary>" + html + "</details>\n";
}

std::string PlacementInWords(const std::string& placement) {
  if (placement == "near") return "Placement \"near\": two hyperthreads of one core";
  if (placement == "l3") return "Placement \"l3\": two cores that share an L3 cache";
  if (placement == "far") return "Placement \"far\": two cores that share no cache";
  return placement;
}

}  // namespace millrace::bench
