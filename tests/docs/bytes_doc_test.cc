// SPDX-License-Identifier: Apache-2.0
// The byte tables and the lock table of the protocol pages equal the structs and constants. Each check is also
// given a wrong text, which it must refuse.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "millrace/internal/layout.h"
#include "tests/docs/checks.h"

namespace millrace::docs {
namespace {

using namespace millrace::internal;  // NOLINT(google-build-using-namespace): every struct of the layout

struct Place {
  size_t offset, size;
  bool operator==(const Place&) const = default;
};
using Places = std::map<std::string, Place>;  // "Struct.field", or "Struct.*" for the whole struct

#define WHOLE(Struct)                   \
  {                                     \
#Struct ".*", { 0, sizeof(Struct) } \
  }
#define FIELD(Struct, field)                                               \
  {                                                                        \
#Struct "." #field, { offsetof(Struct, field), sizeof(Struct::field) } \
  }
const Places& Compiled() {
  static const Places places{
      WHOLE(RingHeader),
      FIELD(RingHeader, magic),
      FIELD(RingHeader, layout_major),
      FIELD(RingHeader, layout_minor),
      FIELD(RingHeader, features_incompatible),
      FIELD(RingHeader, features_write),
      FIELD(RingHeader, features_compatible),
      FIELD(RingHeader, file_bytes),
      FIELD(RingHeader, data_offset),
      FIELD(RingHeader, capacity),
      FIELD(RingHeader, max_message),
      FIELD(RingHeader, created_ns),
      FIELD(RingHeader, incarnation),
      FIELD(RingHeader, seats),
      FIELD(RingHeader, groups),
      FIELD(RingHeader, schema_bytes),
      FIELD(RingHeader, unused_word),
      FIELD(RingHeader, schema),
      FIELD(RingHeader, unused),
      WHOLE(RoomWords),
      FIELD(RoomWords, intent),
      FIELD(RoomWords, reserved),
      FIELD(RoomWords, state),
      FIELD(RoomWords, flags),
      FIELD(RoomWords, epoch_first_sequence),
      FIELD(RoomWords, removed),
      FIELD(RoomWords, attributes),
      WHOLE(TailWords),
      FIELD(TailWords, position),
      FIELD(TailWords, sequence),
      WHOLE(WakeWords),
      FIELD(WakeWords, epoch),
      WHOLE(CounterWords),
      FIELD(CounterWords, bytes),
      FIELD(CounterWords, dropped),
      FIELD(CounterWords, blocked),
      FIELD(CounterWords, blocked_ns),
      FIELD(CounterWords, evictions),
      FIELD(CounterWords, wakes),
      FIELD(CounterWords, abandoned),
      FIELD(CounterWords, activity),
      FIELD(CounterWords, since_ns),
      FIELD(CounterWords, wanted_end),
      FIELD(CounterWords, last_wake),
      FIELD(CounterWords, tool_evictions),
      WHOLE(ProducerIdentity),
      FIELD(ProducerIdentity, pid_namespace),
      FIELD(ProducerIdentity, since_ns),
      FIELD(ProducerIdentity, pid),
      FIELD(ProducerIdentity, uid),
      FIELD(ProducerIdentity, label),
      FIELD(ProducerIdentity, left_ns),
      WHOLE(Mark),
      FIELD(Mark, position),
      FIELD(Mark, sequence),
      FIELD(Mark, time_ns),
      FIELD(Mark, unused),
      WHOLE(RingControl),
      FIELD(RingControl, room),
      FIELD(RingControl, tail),
      FIELD(RingControl, wake),
      FIELD(RingControl, counters),
      FIELD(RingControl, producer),
      FIELD(RingControl, unused),
      FIELD(RingControl, marks),
      WHOLE(SeatsHeader),
      FIELD(SeatsHeader, magic),
      FIELD(SeatsHeader, layout_major),
      FIELD(SeatsHeader, layout_minor),
      FIELD(SeatsHeader, features_incompatible),
      FIELD(SeatsHeader, features_write),
      FIELD(SeatsHeader, features_compatible),
      FIELD(SeatsHeader, file_bytes),
      FIELD(SeatsHeader, seats_offset),
      FIELD(SeatsHeader, incarnation),
      FIELD(SeatsHeader, seats),
      FIELD(SeatsHeader, groups),
      FIELD(SeatsHeader, unused),
      WHOLE(SleeperWords),
      FIELD(SleeperWords, sleepers),
      WHOLE(RoomWaitingWords),
      FIELD(RoomWaitingWords, waiting),
      WHOLE(RoomEpochWords),
      FIELD(RoomEpochWords, epoch),
      WHOLE(JoinWords),
      FIELD(JoinWords, seats_used),
      FIELD(JoinWords, joins),
      WHOLE(GroupWords),
      FIELD(GroupWords, cursor),
      FIELD(GroupWords, unused_word),
      FIELD(GroupWords, generation),
      FIELD(GroupWords, flags),
      FIELD(GroupWords, name),
      FIELD(GroupWords, moves),
      FIELD(GroupWords, unused),
      WHOLE(SeatWords),
      FIELD(SeatWords, position),
      FIELD(SeatWords, lease),
      FIELD(SeatWords, lease_end),
      FIELD(SeatWords, deliveries),
      FIELD(SeatWords, sequence),
      FIELD(SeatWords, received),
      FIELD(SeatWords, lost),
      FIELD(SeatWords, skipped),
      FIELD(SeatWords, overruns),
      FIELD(SeatWords, late_wakeups),
      FIELD(SeatWords, start_sequence),
      FIELD(SeatWords, left_ns),
      FIELD(SeatWords, unused),
      WHOLE(SeatIdentity),
      FIELD(SeatIdentity, state),
      FIELD(SeatIdentity, evicted_sequence),
      FIELD(SeatIdentity, pid_namespace),
      FIELD(SeatIdentity, since_ns),
      FIELD(SeatIdentity, pid),
      FIELD(SeatIdentity, uid),
      FIELD(SeatIdentity, group),
      FIELD(SeatIdentity, group_generation),
      FIELD(SeatIdentity, label),
      FIELD(SeatIdentity, unused),
      WHOLE(Seat),
      FIELD(Seat, words),
      FIELD(Seat, identity),
      WHOLE(SeatsControl),
      FIELD(SeatsControl, header),
      FIELD(SeatsControl, sleeper),
      FIELD(SeatsControl, room_waiting),
      FIELD(SeatsControl, room_epoch),
      FIELD(SeatsControl, join),
      FIELD(SeatsControl, groups),
      FIELD(SeatsControl, unused),
  };
  return places;
}
#undef WHOLE
#undef FIELD

// Returns the names of all structs and fields, as declared in layout.h.
std::set<std::string> DeclaredIn(const std::string& layout) {
  static const std::regex kStruct(R"(^struct (?:alignas\(kLine\) )?(\w+) \{)");
  static const std::regex kField(R"(^\s+[\w:]+ (\w+)(?:\[[^\]]*\])?;.*)");
  std::set<std::string> names;
  std::string current;
  for (const std::string& line : LinesOf(layout)) {
    std::smatch match;
    if (std::regex_search(line, match, kStruct)) {
      current = match[1];
      names.insert(current + ".*");
    } else if (line == "};") {
      current.clear();
    } else if (!current.empty() && std::regex_match(line, match, kField)) {
      names.insert(current + "." + match[1].str());
    } else if (!current.empty() && line.substr(0, line.find("//")).find(';') != std::string::npos) {
      names.insert("a line that this test cannot read: " + line);
    }
  }
  return names;
}

Problems CheckBytes(const std::string& layout, const std::string& protocol, const Places& compiled) {
  Problems problems;
  std::set<std::string> names = DeclaredIn(layout);
  for (const auto& [name, place] : compiled) names.insert(name);
  std::map<std::string, Place> table;
  for (const Row& row : TableUnder(protocol, {"struct", "field", "offset", "size"})) {
    const std::string name = row.at(0) + "." + row.at(1);
    if (!table.emplace(name, Place{std::stoul(row.at(2)), std::stoul(row.at(3))}).second)
      problems.push_back(name + ": two rows");
    if (row.size() < 6 || row[5].empty()) problems.push_back(name + ": no meaning");
    names.insert(name);
  }
  const std::set<std::string> declared = DeclaredIn(layout);
  for (const std::string& name : names) {
    if (!declared.contains(name)) problems.push_back(name + ": not in layout.h");
    if (!compiled.contains(name)) problems.push_back(name + ": not in this test's list");
    if (!table.contains(name)) problems.push_back(name + ": no row in the table");
    if (compiled.contains(name) && table.contains(name) && compiled.at(name) != table.at(name)) {
      problems.push_back(name + ": the table says " + std::to_string(table.at(name).offset) + ", " +
                         std::to_string(table.at(name).size) + ", the compiler " +
                         std::to_string(compiled.at(name).offset) + ", " +
                         std::to_string(compiled.at(name).size));
    }
  }
  return problems;
}

TEST(DocsBytes, TablesEqualTheStructs) {
  EXPECT_EQ(Joined(CheckBytes(Text(kLayout), Protocol(), Compiled())), "");
}

TEST(DocsBytes, WrongOffsetIsFound) {
  const std::string planted =
      Replaced(Protocol(), "| RoomWords | reserved | 8 |", "| RoomWords | reserved | 16 |");
  EXPECT_EQ(CheckBytes(Text(kLayout), planted, Compiled()).size(), 1u);
}
TEST(DocsBytes, MissingRowIsFound) {
  const std::string planted =
      Replaced(Protocol(), "| RoomWords | flags | 24 |", "| RoomWords | state | 24 |");
  EXPECT_GE(CheckBytes(Text(kLayout), planted, Compiled()).size(), 1u);
}
TEST(DocsBytes, ExtraRowIsFound) {
  const std::string planted =
      Replaced(Protocol(), "| RoomWords | * |", "| RoomWords | more | 48 | 8 | x | y |\n| RoomWords | * |");
  EXPECT_EQ(CheckBytes(Text(kLayout), planted, Compiled()).size(), 2u);  // neither declared nor compiled
}
TEST(DocsBytes, NewFieldIsFound) {
  const std::string planted =
      Replaced(Text(kLayout), "  uint64_t intent;", "  uint64_t added;\n  uint64_t intent;");
  EXPECT_EQ(CheckBytes(planted, Protocol(), Compiled()).size(),
            2u);  // neither in the list nor in the table
}

Problems CheckLockBytes(const std::string& protocol) {
  const std::map<std::string, uint64_t> constants{
      {"kLockProducer", kLockProducer}, {"kLockLifeCycle", kLockLifeCycle}, {"kLockSeat", kLockSeat},
      {"kLockGroup", kLockGroup},       {"kLockAdopter", kLockAdopter},     {"kLockSeatsEnd", kLockSeatsEnd}};
  Problems problems;
  std::set<std::string> seen;
  for (const Row& row : TableUnder(protocol, {"file", "byte", "constant"})) {
    seen.insert(row.at(2));
    const auto found = constants.find(row.at(2));
    if (found == constants.end() || std::to_string(found->second) != row.at(1))
      problems.push_back(row.at(2) + ": not " + row.at(1));
  }
  for (const auto& [name, value] : constants) {
    if (!seen.contains(name)) problems.push_back(name + ": no row");
  }
  return problems;
}

TEST(DocsBytes, LockTableEqualsTheConstants) { EXPECT_EQ(Joined(CheckLockBytes(Protocol())), ""); }
TEST(DocsBytes, WrongLockByteIsFound) {
  EXPECT_EQ(CheckLockBytes(Replaced(Protocol(), "| .seats | 16 |", "| .seats | 17 |")).size(), 1u);
}

}  // namespace
}  // namespace millrace::docs
