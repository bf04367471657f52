// SPDX-License-Identifier: Apache-2.0
#include "tests/stress/processes/ledger.h"

#include <dirent.h>
#include <sys/mman.h>

#include <cstdio>
#include <new>

namespace millrace::stress {

Ledger* Ledger::Create() {
  void* const at = mmap(nullptr, sizeof(Ledger), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  Ledger* const ledger = at == MAP_FAILED ? nullptr : new (at) Ledger();
  return ledger != nullptr && ledger->given.Create() ? ledger : nullptr;
}

bool Given::Create() {
  void* const at =
      mmap(nullptr, kMost, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) return false;
  bytes_ = static_cast<std::atomic<uint8_t>*>(at);
  return true;
}

void Ledger::Violation(const std::string& what) {
  const uint64_t number = violations.fetch_add(1);
  if (number < kTexts) std::snprintf(texts[number], kTextBytes, "%s", what.c_str());
}

int CountDescriptors() {
  DIR* const entries = opendir("/proc/self/fd");
  if (entries == nullptr) return -1;
  int count = 0;
  while (readdir(entries) != nullptr) ++count;
  closedir(entries);
  return count;
}

}  // namespace millrace::stress
