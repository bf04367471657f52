// SPDX-License-Identifier: Apache-2.0
// Input of the documentation tests: the files of the repository, and tables in texts.
#ifndef MILLRACE_TESTS_DOCS_SOURCE_TREE_H_
#define MILLRACE_TESTS_DOCS_SOURCE_TREE_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::docs {

using Files = std::map<std::string, std::string>;  // path from the root of the repository -> contents
using Row = std::vector<std::string>;
using Problems = std::vector<std::string>;

// Returns all regular files except those of version control and of builds.
Files RepositoryFiles();
// Returns the file's text. Fails the test if the file is missing.
std::string TextOf(const Files& files, const std::string& path);
bool IsCode(std::string_view path);

std::vector<std::string> LinesOf(std::string_view text);
// Returns the rows of the first Markdown table whose heading row begins with
// these cells, without heading and ruler.
std::vector<Row> TableUnder(std::string_view markdown, const Row& heading);

// Joins the problems to one text, for EXPECT_EQ(Joined(problems), "").
std::string Joined(const Problems& problems);

}  // namespace millrace::docs

#endif  // MILLRACE_TESTS_DOCS_SOURCE_TREE_H_
