// SPDX-License-Identifier: Apache-2.0
// The shared object that contains this code, if the program has loaded it as part of a plug-in.
#ifndef MILLRACE_RUNTIME_OS_MODULE_H_
#define MILLRACE_RUNTIME_OS_MODULE_H_

namespace millrace::os {

// Keeps the shared object that contains this code loaded until the process ends, despite any dlclose(). A
// program may unload a plug-in while a thread of ours runs its code, or while the kernel holds the address of
// our signal handler. Does nothing if this code is part of the program itself.
void KeepLoaded();

}  // namespace millrace::os

#endif  // MILLRACE_RUNTIME_OS_MODULE_H_
