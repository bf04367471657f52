// SPDX-License-Identifier: Apache-2.0
#include "tools/shmctl/arguments/meant.h"

#include <algorithm>
#include <set>

#include "millrace/error.h"
#include "tools/shmctl/arguments/ring_names.h"
#include "tools/shmctl/commands.h"
#include "tools/shmctl/io/complaint.h"
#include "tools/shmctl/io/exit_code.h"

namespace millrace::tool {

std::vector<std::string> WithoutGuards(std::vector<std::string> words) {
  for (std::string& word : words) word = WithoutGuard(word);
  return words;
}

bool IsMeant(const std::vector<std::string>& words, const std::string& name) {
  return words.empty() || std::any_of(words.begin(), words.end(), [&](const std::string& word) {
           return IsPattern(word) ? Matches(word, name) : word == name;
         });
}

int ForEachMeant(const std::vector<std::string>& words, const std::string& directory,
                 const std::function<absl::Status(const std::string& name)>& f) {
  int exit_code = kDone;
  std::set<std::string> done;
  // Listed once, before f removes any of them: a pattern may match a ring that an earlier word has removed.
  const std::set<std::string> there = std::any_of(words.begin(), words.end(), IsPattern)
                                          ? RingNames(directory).Now()
                                          : std::set<std::string>();
  for (const std::string& word : words) {
    if (!IsPattern(word)) {
      if (done.insert(word).second) exit_code = std::max(exit_code, Refuse(f(word)));
      continue;
    }
    bool any = false;
    for (const std::string& name : there) {
      if (!Matches(word, name)) continue;
      const bool again = !done.insert(name).second;
      const absl::Status status = again ? absl::OkStatus() : f(name);
      if (ErrorOf(status) == Error::kNotARing || ErrorOf(status) == Error::kNotFound) continue;
      any = true;
      exit_code = std::max(exit_code, Refuse(status));
    }
    if (any) continue;
    Complain("no ring in " + directory + " matches \"" + word + "\"");
    exit_code = std::max(exit_code, kEnvironment);
  }
  return exit_code;
}

}  // namespace millrace::tool
