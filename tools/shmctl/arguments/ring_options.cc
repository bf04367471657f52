// SPDX-License-Identifier: Apache-2.0
#include "tools/shmctl/arguments/ring_options.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <charconv>
#include <string_view>

#include "CLI/CLI.hpp"
#include "tools/shmctl/arguments/values.h"
#include "tools/shmctl/text/size.h"

namespace millrace::tool {
namespace {

constexpr char kOwnedByHelp[] = "Only if the ring belongs to this user";
constexpr std::string_view kGroupPrefix = "group:";

// The highest number means "unchanged" to the kernel.
template <class Id>
std::optional<Id> IdOf(const std::string& text) {
  Id id = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || rest != text.data() + text.size() || id == static_cast<Id>(-1))
    return std::nullopt;
  return id;
}

}  // namespace

size_t CapacityArgument(const std::string& text) {
  const size_t capacity = SizeArgument("--capacity", text);
  const std::string problem = CapacityProblem(capacity);
  if (problem.empty()) return capacity;
  throw CLI::ValidationError("--capacity", problem);
}

uid_t UserArgument(const std::string& option, const std::string& text) {
  if (const passwd* user = getpwnam(text.c_str())) return user->pw_uid;
  if (const auto uid = IdOf<uid_t>(text)) return *uid;
  throw CLI::ValidationError(option, "there is no user \"" + text + "\" on this machine");
}

gid_t GroupArgument(const std::string& option, const std::string& text) {
  if (const struct group* found = getgrnam(text.c_str())) return found->gr_gid;
  if (const auto gid = IdOf<gid_t>(text)) return *gid;
  throw CLI::ValidationError(option, "there is no group \"" + text + "\" on this machine");
}

void AddOwnedBy(CLI::App& command, std::string& user) {
  command.add_option("--owned-by", user, kOwnedByHelp)->type_name("USER");
}

std::optional<uid_t> OwnedByArgument(const std::string& user) {
  if (user.empty()) return std::nullopt;
  return UserArgument("--owned-by", user);
}

Access AccessArgument(const std::string& text) {
  if (text == "private") return Access::Private();
  if (text == "watchable") return Access::Watchable();
  if (text == "everyone") return Access::Everyone();
  if (text == "group") return Access::Group(getegid());
  if (text.starts_with(kGroupPrefix))
    return Access::Group(GroupArgument("--access", text.substr(kGroupPrefix.size())));
  throw CLI::ValidationError("--access",
                             "\"" + text + "\" is not one of private, watchable, group, group:GID, everyone");
}

}  // namespace millrace::tool
