// SPDX-License-Identifier: Apache-2.0
// What the document tests share: the repository's files, the protocol pages as one text, and planting mistakes.
#ifndef MILLRACE_TESTS_DOCS_CHECKS_H_
#define MILLRACE_TESTS_DOCS_CHECKS_H_

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tests/docs/source_tree.h"

namespace millrace::docs {

inline constexpr char kLayout[] = "include/millrace/internal/layout.h";
inline constexpr char kWords[] = "include/millrace/internal/words.h";
inline constexpr char kAtomics[] = "include/millrace/internal/atomics.h";
inline constexpr char kParking[] = "include/millrace/internal/parking.h";
inline constexpr char kProtocol[] = "runtime/protocol/";

// Read once per test program.
inline const Files& Tree() {
  static const Files files = RepositoryFiles();
  return files;
}
inline std::string Text(const std::string& path) { return TextOf(Tree(), path); }

// All pages of the protocol, one after the other.
inline std::string Protocol() {
  std::string text;
  for (const auto& [path, page] : Tree()) {
    if (path.starts_with(kProtocol) && path.ends_with(".md")) text += page + "\n";
  }
  EXPECT_FALSE(text.empty()) << "no pages below " << kProtocol;
  return text;
}

// The text with a mistake planted. Fails if there is nothing to replace.
inline std::string Replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << "nothing to plant in: \"" << from << "\"";
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

inline bool InProduct(const std::string& path) {
  return IsCode(path) && (path.starts_with("include/") || path.starts_with("runtime/") ||
                          path.starts_with("tools/") || path.starts_with("examples/"));
}

}  // namespace millrace::docs

#endif  // MILLRACE_TESTS_DOCS_CHECKS_H_
