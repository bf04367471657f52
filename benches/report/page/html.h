// Just enough of HTML.
#ifndef MILLRACE_BENCHES_REPORT_PAGE_HTML_H_
#define MILLRACE_BENCHES_REPORT_PAGE_HTML_H_

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>

#include "benches/report/svg.h"

namespace millrace::bench {

// Columns whose name begins with '#' hold numbers.
class Table {
 public:
  explicit Table(std::initializer_list<const char*> columns, const std::string& style = "");
  void Row(const std::vector<std::string>& cells);  // HTML
  bool empty() const { return rows_.empty(); }
  std::string ToHtml() const;

 private:
  std::vector<std::string> columns_;
  std::string style_, rows_;
};

std::string Heading(const std::string& finding);  // escaped here
std::string Folded(const std::string& summary, const std::string& html);
std::string PlacementInWords(const std::string& placement);
// The first placement's part in the open, the others folded; `draw` takes the placement.
template <class Draw>
std::string PerPlacement(const std::vector<std::string>& placements, Draw draw) {
  std::string html;
  for (size_t i = 0; i < placements.size(); ++i) {
    const std::string words = PlacementInWords(placements[i]);
    html +=
        i == 0 ? "<p class=meta>" + words + "</p>" + draw(placements[i]) : Folded(words, draw(placements[i]));
  }
  return html;
}

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_REPORT_PAGE_HTML_H_
