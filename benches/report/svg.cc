#include "benches/report/svg.h"

#include <cmath>
#include <cstdio>

namespace millrace::bench {
namespace {

std::string Fixed(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

std::string Scaled(double value, std::initializer_list<std::pair<double, const char*>> units) {
  for (const auto& [unit, name] : units) {
    if (value >= unit * 0.9995) return Short(value / unit) + " " + name;
  }
  const auto& [unit, name] = *(units.end() - 1);
  return Short(value / unit) + " " + name;
}

}  // namespace

std::string Escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string Short(double value) {
  char text[32];
  const double size = std::abs(value);
  const char* const format = size == 0       ? "%.0f"
                             : size >= 99.95 ? "%.0f"
                             : size >= 9.995 ? "%.1f"
                             : size >= 0.1   ? "%.2f"
                                             : "%.2g";
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string Rate(double per_second) { return Scaled(per_second, {{1e6, "M/s"}, {1e3, "k/s"}, {1, "/s"}}); }
std::string Time(double ns) { return Scaled(ns, {{1e9, "s"}, {1e6, "ms"}, {1e3, "µs"}, {1, "ns"}}); }
std::string Bytes(double bytes) {
  char text[32];
  const char* unit = "B";
  for (const char* larger : {"KiB", "MiB", "GiB"}) {
    if (bytes < 1024) break;
    bytes /= 1024;
    unit = larger;
  }
  std::snprintf(text, sizeof text, "%.0f %s", bytes, unit);
  return text;
}

void Drawing::Line(double x1, double y1, double x2, double y2, const std::string& style) {
  body_ += "<line x1=\"" + Fixed(x1) + "\" y1=\"" + Fixed(y1) + "\" x2=\"" + Fixed(x2) + "\" y2=\"" +
           Fixed(y2) + "\" class=\"" + style + "\"/>\n";
}

void Drawing::Rectangle(double x, double y, double width, double height, const std::string& style,
                        const std::string& tip) {
  body_ += "<rect x=\"" + Fixed(x) + "\" y=\"" + Fixed(y) + "\" width=\"" + Fixed(width) + "\" height=\"" +
           Fixed(height) + "\" class=\"" + style + "\"";
  body_ += tip.empty() ? "/>\n" : "><title>" + Escaped(tip) + "</title></rect>\n";
}

void Drawing::Text(double x, double y, const std::string& text, const std::string& style) {
  body_ += "<text x=\"" + Fixed(x) + "\" y=\"" + Fixed(y) + "\" class=\"" + style + "\">" + Escaped(text) +
           "</text>\n";
}

void Drawing::Path(const std::vector<std::pair<double, double>>& points, const std::string& style) {
  body_ += "<polyline class=\"" + style + "\" points=\"";
  for (const auto& [x, y] : points) body_ += Fixed(x) + "," + Fixed(y) + " ";
  body_ += "\"/>\n";
}

std::string Drawing::ToSvg(const std::string& style_sheet) const {
  const std::string size = Fixed(width_) + " " + Fixed(height_);
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + size + "\" width=\"" +
                    Fixed(width_) + "\" height=\"" + Fixed(height_) + "\" role=\"img\">\n";
  if (!style_sheet.empty()) svg += "<style>" + style_sheet + "</style>\n";
  return svg + body_ + "</svg>\n";
}

}  // namespace millrace::bench
