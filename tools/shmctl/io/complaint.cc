// SPDX-License-Identifier: Apache-2.0
#include "tools/shmctl/io/complaint.h"

#include <unistd.h>

#include <string>

#include "millrace/error.h"
#include "tools/shmctl/io/exit_code.h"
#include "tools/shmctl/text/utf8.h"

namespace millrace::tool {

void Complain(std::string_view text) {
  std::string line = "shmctl: ";
  AppendEscaped(text, &line);
  line.push_back('\n');
  // If standard error itself cannot be written, there is no place left to report that.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
}

int ExitCodeOf(const absl::Status& status) {
  switch (ErrorOf(status)) {
    case Error::kNone:
      return kDone;
    case Error::kBadArgument:
    case Error::kBadName:
      return kUsage;
    default:
      return kEnvironment;
  }
}

int Refuse(const absl::Status& status) {
  if (!status.ok()) Complain(std::string_view(status.message().data(), status.message().size()));
  return ExitCodeOf(status);
}

int ComplainOfUnreadable(const std::vector<RingInfo>& rings) {
  int exit_code = kDone;
  for (const RingInfo& ring : rings) {
    if (ring.state != "unreadable" || (ring.uid != geteuid() && geteuid() != 0)) continue;
    Complain("cannot read \"" + ring.name + "\": " + ring.damage);
    exit_code = kFinding;
  }
  return exit_code;
}

}  // namespace millrace::tool
