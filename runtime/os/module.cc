#include "runtime/os/module.h"

#include <dlfcn.h>
#include <link.h>

// Weak: a static program gets neither from its C library, nor the linker's warning about dlopen.
#pragma weak dladdr1
#pragma weak dlopen

namespace millrace::os {

void KeepLoaded() {
  if (&dladdr1 == nullptr || &dlopen == nullptr) return;
  Dl_info facts;
  void* found = nullptr;
  if (dladdr1(reinterpret_cast<const void*>(&KeepLoaded), &facts, &found, RTLD_DL_LINKMAP) == 0) return;
  const auto* const map = static_cast<const link_map*>(found);
  if (map == nullptr || map->l_name[0] == '\0') return;  // the program
  // Its own name finds it among what is loaded, without a look at the file system.
  (void)dlopen(map->l_name, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

}  // namespace millrace::os
