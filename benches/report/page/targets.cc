// The project's targets: a line each, their parts folded.
#include "benches/report/page/html.h"
#include "benches/report/page/sections.h"

namespace millrace::bench {
namespace {

using nlohmann::json;

std::string Verdict(const json& met) {
  if (met.is_null()) return "<span class=open>not measured</span>";
  return met.get<bool>() ? "<span class=met>met</span>" : "<span class=missed>not met</span>";
}

std::string ValueOf(const json& part) {
  if (part.at("value").is_null()) return "–";
  return Short(part.at("value").get<double>()) + (part.contains("wide") ? " ±" : "");
}

// The same in the earlier runs, oldest first.
std::string EarlierOf(const json& part) {
  std::string text;
  for (const json& value : part.value("earlier", json::array()))
    text += (text.empty() ? "" : ", ") + (value.is_null() ? "–" : Short(value.get<double>()));
  return text;
}

std::string Details(const json& part) {
  std::string text;
  const auto add = [&](const std::string& more) { text += (text.empty() ? "" : "; ") + more; };
  if (part.contains("by_placement")) {
    for (const auto& [placement, s] : part.at("by_placement").items()) {
      add(placement + " " + Short(s.at("median").get<double>()) + " (" + Short(s.at("low").get<double>()) +
          "–" + Short(s.at("high").get<double>()) + ", " + std::to_string(s.at("rounds").get<int>()) +
          " rounds" + (s.at("wide").get<bool>() ? ", ±" : "") + ")");
    }
  }
  if (part.contains("where")) {
    for (const json& where : part.at("where")) add(where.get<std::string>());
  }
  if (part.contains("why")) text = part.at("why").get<std::string>();
  return Escaped(text);
}

}  // namespace

std::string TargetsSection(const json& summary) {
  Table targets({"#", "target of the project", "the part furthest from it", "#value", "#target", ""});
  Table parts(
      {"#", "part", "#value", "#target", "earlier runs", "by placement: median of ratios (quartiles)", ""});
  int met = 0;
  for (const json& target : summary) {
    met += target.at("met") == true;
    const std::string id = target.at("id");
    targets.Row({id, Escaped(target.at("what").get<std::string>()),
                 target.contains("worst_part") ? Escaped(target.at("worst_part").get<std::string>()) : "–",
                 ValueOf(target), Escaped(target.at("target").get<std::string>()),
                 Verdict(target.at("met"))});
    for (const json& part : target.at("parts")) {
      parts.Row({id, Escaped(part.at("what").get<std::string>()), ValueOf(part),
                 Escaped(part.at("target").get<std::string>()), EarlierOf(part), Details(part),
                 Verdict(part.at("met"))});
    }
  }
  return Heading("Targets: " + std::to_string(met) + " of " + std::to_string(summary.size()) + " met") +
         targets.ToHtml() + Folded("every part of them", parts.ToHtml());
}

}  // namespace millrace::bench
