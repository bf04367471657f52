// SPDX-License-Identifier: Apache-2.0
// The release of millrace that these headers belong to, as plain macros for preprocessor conditions.
#ifndef MILLRACE_VERSION_H_
#define MILLRACE_VERSION_H_

#define MILLRACE_VERSION_MAJOR 0
#define MILLRACE_VERSION_MINOR 1
#define MILLRACE_VERSION_PATCH 0

// The release as one number that grows with each release: 0.1.0 is 100, 1.2.3 is 10203.
#define MILLRACE_VERSION \
  (MILLRACE_VERSION_MAJOR * 10000 + MILLRACE_VERSION_MINOR * 100 + MILLRACE_VERSION_PATCH)

// The release as a string, such as "0.1.0".
#define MILLRACE_VERSION_STRING \
  MILLRACE_VERSION_TEXT_(MILLRACE_VERSION_MAJOR, MILLRACE_VERSION_MINOR, MILLRACE_VERSION_PATCH)
#define MILLRACE_VERSION_TEXT_(major, minor, patch) MILLRACE_VERSION_JOIN_(major, minor, patch)
#define MILLRACE_VERSION_JOIN_(major, minor, patch) #major "." #minor "." #patch

#endif  // MILLRACE_VERSION_H_
