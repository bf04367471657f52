// Independent pieces of work on several CPUs: each worker is a forked copy of this process, since the machine
// and the world exist once in each.
#ifndef MILLRACE_TESTS_CHECKER_WORKERS_H_
#define MILLRACE_TESTS_CHECKER_WORKERS_H_

#include <cstddef>
#include <functional>
#include <string>

namespace millrace::checker {

// Does pieces 0 to `pieces` - 1, whichever is next, and hands over what each returned in that order. A worker
// that dies loses its piece: then `done` is told so by an empty text.
void Share(size_t pieces, unsigned workers, const std::function<std::string(size_t)>& work,
           const std::function<void(size_t, const std::string&)>& done);

unsigned Cpus();

}  // namespace millrace::checker

#endif  // MILLRACE_TESTS_CHECKER_WORKERS_H_
