// Holds the tests' precompiled headers, and nothing else (tests/CMakeLists.txt).
