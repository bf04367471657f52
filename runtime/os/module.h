// The shared object that this code is part of, where it is part of a plug-in.
#ifndef MILLRACE_RUNTIME_OS_MODULE_H_
#define MILLRACE_RUNTIME_OS_MODULE_H_

namespace millrace::os {

// Keeps the shared object that contains this code loaded until the process ends, whoever calls dlclose(). A
// program may unload a plug-in at any time, also while a thread of ours runs its code, or the kernel holds
// the address of our signal handler. Does nothing in the program itself.
void KeepLoaded();

}  // namespace millrace::os

#endif  // MILLRACE_RUNTIME_OS_MODULE_H_
