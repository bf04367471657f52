// SPDX-License-Identifier: Apache-2.0
// Holds the tests' precompiled headers, and nothing else (tests/CMakeLists.txt).
