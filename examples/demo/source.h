// The file that is streamed.
#ifndef MILLRACE_EXAMPLES_DEMO_SOURCE_H_
#define MILLRACE_EXAMPLES_DEMO_SOURCE_H_

#include <cstdint>
#include <optional>
#include <string>

namespace demo {

// The largest program or library of this system that has at most 128 MiB; "" if there is none.
std::string LargestSystemFile();
// As demo::FinishCrc gives it; read from the file once more. Nothing if it cannot be read.
std::optional<uint32_t> CrcOfFile(const std::string& file);
// "35.5 MB": decimal, for people.
std::string Megabytes(double bytes);

}  // namespace demo

#endif  // MILLRACE_EXAMPLES_DEMO_SOURCE_H_
