// SPDX-License-Identifier: Apache-2.0
#include "tools/shmctl/completion/complete.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "millrace/internal/text.h"
#include "millrace/segment_manager.h"
#include "tools/shmctl/arguments/ring_names.h"
#include "tools/shmctl/commands.h"
#include "tools/shmctl/io/streams.h"
#include "tools/shmctl/text/describe.h"

namespace millrace::tool {
namespace {

using Words = std::vector<std::string>;

// Values that an option takes, or examples of them. "@rings" and similar words stand for lists that are
// looked up.
const std::map<std::string, Words>& ValuesOfOptions() {
  static const std::map<std::string, Words> values = {
      {"--access", {"private", "watchable", "group", "everyone"}},
      {"--capacity", {"1M", "4M", "16M", "64M", "256M", "1G"}},
      {"--format", {"text", "hex", "json", "raw", "length"}},
      {"--framing", {"lines", "length", "raw"}},
      {"--from", {"end", "oldest", "1m", "5m", "1h"}},
      {"--mode", {"0600", "0640", "0644", "0660", "0666"}},
      {"--older-than", {"1m", "1h", "1d"}},
      {"--on-full", {"block", "drop", "evict", "evict:5s"}},
      {"--owned-by", {"@users"}},
      {"--owner", {"@users"}},
      {"--seats-mode", {"0600", "0640", "0644", "0660", "0666"}},
      {"--since", {"1m", "1h", "1d"}},
  };
  return values;
}

// Joins the three words into which bash splits "--dir=X".
Words Joined(const Words& words) {
  Words joined;
  for (size_t i = 0; i < words.size(); ++i) {
    const bool equals = words[i] == "=" && !joined.empty() && joined.back().starts_with("--");
    if (!equals) joined.push_back(words[i]);
    if (equals && i + 1 == words.size()) joined.emplace_back();  // nothing is written after the = yet
  }
  return joined;
}

// The command line without the word to be completed.
struct Line {
  const CLI::App* command = nullptr;
  Words arguments;                     // of the command, without options and their values
  const CLI::Option* needs = nullptr;  // the option whose value is to be completed
};

const CLI::Option* OptionOf(const CLI::App& app, const CLI::App* command, const std::string& word) {
  const CLI::Option* option = command != nullptr ? command->get_option_no_throw(word) : nullptr;
  return option != nullptr ? option : app.get_option_no_throw(word);
}

const CLI::App* CommandOf(const CLI::App& app, const std::string& word) {
  for (const CLI::App* command : CommandsOf(app)) {
    if (command->check_name(word)) return command;
  }
  return nullptr;
}

Line Read(const CLI::App& app, const Words& before, std::string* directory) {
  Line line;
  for (const std::string& word : before) {
    if (line.needs != nullptr) {
      if (line.needs->check_name("--dir")) *directory = word;
      line.needs = nullptr;
    } else if (word.starts_with("-")) {
      const CLI::Option* option = OptionOf(app, line.command, word);
      if (option != nullptr && option->get_items_expected_max() > 0) line.needs = option;
    } else if (line.command == nullptr) {
      line.command = CommandOf(app, word);
    } else {
      line.arguments.push_back(word);
    }
  }
  return line;
}

void AddOptions(const CLI::App& app, Words& candidates) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) candidates.push_back("--" + name);
    for (const std::string& name : option->get_snames()) {
      if (name != "h") candidates.push_back("-" + name);
    }
  }
}

void AddCommands(const CLI::App& app, Words& candidates) {
  for (const CLI::App* command : CommandsOf(app)) candidates.push_back(command->get_name());
}

void AddRings(const std::string& directory, Words& candidates) {
  for (const std::string& name : RingNames(directory).Now()) candidates.push_back(name);
}

// Adds the seats as stat shows them under SEAT.
bool AddSeats(const std::string& directory, const std::string& ring, Words& candidates) {
  const auto info = SegmentManager(directory).Inspect(ring);
  if (!info.ok()) return false;
  for (const SeatInfo& seat : info->consumers) candidates.push_back(DescribeSeatId(seat));
  return !info->consumers.empty();
}

void AddGroups(const std::string& directory, const Words& rings, Words& candidates) {
  for (const std::string& ring : rings) {
    const auto info = SegmentManager(directory).Inspect(ring);
    if (!info.ok()) continue;
    for (const GroupInfo& group : info->groups) candidates.push_back(group.name);
  }
}

void AddUsers(Words& candidates) {
  setpwent();
  while (const passwd* user = getpwent()) candidates.emplace_back(user->pw_name);
  endpwent();
}

void AddAccountGroups(Words& candidates) {
  setgrent();
  while (const group* found = getgrent()) candidates.emplace_back(found->gr_name);
  endgrent();
}

void AddValues(const Line& line, const std::string& directory, Words& candidates) {
  const std::string option = line.needs->get_name();
  if (option == "--group") {
    if (line.command->get_name() == "set") {
      AddAccountGroups(candidates);
    } else {
      AddGroups(directory, line.arguments, candidates);
    }
  } else if (const auto values = ValuesOfOptions().find(option); values == ValuesOfOptions().end()) {
    return;
  } else if (values->second.front() == "@users") {
    AddUsers(candidates);
  } else {
    candidates = values->second;
  }
}

void AddArguments(const CLI::App& app, const Line& line, const std::string& directory, Words& candidates) {
  const std::string& command = line.command->get_name();
  if (command == "help") {
    AddCommands(app, candidates);
  } else if (command == "evict" && !line.arguments.empty()) {
    if (!AddSeats(directory, line.arguments.back(), candidates)) AddRings(directory, candidates);
  } else if (command != "create") {
    for (const CLI::Option* option : line.command->get_options()) {
      if (!option->get_positional()) continue;
      AddRings(directory, candidates);
      break;
    }
  }
}

// Accepts the name characters, and also a seat (NUMBER#GENERATION) and a policy (evict:TIME).
bool IsHarmless(std::string candidate) {
  while (candidate.starts_with("-")) candidate.erase(0, 1);
  std::replace(candidate.begin(), candidate.end(), '#', '_');
  std::replace(candidate.begin(), candidate.end(), ':', '_');
  return internal::IsName(candidate);
}

}  // namespace

int Complete(const CLI::App& app, const std::vector<std::string>& words, std::string directory) {
  Words before = Joined(words);
  std::string word;
  if (!before.empty()) {
    word = before.back();
    before.pop_back();
  }
  Words candidates;
  const Line line = Read(app, before, &directory);
  if (line.needs != nullptr) {
    AddValues(line, directory, candidates);
  } else if (line.command == nullptr) {
    AddCommands(app, candidates);
    AddOptions(app, candidates);
  } else if (word.starts_with("-")) {
    AddOptions(*line.command, candidates);
    candidates.emplace_back("--dir");
  } else {
    AddArguments(app, line, directory, candidates);
  }
  std::string text;
  for (const std::string& candidate : std::set<std::string>(candidates.begin(), candidates.end())) {
    if (candidate.starts_with(word) && IsHarmless(candidate)) text += candidate + '\n';
  }
  return Print(text);
}

}  // namespace millrace::tool
