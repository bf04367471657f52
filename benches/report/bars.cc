// Throughput as bars.
#include <algorithm>

#include "benches/report/plots.h"
#include "benches/report/query.h"
#include "benches/report/svg.h"

namespace millrace::bench {
namespace {

using nlohmann::json;

constexpr double kRow = 19, kBar = 12, kNames = 118, kValues = 96, kBars = 150, kGap = 22, kTitle = 26;
constexpr double kPanelWidth = kNames + kBars + kValues;

std::string BarStyle(const json& results, const std::string& subject) {
  if (subject == "millrace") return "millrace";
  const std::string kind = KindOf(results, subject);
  return kind == "millrace" ? "variant" : kind;
}

// Of a subject that drops what finds no room.
std::string Losses(const json& cell) {
  const double lost = cell.at("lost"), sent = cell.at("sent");
  return lost > 0 ? ", " + Short(100 * lost / sent) + " % lost" : "";
}

void DrawPanel(const json& results, const std::string& placement, const BarPanel& panel, double x, double y,
               Drawing* drawing) {
  drawing->Text(x, y + 13, panel.title, "title");
  double most = 0;
  std::vector<const json*> cells;
  for (const std::string& subject : panel.subjects) {
    const json* const cell =
        FindCell(results, {panel.experiment, subject, panel.bytes, panel.consumers}, placement);
    cells.push_back(cell);
    if (cell != nullptr) most = std::max(most, cell->at("median").get<double>());
  }
  const double left = x + kNames + 6;
  for (size_t i = 0; i < panel.subjects.size(); ++i) {
    const std::string& subject = panel.subjects[i];
    const double top = y + kTitle + static_cast<double>(i) * kRow;
    drawing->Text(x + kNames, top + 10, subject, subject == "millrace" ? "name own-text" : "name");
    if (cells[i] == nullptr) {
      drawing->Text(left, top + 10, "–", "soft");
      continue;
    }
    const json& cell = *cells[i];
    const double median = cell.at("median"), low = cell.at("low"), high = cell.at("high");
    const auto to_x = [&](double value) { return left + std::min(value / most, 1.08) * (kBars - 12); };
    const std::string tip = subject + ": median " + Rate(median) + ", quartiles " + Rate(low) + " to " +
                            Rate(high) + ", " + std::to_string(cell.at("n").get<int>()) + " slices";
    drawing->Rectangle(left, top, std::max(to_x(median) - left, 0.8), kBar, BarStyle(results, subject), tip);
    if (to_x(high) - to_x(low) > 1.5)
      drawing->Line(to_x(low), top + kBar / 2, to_x(high), top + kBar / 2, "whisker");
    const double text = std::max(to_x(high), to_x(median)) + 5;
    drawing->Text(text, top + 10, Rate(median) + (cell.at("wide").get<bool>() ? " ±" : "") + Losses(cell),
                  subject == "millrace" ? "own-text" : "");
  }
  const double bottom = y + kTitle + static_cast<double>(panel.subjects.size()) * kRow;
  const json* const limit =
      panel.limit.empty()
          ? nullptr
          : FindCell(results, {panel.experiment, panel.limit, panel.bytes, panel.consumers}, placement);
  if (limit != nullptr) {
    const double at = left + std::min(limit->at("median").get<double>() / most, 1.08) * (kBars - 12);
    drawing->Line(at, y + kTitle - 4, at, bottom, "mark");
  }
  drawing->Line(left, y + kTitle - 4, left, bottom, "axis");
}

}  // namespace

std::string KindOf(const json& results, const std::string& subject) {
  for (const json& s : results.at("subjects")) {
    if (s.at("name") == subject) return s.at("kind");
  }
  return "rival";
}

std::vector<std::string> SubjectsWith(const json& results, const std::string& experiment) {
  std::vector<std::string> subjects;
  for (const json& s : results.at("subjects")) {
    const std::string name = s.at("name");
    const auto& cells = results.at("cells");
    if (std::any_of(cells.begin(), cells.end(), [&](const json& cell) {
          return cell.at("experiment") == experiment && cell.at("subject") == name;
        })) {
      subjects.push_back(name);
    }
  }
  return subjects;
}

std::string ThroughputBars(const json& results, const std::string& placement,
                           const std::vector<BarPanel>& panels, int columns, const std::string& style_sheet,
                           const std::string& heading) {
  size_t rows = 0;
  for (const BarPanel& panel : panels) rows = std::max(rows, panel.subjects.size());
  const double panel_height = kTitle + static_cast<double>(rows) * kRow + kGap;
  const int lines = (static_cast<int>(panels.size()) + columns - 1) / columns;
  const double head = heading.empty() ? 0 : 34, margin = style_sheet.empty() ? 0 : 14;
  const double width = columns * kPanelWidth + (columns - 1) * kGap + 2 * margin;
  const double height = lines * panel_height + head + 2 * margin - kGap / 2;
  Drawing drawing(width, height);
  if (!style_sheet.empty()) drawing.Rectangle(0, 0, width, height, "back");
  if (!heading.empty()) drawing.Text(margin, margin + 14, heading, "head");
  for (size_t i = 0; i < panels.size(); ++i) {
    const double x = margin + static_cast<double>(i % static_cast<size_t>(columns)) * (kPanelWidth + kGap);
    const double y = margin + head + static_cast<double>(i / static_cast<size_t>(columns)) * panel_height;
    DrawPanel(results, placement, panels[i], x, y, &drawing);
  }
  return drawing.ToSvg(style_sheet);
}

}  // namespace millrace::bench
