// SPDX-License-Identifier: Apache-2.0
#include "runtime/os/module.h"

#include <dlfcn.h>
#include <link.h>

// Weak, so that a static program does not link them from its C library. The linker would warn about dlopen.
#pragma weak dladdr1
#pragma weak dlopen

namespace millrace::os {

void KeepLoaded() {
  if (&dladdr1 == nullptr || &dlopen == nullptr) return;
  Dl_info facts;
  void* found = nullptr;
  if (dladdr1(reinterpret_cast<const void*>(&KeepLoaded), &facts, &found, RTLD_DL_LINKMAP) == 0) return;
  const auto* const map = static_cast<const link_map*>(found);
  if (map == nullptr || map->l_name[0] == '\0') return;  // The program itself has an empty name.
  // The name in the link map matches the loaded object, so dlopen does not search the file system.
  (void)dlopen(map->l_name, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

}  // namespace millrace::os
