// SPDX-License-Identifier: Apache-2.0
#include "benches/harness/machine.h"

#include <sys/utsname.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "benches/harness/process.h"
#include "benches/harness/ticks.h"

namespace millrace::bench {
namespace {

std::string FromCpuInfo(const std::string& key) {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(key)) continue;
    const size_t colon = line.find(':');
    if (colon != std::string::npos && colon + 2 <= line.size()) return line.substr(colon + 2);
  }
  return "unknown";
}

std::string OutputOf(const std::string& command) {
  std::string output;
  FILE* const pipe = popen((command + " 2>/dev/null").c_str(), "r");
  if (pipe == nullptr) return output;
  std::array<char, 256> buffer{};
  while (std::fgets(buffer.data(), buffer.size(), pipe) != nullptr) output += buffer.data();
  pclose(pipe);
  while (!output.empty() && output.back() == '\n') output.pop_back();
  return output;
}

// Returns the commit of the sources of this binary, with "-dirty" if the sources differ from the commit.
std::string Commit() {
  const std::string git = std::string("git -C '") + MILLRACE_SOURCE_DIR + "' ";
  const std::string commit = OutputOf(git + "rev-parse --short=12 HEAD");
  if (commit.empty()) return "unknown";
  const bool dirty =
      !OutputOf(git + "status --porcelain -- include runtime benches ':!benches/results'").empty();
  return commit + (dirty ? "-dirty" : "");
}

}  // namespace

nlohmann::json DescribeMachine() {
  utsname name{};
  uname(&name);
  const bool virtual_machine = FromCpuInfo("flags").find(" hypervisor") != std::string::npos;
  return {
      {"commit", Commit()},
      {"cpu", FromCpuInfo("model name")},
      {"cpu_family_model", FromCpuInfo("cpu family") + "/" + FromCpuInfo("model\t")},
      {"virtual_machine", virtual_machine},
      {"cores", Cores().size()},
      {"kernel", std::string(name.sysname) + " " + name.release},
      {"architecture", name.machine},
      {"compiler", MILLRACE_COMPILER},
      {"flags", MILLRACE_FLAGS},
      {"pinning", PinningInWords()},
      {"date", OutputOf("date -u +%Y-%m-%dT%H:%MZ")},
      {"ticks_per_ns", TicksPerNs()},
      {"ticks_invariant", TicksAreInvariant()},
  };
}

double LoadAverage() {
  std::array<double, 3> loads{};
  return getloadavg(loads.data(), 3) < 1 ? 0 : loads[0];
}

}  // namespace millrace::bench
