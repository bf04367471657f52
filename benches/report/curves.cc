// Latency percentiles as curves.
#include <algorithm>
#include <cmath>

#include "benches/report/plots.h"
#include "benches/report/query.h"
#include "benches/report/svg.h"

namespace millrace::bench {
namespace {

using nlohmann::json;

constexpr double kWidth = 566, kHeight = 310, kLeft = 54, kRight = 236, kTop = 30, kBottom = 34;

// Fixed per name, so that a rival keeps its colour from plot to plot. Readable on white and on black.
std::string ColourOf(const std::string& subject) {
  static const std::pair<const char*, const char*> colours[] = {
      {"lockfree", "#2f80c8"}, {"interprocess", "#8757c9"}, {"zeromq", "#c2417c"},    {"iceoryx", "#1f9d8b"},
      {"posix_mq", "#b8860b"}, {"pipe", "#5f9e32"},         {"seqpacket", "#a0664b"}, {"usleep", "#c0392b"}};
  for (const auto& [name, colour] : colours) {
    if (subject == name) return colour;
  }
  return "#6c7a89";
}

struct Curve {
  std::string subject;
  double median, p999;  // ns
  bool wide;
  std::vector<std::pair<double, double>> points;  // place of the share, ns; the last is the maximum
};

// Each further nine takes the same room.
double PlaceOfShare(double share) { return -std::log10(1 - share); }
constexpr double kFirstPlace = 0.1;  // about p20
constexpr double kMaxPlace = 4.75;

double ToX(double place) {
  return kLeft + (place - kFirstPlace) / (kMaxPlace - kFirstPlace) * (kWidth - kLeft - kRight);
}

struct Scale {
  double low, high;  // log10 of ns
  double ToY(double ns) const {
    const double place = (std::log10(std::max(ns, 1.0)) - low) / (high - low);
    return kHeight - kBottom - std::clamp(place, 0.0, 1.0) * (kHeight - kTop - kBottom);
  }
};

Scale ScaleOf(const std::vector<Curve>& curves) {
  double least = 1e12, most = 1;
  for (const Curve& curve : curves) {
    for (const auto& [place, ns] : curve.points) {
      least = std::min(least, std::max(ns, 1.0));
      most = std::max(most, ns);
    }
  }
  return {std::floor(std::log10(least) * 2) / 2, std::ceil(std::log10(most) * 2) / 2};
}

void DrawAxes(const Scale& scale, const std::string& title, Drawing* drawing) {
  drawing->Text(kLeft, 16, title, "title");
  for (double decade = std::ceil(scale.low); decade <= scale.high; ++decade) {
    const double y = scale.ToY(std::pow(10, decade));
    drawing->Line(kLeft, y, kWidth - kRight, y, "grid");
    drawing->Text(kLeft - 6, y + 4, Time(std::pow(10, decade)), "soft end");
  }
  const std::pair<const char*, double> marks[] = {
      {"p50", PlaceOfShare(0.5)},     {"p90", PlaceOfShare(0.9)},       {"p99", PlaceOfShare(0.99)},
      {"p99.9", PlaceOfShare(0.999)}, {"p99.99", PlaceOfShare(0.9999)}, {"max", kMaxPlace}};
  for (const auto& [name, place] : marks) {
    drawing->Line(ToX(place), kTop, ToX(place), kHeight - kBottom, "grid");
    drawing->Text(ToX(place), kHeight - kBottom + 16, name, "soft mid");
  }
  drawing->Line(kLeft, kHeight - kBottom, kWidth - kRight, kHeight - kBottom, "axis");
}

// Names and medians beside the plot, quickest first. (At their right ends the curves run together.)
void DrawNames(std::vector<Curve> curves, const json& results, Drawing* drawing) {
  constexpr double kLineHeight = 17;
  std::sort(curves.begin(), curves.end(), [](const Curve& a, const Curve& b) { return a.median < b.median; });
  const double x = kWidth - kRight + 14;
  drawing->Text(kWidth - 62, kTop - 2, "p50", "soft end");
  drawing->Text(kWidth - 4, kTop - 2, "p99.9", "soft end");
  for (size_t i = 0; i < curves.size(); ++i) {
    const Curve& curve = curves[i];
    const double y = kTop + 18 + static_cast<double>(i) * kLineHeight;
    const bool limit = KindOf(results, curve.subject) == "limit";
    std::string style = curve.subject == "millrace" ? "own-text"
                        : limit                     ? "soft"
                                                    : "\" style=\"fill:" + ColourOf(curve.subject);
    drawing->Text(x, y, curve.subject, style);
    const char* const numbers = curve.subject == "millrace" ? "own-text end" : "soft end";
    drawing->Text(kWidth - 62, y, Time(curve.median) + (curve.wide ? " ±" : ""), numbers);
    drawing->Text(kWidth - 4, y, Time(curve.p999), numbers);
  }
}

std::vector<Curve> CurvesOf(const json& results, const std::string& placement, const CellKey& work) {
  std::vector<Curve> curves;
  for (const json& cell : results.at("cells")) {
    if (cell.at("experiment") != work.experiment || cell.at("waiting") != work.waiting ||
        cell.at("placement") != placement)
      continue;
    const std::string subject = cell.at("subject");
    // Of the raw limits, those that say most; all of them are in the table.
    if (subject == "raw_index" || subject == "raw_index_16_fixed") continue;
    // The limit of one line stands for both small sizes.
    const bool one_line = subject == "raw_bounce" || subject == "raw_futex";
    if (cell.at("bytes") != work.bytes && !(one_line && work.bytes == 64)) continue;
    const json& latency = cell.at("latency");
    Curve curve{subject, latency.at("p50"), latency.at("p99.9"), cell.at("wide"), {}};
    const double count = latency.at("count");
    for (const json& point : latency.at("curve")) {
      const double share = point.at(0);
      if (PlaceOfShare(share) < kFirstPlace) continue;
      if (count * (1 - share) < 3) break;  // fewer messages than that beyond it: the maximum says it
      curve.points.emplace_back(PlaceOfShare(share), point.at(1).get<double>());
    }
    curve.points.emplace_back(kMaxPlace, latency.at("max").get<double>());
    curves.push_back(curve);
  }
  return curves;
}

}  // namespace

std::string LatencyCurves(const json& results, const std::string& placement, const CellKey& work,
                          const std::string& title) {
  const std::vector<Curve> curves = CurvesOf(results, placement, work);
  if (curves.empty()) return "";
  const Scale scale = ScaleOf(curves);
  Drawing drawing(kWidth, kHeight);
  DrawAxes(scale, title, &drawing);
  for (const bool own : {false, true}) {  // millrace on top
    for (const Curve& curve : curves) {
      if ((curve.subject == "millrace") != own) continue;
      std::vector<std::pair<double, double>> points;
      for (const auto& [place, ns] : curve.points) points.emplace_back(ToX(place), scale.ToY(ns));
      const std::string kind = KindOf(results, curve.subject);
      drawing.Path(points, kind == "rival" ? "rival\" style=\"stroke:" + ColourOf(curve.subject) : kind);
    }
  }
  DrawNames(curves, results, &drawing);
  return drawing.ToSvg();
}

}  // namespace millrace::bench
