#include "benches/report/page/sections.h"

namespace millrace::bench {

std::string PageStyle() {
  return R"(*{box-sizing:border-box}
body{margin:0 auto;padding:28px 24px 60px;max-width:1200px;background:var(--back);color:var(--ink);
 font:15px/1.5 system-ui,'DejaVu Sans',sans-serif}
h1{font-size:26px;line-height:1.25;margin:0 0 6px}
h2{font-size:19px;line-height:1.3;margin:38px 0 8px;border-bottom:1px solid var(--line);padding-bottom:5px}
h3{font-size:15px;margin:20px 0 2px}
p{margin:6px 0 12px;max-width:86ch}
.meta{color:var(--soft);font-size:13px;max-width:none}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px;margin:8px 0}
th{text-align:left;color:var(--soft);font-weight:500;font-size:12.5px}
td,th{padding:4px 14px 4px 0;border-bottom:1px solid var(--line);vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.met,.missed,.open{font-weight:600;white-space:nowrap}
.met{color:var(--good)}.missed{color:var(--bad)}.open{color:var(--open)}.soft{color:var(--soft)}
.cards{display:flex;gap:12px;flex-wrap:wrap;margin:16px 0}
.card{background:var(--panel);border:1px solid var(--line);border-radius:8px;padding:10px 16px;flex:1 1 160px}
.card b{display:block;font-size:22px;line-height:1.3}.card span{color:var(--soft);font-size:12.5px}
.plots{display:flex;flex-wrap:wrap;gap:18px}
svg{max-width:100%;height:auto}
.key i{display:inline-block;width:11px;height:11px;margin:0 5px 0 14px;border-radius:2px}
.key i:first-child{margin-left:0}
details{margin:8px 0}summary{cursor:pointer;color:var(--soft)}
.warn{background:var(--panel);border-left:4px solid var(--bad);padding:8px 14px;max-width:none}
ul{padding-left:20px;max-width:95ch}li{margin:3px 0}
)";
}

}  // namespace millrace::bench
