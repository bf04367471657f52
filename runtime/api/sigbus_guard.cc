// SPDX-License-Identifier: Apache-2.0
#include "millrace/sigbus_guard.h"

#include "runtime/os/guard.h"

namespace millrace {

absl::Status InstallSigbusGuard() { return os::InstallGuard(); }

}  // namespace millrace
