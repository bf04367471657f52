// SPDX-License-Identifier: Apache-2.0
// The exit codes of shmctl. They are part of its interface, because scripts decide by them.
#ifndef MILLRACE_TOOLS_SHMCTL_IO_EXIT_CODE_H_
#define MILLRACE_TOOLS_SHMCTL_IO_EXIT_CODE_H_

namespace millrace::tool {

inline constexpr int kDone = 0;
inline constexpr int kFinding = 1;       // it worked, but there is a finding, such as lost messages
inline constexpr int kUsage = 2;         // the command line can never work, whatever the machine's state
inline constexpr int kEnvironment = 3;   // the ring, the system or the input does not allow it
inline constexpr int kSignalBase = 128;  // + the number of the signal that ended it

// The last lines of every --help.
inline constexpr char kCommonHelp[] =
    "Rings are in /dev/shm, or in the directory that --dir DIR or the variable MILLRACE_DIR names.\n"
    "Exit codes: 0 done; 1 done, but messages were lost; 2 wrong usage; 3 the ring, the system or the input\n"
    "prevented it; 128+N ended by signal N.";

}  // namespace millrace::tool

#endif  // MILLRACE_TOOLS_SHMCTL_IO_EXIT_CODE_H_
