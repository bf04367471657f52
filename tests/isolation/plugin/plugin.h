// SPDX-License-Identifier: Apache-2.0
// The functions of the plug-in. Each opens the ring "q" of the directory, uses it
// and closes it. Returns 0 on success.
#ifndef MILLRACE_TESTS_ISOLATION_PLUGIN_PLUGIN_H_
#define MILLRACE_TESTS_ISOLATION_PLUGIN_PLUGIN_H_

#define PLUGIN_CALL extern "C" __attribute__((visibility("default"))) int

PLUGIN_CALL plugin_read(const char* directory);
PLUGIN_CALL plugin_wait_by_descriptor(const char* directory);
PLUGIN_CALL plugin_guard(const char* directory);

#endif  // MILLRACE_TESTS_ISOLATION_PLUGIN_PLUGIN_H_
