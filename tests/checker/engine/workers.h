// SPDX-License-Identifier: Apache-2.0
// Runs independent pieces of work on several CPUs. Each worker is a forked copy of this process, because the
// machine and the world exist once in each process.
#ifndef MILLRACE_TESTS_CHECKER_ENGINE_WORKERS_H_
#define MILLRACE_TESTS_CHECKER_ENGINE_WORKERS_H_

#include <cstddef>
#include <functional>
#include <string>

namespace millrace::checker {

// Does pieces 0 to `pieces` - 1; a free worker takes the next one. Calls `done` with what each piece
// returned, in that order. A worker that dies loses its piece; `done` then gets an empty text.
void Share(size_t pieces, unsigned workers, const std::function<std::string(size_t)>& work,
           const std::function<void(size_t, const std::string&)>& done);

unsigned Cpus();

}  // namespace millrace::checker

#endif  // MILLRACE_TESTS_CHECKER_ENGINE_WORKERS_H_
