// index.html: one page, no network, no script.
#include "benches/report/page/sections.h"
#include "benches/report/plots.h"
#include "benches/report/query.h"
#include "benches/report/report.h"

namespace millrace::bench {

using nlohmann::json;

std::string PageOf(const json& results, const json& summary) {
  Placements placements = PlacementsSeen(results);
  if (placements.empty()) placements = {MainPlacement(results)};
  const std::string& placement = placements.front();
  return "<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
         "<meta name=viewport content=\"width=device-width\"><title>millrace: benches</title>\n<style>" +
         PageColours() + PageStyle() + PlotStyles() + "</style></head><body>\n" +
         HeadSection(results, summary, placement) + TargetsSection(summary) +
         LatencySection(results, placements) + ThroughputSection(results, placements) +
         FanOutSection(results, placements) + SlowSection(results, placement) +
         IdleSection(results, placement) + FactsSection(results) + MethodSection(results) +
         "</body></html>\n";
}

}  // namespace millrace::bench
