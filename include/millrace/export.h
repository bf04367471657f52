// SPDX-License-Identifier: Apache-2.0
// Marks the names that the shared library exports. All other names in it are hidden.
#ifndef MILLRACE_EXPORT_H_
#define MILLRACE_EXPORT_H_

#define MILLRACE_EXPORT __attribute__((visibility("default")))

#endif  // MILLRACE_EXPORT_H_
