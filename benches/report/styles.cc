#include "benches/report/plots.h"

namespace millrace::bench {
namespace {

constexpr const char* kLight =
    "--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--back:#ffffff;--panel:#f6f8fa;--own:#d9480f;--own2:#f08c5a;"
    "--rival:#3b6ea8;--limit:#8c959f;--good:#1a7f37;--bad:#c92a2a;--open:#7d6608;";
constexpr const char* kDark =
    "--ink:#e6edf3;--soft:#9da7b3;--line:#3d444d;--back:#0d1117;--panel:#161b22;--own:#ff8c4b;--own2:#b5612f;"
    "--rival:#6ea8e8;--limit:#7d8590;--good:#4cc26a;--bad:#ff7b72;--open:#d6b443;";

}  // namespace

std::string PlotStyles() {
  return "text{font-family:system-ui,'DejaVu Sans',sans-serif;font-size:12px;fill:var(--ink)}"
         ".head{font-size:16px;font-weight:600}.title{font-size:13px;font-weight:600}.name{text-anchor:end}"
         ".own-text{font-weight:600;fill:var(--own)}.soft{fill:var(--soft);font-size:11px}.end{text-anchor:"
         "end}"
         ".mid{text-anchor:middle}.axis{stroke:var(--line);stroke-width:1}.grid{stroke:var(--line);stroke-"
         "width:.6}"
         ".mark{stroke:var(--ink);stroke-width:1;stroke-dasharray:3 3;opacity:.7}"
         ".whisker{stroke:var(--ink);stroke-width:1.2;opacity:.65}"
         "rect.millrace{fill:var(--own)}rect.variant{fill:var(--own2)}rect.rival{fill:var(--rival)}"
         "rect.limit{fill:var(--limit);opacity:.55}rect.back{fill:var(--back)}"
         "polyline{fill:none;stroke-width:1.8}polyline.millrace{stroke:var(--own);stroke-width:3.2}"
         "polyline.limit{stroke:var(--limit);stroke-dasharray:5 3}";
}

std::string PageColours() {
  return std::string(":root{color-scheme:light dark;") + kLight +
         "}@media(prefers-color-scheme:dark){:root{" + kDark + "}}";
}

std::string PictureColours() { return std::string("svg{") + kLight + "}"; }

}  // namespace millrace::bench
