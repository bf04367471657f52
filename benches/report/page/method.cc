// What is fair and what is not: the short form of benches/README.md.
#include <cmath>

#include "benches/report/page/html.h"
#include "benches/report/page/sections.h"

namespace millrace::bench {

using nlohmann::json;

std::string MethodSection(const json& results) {
  const json& about = results.at("about");
  const char* const before_skew =
      R"(<ul>
<li>Same work, same processes, same pinning, same run. Slices of all subjects alternate, each round begins with
another one, ratios are taken between slices of one round. The first eighth of a slice does not count.</li>
<li>The host of a virtual machine moves its cores. The distance between the two cores is probed before and after
each slice; slices during which it changed are thrown away, results of different distances are never mixed.</li>
<li>Capacity: the same memory for millrace, lockfree and the raw rings, the same payload for interprocess, zeromq,
pipe and seqpacket as far as the system lets them; <b>posix_mq</b> is 10 messages deep, as systems come, <b>iceoryx</b>
256 messages (128 of 64 KiB), <b>usleep</b> one.</li>
<li><b>lockfree</b>, <b>raw_index_16_fixed</b> and <b>pipe</b> carry messages of one size and need no length. The raw
limits lack names, crash safety, joining and, but for raw_slots, further consumers. <b>raw_memcpy</b> copies a prepared
buffer, the others write each word anew.</li>
<li><b>interprocess</b> and <b>posix_mq</b> keep priorities and allow many producers, <b>zeromq</b> also works over
networks with threads of its own on the same cores, <b>iceoryx</b> manages memory for many producers.</li>
<li>Kernel queues (pipe, posix_mq, seqpacket) poll without blocking where it says "spinning": quicker, and it burns a
core.</li>
<li>Latencies of one message at a time hide what a stall would do to those behind it; the paced ones do not. All
contain two reads of the time-stamp counter (about 20 ns). The two cores' counters were found )";
  return Heading("What is fair here and what is not") + before_skew +
         Short(std::abs(about.at("clock_skew_ns").get<double>())) + " ns apart.</li>\n</ul>\n";
}

}  // namespace millrace::bench
