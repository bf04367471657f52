#include "tools/shmctl/ring_options.h"

#include <grp.h>
#include <unistd.h>

#include <charconv>
#include <optional>
#include <string_view>

#include "CLI/CLI.hpp"
#include "tools/shmctl/size.h"

namespace millrace::tool {
namespace {

constexpr std::string_view kGroupPrefix = "group:";

gid_t GroupArgument(const std::string& text) {
  gid_t gid = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), gid);
  if (error == std::errc() && rest == text.data() + text.size()) return gid;
  if (const group* found = getgrnam(text.c_str())) return found->gr_gid;
  throw CLI::ValidationError("--access", "there is no group \"" + text + "\" on this machine");
}

}  // namespace

size_t SizeArgument(const std::string& option, const std::string& text) {
  if (const std::optional<size_t> size = ParseSize(text)) return *size;
  throw CLI::ValidationError(
      option, "\"" + text + "\" is no size; write bytes, or a number and K, M, G, KB, MB or GB");
}

size_t CapacityArgument(const std::string& text) {
  const size_t capacity = SizeArgument("--capacity", text);
  const std::string problem = CapacityProblem(capacity);
  if (problem.empty()) return capacity;
  throw CLI::ValidationError("--capacity", problem);
}

Access AccessArgument(const std::string& text) {
  if (text == "private") return Access::Private();
  if (text == "watchable") return Access::Watchable();
  if (text == "everyone") return Access::Everyone();
  if (text == "group") return Access::Group(getegid());
  if (text.starts_with(kGroupPrefix)) return Access::Group(GroupArgument(text.substr(kGroupPrefix.size())));
  throw CLI::ValidationError("--access",
                             "\"" + text + "\" is none of private, watchable, group, group:GID, everyone");
}

}  // namespace millrace::tool
