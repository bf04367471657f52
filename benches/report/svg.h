// Just enough of SVG and HTML for the page.
#ifndef MILLRACE_BENCHES_REPORT_SVG_H_
#define MILLRACE_BENCHES_REPORT_SVG_H_

#include <string>
#include <vector>

namespace millrace::bench {

std::string Escaped(const std::string& text);
std::string Short(double value);      // 158, 8.6, 0.96, 0.0001
std::string Rate(double per_second);  // "158 M/s", "620 k/s", "99 /s"
std::string Time(double ns);          // "75 ns", "5.1 ms"
std::string Bytes(double bytes);      // "8 B", "64 KiB"

// A drawing of a fixed size; coordinates in pixels.
class Drawing {
 public:
  Drawing(double width, double height) : width_(width), height_(height) {}
  // `style` is a class of the style sheet and may be followed by attributes.
  void Line(double x1, double y1, double x2, double y2, const std::string& style);
  void Rectangle(double x, double y, double width, double height, const std::string& style,
                 const std::string& tip = "");
  void Text(double x, double y, const std::string& text, const std::string& style);
  void Path(const std::vector<std::pair<double, double>>& points, const std::string& style);
  void Raw(const std::string& svg) { body_ += svg; }
  // `style_sheet` empty: the page around it has one.
  std::string ToSvg(const std::string& style_sheet = "") const;

 private:
  double width_, height_;
  std::string body_;
};

}  // namespace millrace::bench

#endif  // MILLRACE_BENCHES_REPORT_SVG_H_
