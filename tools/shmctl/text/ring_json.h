// SPDX-License-Identifier: Apache-2.0
// A ring as JSON, for `shmctl list --json` and `stat --json`. The names are an interface.
#ifndef MILLRACE_TOOLS_SHMCTL_TEXT_RING_JSON_H_
#define MILLRACE_TOOLS_SHMCTL_TEXT_RING_JSON_H_

#include <string>

#include "millrace/segment_manager.h"
#include "nlohmann/json.hpp"

namespace millrace::tool {

// Returns null for values that are not known or do not exist. Sizes are in bytes, times in nanoseconds.
nlohmann::ordered_json RingJson(const RingInfo& ring);

// Returns indented text with a final newline. Ill-formed UTF-8 in labels is replaced, because JSON cannot
// hold it. Control characters are escaped, so that a terminal shows them.
std::string JsonText(const nlohmann::ordered_json& json);

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_TEXT_RING_JSON_H_
