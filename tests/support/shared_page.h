// SPDX-License-Identifier: Apache-2.0
// Anonymous memory that a test shares with the children it forks: a log outside the ring. What a killed child
// wrote there stays readable.
#ifndef MILLRACE_TESTS_SUPPORT_SHARED_PAGE_H_
#define MILLRACE_TESTS_SUPPORT_SHARED_PAGE_H_

#include <sys/mman.h>

#include <cstdlib>
#include <new>

namespace millrace::testing {

template <class T>
class SharedPage {
 public:
  SharedPage() {
    void* const at = mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) abort();
    value_ = new (at) T();
  }
  SharedPage(const SharedPage&) = delete;
  ~SharedPage() { munmap(static_cast<void*>(value_), sizeof(T)); }
  T& operator*() const { return *value_; }
  T* operator->() const { return value_; }

 private:
  T* value_;
};

}  // namespace millrace::testing

#endif  // MILLRACE_TESTS_SUPPORT_SHARED_PAGE_H_
