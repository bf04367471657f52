// Compares runtime/PROTOCOL.md, the comments and the code. Each check also gets a wrong text that it must
// refuse, so that no check can pass empty.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/internal/layout.h"
#include "tests/docs/source_tree.h"

namespace millrace::docs {
namespace {

using namespace millrace::internal;  // NOLINT(google-build-using-namespace): every struct and constant of the
                                     // layout

const Files& Tree() {
  static const Files files = RepositoryFiles();
  return files;
}
std::string Text(const std::string& path) { return TextOf(Tree(), path); }

constexpr char kLayout[] = "include/millrace/internal/layout.h";
constexpr char kWords[] = "include/millrace/internal/words.h";
constexpr char kAtomics[] = "include/millrace/internal/atomics.h";
constexpr char kParking[] = "include/millrace/internal/parking.h";
constexpr char kProtocol[] = "runtime/PROTOCOL.md";

std::string Replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << "nothing to plant in: \"" << from << "\"";
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

// ---- bytes -----------------------------------------------------------------------------------------------

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
      FIELD(RingHeader, reserved),
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
      FIELD(GroupWords, reserved),
      FIELD(GroupWords, generation),
      FIELD(GroupWords, flags),
      FIELD(GroupWords, name),
      FIELD(GroupWords, moves),
      FIELD(GroupWords, unused),
      WHOLE(SeatWords),
      FIELD(SeatWords, position),
      FIELD(SeatWords, claim),
      FIELD(SeatWords, claim_end),
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

TEST(Bytes, TablesEqualTheStructs) {
  EXPECT_EQ(Joined(CheckBytes(Text(kLayout), Text(kProtocol), Compiled())), "");
}

TEST(Bytes, WrongOffsetIsFound) {
  const std::string planted =
      Replaced(Text(kProtocol), "| RoomWords | reserved | 8 |", "| RoomWords | reserved | 16 |");
  EXPECT_EQ(CheckBytes(Text(kLayout), planted, Compiled()).size(), 1u);
}
TEST(Bytes, MissingRowIsFound) {
  const std::string planted =
      Replaced(Text(kProtocol), "| RoomWords | flags | 24 |", "| RoomWords | state | 24 |");
  EXPECT_GE(CheckBytes(Text(kLayout), planted, Compiled()).size(), 1u);
}
TEST(Bytes, ExtraRowIsFound) {
  const std::string planted = Replaced(Text(kProtocol), "| RoomWords | * |",
                                       "| RoomWords | more | 48 | 8 | x | y |\n| RoomWords | * |");
  EXPECT_EQ(CheckBytes(Text(kLayout), planted, Compiled()).size(), 2u);  // neither declared nor compiled
}
TEST(Bytes, NewFieldIsFound) {
  const std::string planted =
      Replaced(Text(kLayout), "  uint64_t intent;", "  uint64_t added;\n  uint64_t intent;");
  EXPECT_EQ(CheckBytes(planted, Text(kProtocol), Compiled()).size(),
            2u);  // neither in the list nor in the table
}

Problems CheckLockBytes(const std::string& protocol) {
  const std::map<std::string, uint64_t> constants{
      {"kLockProducer", kLockProducer}, {"kLockLifeCycle", kLockLifeCycle}, {"kLockSeat", kLockSeat},
      {"kLockGroup", kLockGroup},       {"kLockRescuer", kLockRescuer},     {"kLockSeatsEnd", kLockSeatsEnd}};
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

TEST(Bytes, LockTableEqualsTheConstants) { EXPECT_EQ(Joined(CheckLockBytes(Text(kProtocol))), ""); }
TEST(Bytes, WrongLockByteIsFound) {
  EXPECT_EQ(CheckLockBytes(Replaced(Text(kProtocol), "| .seats | 16 |", "| .seats | 17 |")).size(), 1u);
}

// ---- memory order ----------------------------------------------------------------------------------------

struct Label {
  std::string order, accessor;
  std::set<std::string> partners;   // named after "pairs with"
  std::set<std::string> mentioned;  // named anywhere in the comment
};
using Labels = std::map<std::string, Label>;

std::set<std::string> LabelsNamedIn(const std::string& text) {
  static const std::regex kName(R"(\[([A-Z][0-9]+)\])");
  std::set<std::string> names;
  for (std::sregex_iterator it(text.begin(), text.end(), kName), end; it != end; ++it) names.insert((*it)[1]);
  return names;
}

// Finds comments of the form "// [P2] release: ... pairs with [C1]." and the accessor that each describes.
Labels LabelledAccessors(const std::string& text, Problems& problems) {
  static const std::regex kBegin(
      R"(^(.*)//\s*\[([A-Z][0-9]+)\] (relaxed|acquire|release|acq_rel|seq_cst|membarrier)\b(.*)$)");
  static const std::regex kMore(R"(^\s*//(.*)$)");
  static const std::regex kAccessor(R"(static [\w:<>& ]*?(\w+)\()");
  static const std::regex kPointer(R"(\(\*(\w+)\)\()");
  const std::vector<std::string> lines = LinesOf(text);
  Labels labels;
  for (size_t i = 0; i < lines.size(); ++i) {
    std::smatch match, more;
    if (lines[i].find("// [") == std::string::npos || !std::regex_match(lines[i], match, kBegin)) continue;
    const std::string name = match[2];
    std::string comment = match[4];
    Label label{match[3], "", {}, {}};
    const std::string before = match[1];
    std::smatch accessor;
    if (std::regex_search(before, accessor, kPointer)) {
      label.accessor = accessor[1];  // a trailing comment describes the accessor before it
    } else {
      while (i + 1 < lines.size() && std::regex_match(lines[i + 1], more, kMore) &&
             !std::regex_match(lines[i + 1], kBegin)) {
        comment.append(" ").append(more[1].str());
        ++i;
      }
      if (i + 1 < lines.size() && std::regex_search(lines[i + 1], accessor, kAccessor))
        label.accessor = accessor[1];
    }
    label.mentioned = LabelsNamedIn(comment);
    if (const size_t pairs = comment.find("pairs with"); pairs != std::string::npos) {
      label.partners = LabelsNamedIn(comment.substr(pairs, comment.find('.', pairs) - pairs));
    }
    if (!labels.emplace(name, label).second) problems.push_back(name + ": two labelled accessors");
  }
  return labels;
}

struct Use {
  std::string label, order, accessor;
};
// Finds every "std::memory_order_release, Site::P2" and the accessor around it, across line breaks.
std::vector<Use> UsesIn(const std::string& words) {
  static const std::regex kAccessorOrUse(R"(static [\w:<>& ]*?(\w+)\(|memory_order_(\w+),\s*Site::(\w+))");
  std::vector<Use> uses;
  std::string accessor;
  for (std::sregex_iterator it(words.begin(), words.end(), kAccessorOrUse), end; it != end; ++it) {
    if ((*it)[1].matched)
      accessor = (*it)[1];
    else
      uses.push_back({(*it)[3], (*it)[2], accessor});
  }
  return uses;
}

std::set<std::string> SitesIn(const std::string& atomics) {
  const size_t begin = atomics.find("enum class Site");
  const std::string body = atomics.substr(begin, atomics.find("};", begin) - begin);
  static const std::regex kSite(R"(\b([A-Z][0-9]+)\b)");
  std::set<std::string> sites;
  for (std::sregex_iterator it(body.begin(), body.end(), kSite), end; it != end; ++it) sites.insert((*it)[1]);
  return sites;
}

Problems CheckUses(const std::string& words, const Labels& labels) {
  Problems problems;
  std::set<std::string> used;
  for (const Use& use : UsesIn(words)) {
    if (use.label == "X") {
      if (use.order != "relaxed") problems.push_back("Site::X with " + use.order + " in " + use.accessor);
      continue;
    }
    used.insert(use.label);
    const auto found = labels.find(use.label);
    if (found == labels.end()) continue;  // the caller reports it
    if (found->second.order != use.order)
      problems.push_back(use.label + ": comment " + found->second.order + ", code " + use.order);
    if (found->second.accessor != use.accessor)
      problems.push_back(use.label + ": comment at " + found->second.accessor + ", used in " + use.accessor);
  }
  for (const auto& [name, label] : labels) {
    if (!used.contains(name) && label.order != "membarrier")
      problems.push_back(name + ": its accessor does not use it");
  }
  return problems;
}

Problems CheckOrderTable(const std::string& protocol, const Labels& labels) {
  Problems problems;
  std::map<std::string, std::set<std::string>> either;  // partners that at least one of the two labels names
  for (const auto& [name, label] : labels) {
    for (const std::string& partner : label.partners) {
      either[name].insert(partner);
      either[partner].insert(name);
      const auto other = labels.find(partner);
      if (other == labels.end())
        problems.push_back(name + ": pairs with " + partner + ", which does not exist");
      else if (!other->second.mentioned.contains(name))
        problems.push_back(name + ": pairs with " + partner + ", whose comment does not name " + name);
    }
  }
  std::set<std::string> rows;
  for (const Row& row : TableUnder(protocol, {"label", "word", "order", "accessor", "partner", "why"})) {
    const std::string& name = row.at(0);
    if (!rows.insert(name).second) problems.push_back(name + ": two rows");
    const auto found = labels.find(name);
    if (found == labels.end()) {
      problems.push_back(name + ": a row without accessor");
      continue;
    }
    if (row.at(2) != found->second.order)
      problems.push_back(name + ": the table says " + row.at(2) + ", the comment " + found->second.order);
    if (row.at(3) != found->second.accessor)
      problems.push_back(name + ": the table says " + row.at(3) + ", the code " + found->second.accessor);
    std::set<std::string> partners;
    static const std::regex kName(R"([A-Z][0-9]+)");
    for (std::sregex_iterator it(row.at(4).begin(), row.at(4).end(), kName), end; it != end; ++it)
      partners.insert(it->str());
    if (partners != either[name])
      problems.push_back(name + ": partners in the table are not those in the comments");
    if (row.at(5).empty()) problems.push_back(name + ": no reason");
  }
  for (const auto& [name, label] : labels) {
    if (!rows.contains(name)) problems.push_back(name + ": no row");
  }
  return problems;
}

Problems CheckLabels(const std::string& atomics, const std::string& words, const std::string& parking,
                     const std::string& protocol) {
  Problems problems;
  Labels labels = LabelledAccessors(words, problems);
  for (const auto& [name, label] : LabelledAccessors(parking, problems)) {
    if (!labels.emplace(name, label).second) problems.push_back(name + ": labelled twice");
  }
  const std::set<std::string> sites = SitesIn(atomics);
  for (const std::string& site : sites) {
    if (!labels.contains(site)) problems.push_back(site + ": no labelled accessor");
  }
  for (const auto& [name, label] : labels) {
    if (!sites.contains(name)) problems.push_back(name + ": not a Site");
    if (label.accessor.empty()) problems.push_back(name + ": its comment stands before no accessor");
  }
  for (const Problems& more : {CheckUses(words, labels), CheckOrderTable(protocol, labels)}) {
    problems.insert(problems.end(), more.begin(), more.end());
  }
  return problems;
}

Problems CheckLabelsNow() {
  return CheckLabels(Text(kAtomics), Text(kWords), Text(kParking), Text(kProtocol));
}

TEST(MemoryOrder, CommentsCodeAndTableAgree) {
  EXPECT_GT(SitesIn(Text(kAtomics)).size(), 50u);
  EXPECT_EQ(Joined(CheckLabelsNow()), "");
}

// Each planted mistake must add a problem to those that exist.
TEST(MemoryOrder, PlantedMistakesAreFound) {
  const size_t now = CheckLabelsNow().size();
  const std::string words = Text(kWords), table = Text(kProtocol), atomics = Text(kAtomics),
                    parking = Text(kParking);
  const auto problems = [&](const std::string& w, const std::string& t) {
    return CheckLabels(atomics, w, parking, t).size();
  };
  EXPECT_GT(
      problems(Replaced(words, "memory_order_release, Site::P2", "memory_order_relaxed, Site::P2"), table),
      now)
      << "code";
  EXPECT_GT(problems(Replaced(words, "// [P2] release", "// [P2] relaxed"), table), now) << "comment";
  EXPECT_GT(
      problems(words, Replaced(table, "| P2 | header(pos) | release |", "| P2 | header(pos) | relaxed |")),
      now)
      << "table";
  EXPECT_GT(problems(Replaced(words, "pairs with [C1]", "pairs with [C3]"), table), now) << "wrong partner";
  EXPECT_GT(problems(Replaced(words, "; pairs with [C1]", ""), table), now) << "one end silent";
  EXPECT_GT(problems(words, Replaced(table, "StoreHeader | C1 |", "StoreHeader | C3 |")), now)
      << "partner in the table";
  EXPECT_GT(problems(words, Replaced(table, "| StoreHeader |", "| StoreStopSign |")), now)
      << "accessor in the table";
  EXPECT_GT(problems(words, Replaced(table, "| S4 | removed |", "| S3 | removed |")), now) << "row missing";
  EXPECT_GT(problems(Replaced(words, "// [P2] release", "// P2 release"), table), now) << "label missing";
  EXPECT_GT(problems(Replaced(words, "// [P3] release", "// [P2] release"), table), now) << "label twice";
  EXPECT_GT(
      problems(Replaced(words, "memory_order_relaxed, Site::X", "memory_order_acquire, Site::X"), table), now)
      << "X orders";
  EXPECT_GT(
      CheckLabels(Replaced(atomics, "enum class Site : uint8_t {", "enum class Site : uint8_t {\n  Y1,"),
                  words, parking, table)
          .size(),
      now)
      << "new site";
}

// Atomics inside one process, which are not part of the protocol.
struct PrivateAtomics {
  const char* path;
  const char* names;  // regular expression; each line with an atomic must match it
  const char* reason;
};
constexpr PrivateAtomics kPrivateAtomics[] = {
    {"runtime/api/consumer.cc", "interrupted",
     "Interrupt() from another thread or a signal handler; only a flag"},
    {"runtime/api/consumer_core.cc", "interrupted", "the same"},
    {"include/millrace/internal/consumer_core.h", "interrupted", "the same"},
    {"runtime/api/producer.cc", "interrupted", "the same"},
    {"runtime/api/producer_core.cc", "interrupted", "the same"},
    {"include/millrace/internal/producer_core.h", "interrupted", "the same"},
    {"runtime/api/wait_set.cc", "interrupted|wait_set_calls", "the same, of a WaitSet"},
    {"runtime/api/wait_set_core.h", "interrupted", "the same"},
    {"runtime/api/park_ops.h", "word|wait_set_calls", "calls the sets of this process; a futex"},
    {"runtime/api/event_bell.h", "armed_|round_|name_gone_|late_|bound_ns_|armed_since_ns_|position\\{0\\}|certain\\{",
     "what a consumer and the bridge's thread of its process share"},
    {"runtime/api/event_bell.cc",
     "armed_|round_|name_gone_|late_|bound_ns_|armed_since_ns_|snapshot_|atomic_thread_fence",
     "the same; a snapshot under an odd count"},
    {"runtime/api/event_bridge.h", "until_ns_", "when the bridge looks of itself"},
    {"runtime/api/event_bridge.cc", "calls_|until_ns_|atomic_thread_fence",
     "calls the bridge's thread; a futex of this process"},
    {"runtime/os/guard.cc", "base|bytes|write|faulted|next|installed",
     "a table that a signal handler reads"},
    {"include/millrace/testing.h", "counter", "a number for names of tests"},
    {"tools/shmctl/signals.cc", "caught|active_", "what a signal handler stores"},
};

bool InProduct(const std::string& path) {
  return IsCode(path) && (path.starts_with("include/") || path.starts_with("runtime/") ||
                          path.starts_with("tools/") || path.starts_with("examples/"));
}

bool NamesAnOrder(const std::string& code) {
  for (const char* word : {"memory_order_", "std::atomic<", "std::atomic_ref", "atomic_thread_fence",
                           "__atomic_", "__sync_", "volatile "}) {
    if (code.find(word) != std::string::npos) return true;
  }
  return false;
}

Problems CheckWhereOrdersAre(const Files& files) {
  Problems problems;
  std::set<std::string> unused;
  for (const PrivateAtomics& allowed : kPrivateAtomics) unused.insert(allowed.path);
  for (const auto& [path, text] : files) {
    if (!InProduct(path) || path == kWords || path == kAtomics) continue;
    // Programs of users, and the stress program's ledger: their memory is not a queue.
    if (path.starts_with("examples/") || path.starts_with("tools/stress/")) continue;
    for (const std::string& line : LinesOf(text)) {
      const std::string code = line.substr(0, line.find("//"));
      const bool harmless = code.find("asm volatile") != std::string::npos ||
                            code.find("is_always_lock_free") != std::string::npos;
      if (harmless || !NamesAnOrder(code)) continue;
      const auto* allowed = std::find_if(std::begin(kPrivateAtomics), std::end(kPrivateAtomics),
                                         [&](const PrivateAtomics& a) { return path == a.path; });
      if (allowed == std::end(kPrivateAtomics) || !std::regex_search(code, std::regex(allowed->names)))
        problems.push_back(path + ": " + line);
      unused.erase(path);
    }
  }
  for (const std::string& path : unused) problems.push_back(path + ": allowed but has no atomics");
  return problems;
}

TEST(MemoryOrder, OnlyAccessorsNameOrders) { EXPECT_EQ(Joined(CheckWhereOrdersAre(Tree())), ""); }
TEST(MemoryOrder, OrderElsewhereIsFound) {
  const size_t now = CheckWhereOrdersAre(Tree()).size();
  for (const char* path :
       {"include/millrace/internal/ring_view.h", "runtime/segment/facts.cc", "runtime/api/consumer.cc"}) {
    Files planted = Tree();
    planted[path] += "\nuint64_t x = word.load(std::memory_order_acquire);\n";
    EXPECT_EQ(CheckWhereOrdersAre(planted).size(), now + 1) << path;
  }
}

// ---- layers ----------------------------------------------------------------------------------------------

// Returns the layer of a file. A file with the layer "" has no place in the table.
std::string LayerOf(const std::string& path) {
  static const std::map<std::string, std::string> kByPath{
      {"include/millrace/error.h", "values"},
      {"include/millrace/export.h", "values"},
      {"include/millrace/options.h", "values"},
      {"include/millrace/outcome.h", "values"},
      {"include/millrace/version.h", "values"},
      {"include/millrace/internal/compiler.h", "values"},
      {"include/millrace/segment_manager.h", "public"},
      {"include/millrace/internal/layout.h", "layout"},
      {"include/millrace/internal/words.h", "layout"},
      {"include/millrace/internal/atomics.h", "layout"},
      {"include/millrace/internal/schema.h", "text"},
      {"include/millrace/internal/text.h", "text"},
      {"include/millrace/internal/parking.h", "ring"},
      {"include/millrace/internal/producer_core.h", "core"},
      {"include/millrace/internal/consumer_core.h", "core"},
  };
  if (const auto found = kByPath.find(path); found != kByPath.end()) return found->second;
  if (path.starts_with("include/millrace/internal/ring_")) return "ring";
  if (path.starts_with("include/millrace/internal/")) return "";
  if (path.starts_with("include/millrace/")) return "public";
  for (const char* folder : {"runtime/api", "runtime/segment", "runtime/os", "tools", "examples"}) {
    if (path.starts_with(std::string(folder) + "/")) return folder;
  }
  return "";
}

// Includes go only down: tools -> public -> api -> segment -> ring -> layout, with os beside them. "values"
// are enumerations and options, which all layers share. "text" defines which characters names, schemas and
// printed text may contain.
const std::map<std::string, std::set<std::string>>& MayInclude() {
  static const std::map<std::string, std::set<std::string>> table{
      {"tools", {"tools", "public", "values", "text"}},
      {"examples", {"examples", "public", "values"}},
      {"public", {"public", "values", "core", "layout", "text"}},
      {"core", {"core", "values", "ring", "layout"}},
      {"runtime/api",
       {"runtime/api", "runtime/segment", "runtime/os", "public", "values", "core", "ring", "layout"}},
      {"runtime/segment", {"runtime/segment", "runtime/os", "values", "ring", "layout", "text"}},
      {"ring", {"ring", "layout"}},
      {"layout", {"layout"}},
      {"text", {"text"}},
      {"runtime/os", {"runtime/os", "values", "text"}},
      {"values", {"values"}},
  };
  return table;
}

// Upward includes that are intended: structs of the public API that the segment layer fills in.
const std::map<std::string, std::string>& UpwardIncludes() {
  static const std::map<std::string, std::string> table{
      {"runtime/segment/facts.h -> include/millrace/segment_manager.h", "RingInfo, SeatInfo"},
      {"runtime/segment/facts.h -> include/millrace/consumer.h", "ProducerInfo"},
      {"runtime/segment/remove.h -> include/millrace/segment_manager.h", "Stale"},
      {"runtime/segment/change.h -> include/millrace/segment_manager.h", "RingChanges"},
  };
  return table;
}

std::vector<std::string> IncludesOf(const std::string& text) {
  static const std::regex kInclude(R"re(^\s*#\s*include\s*["<]([^">]+)[">])re");
  std::vector<std::string> included;
  for (const std::string& line : LinesOf(text)) {
    std::smatch match;
    if (line.find("include") != std::string::npos && std::regex_search(line, match, kInclude))
      included.push_back(match[1]);
  }
  return included;
}

Problems CheckLayers(const Files& files) {
  Problems problems;
  std::set<std::string> unused;
  for (const auto& [edge, reason] : UpwardIncludes()) unused.insert(edge);
  for (const auto& [path, text] : files) {
    if (!InProduct(path)) continue;
    const std::string from = LayerOf(path);
    if (from.empty()) problems.push_back(path + ": belongs to no layer");
    for (const std::string& included : IncludesOf(text)) {
      const std::string target = included.starts_with("millrace/") ? "include/" + included : included;
      if (!files.contains(target)) continue;  // not a file of this project
      if (const std::string edge = path + " -> " + target; UpwardIncludes().contains(edge)) {
        unused.erase(edge);
        continue;
      }
      const auto allowed = MayInclude().find(from);
      if (allowed == MayInclude().end() || !allowed->second.contains(LayerOf(target)))
        problems.push_back(path + " includes " + target);
    }
  }
  for (const std::string& edge : unused) problems.push_back(edge + ": allowed but not there");
  return problems;
}

// Hot installed headers must not use Abseil. The others may use only Status and StatusOr.
Problems CheckAbseil(const Files& files) {
  static const std::regex kName(R"(absl::(\w+))");
  Problems problems;
  for (const auto& [path, text] : files) {
    if (!path.starts_with("include/") || !IsCode(path)) continue;
    const bool hot = path.starts_with("include/millrace/internal/") || LayerOf(path) == "values";
    for (std::sregex_iterator it(text.begin(), text.end(), kName), end; it != end; ++it) {
      const bool error_h = path == "include/millrace/error.h";
      if ((hot && !error_h) || ((*it)[1] != "Status" && (*it)[1] != "StatusOr"))
        problems.push_back(path + ": " + it->str());
    }
    for (const std::string& included : IncludesOf(text)) {
      if (!included.starts_with("absl/")) continue;
      const bool status = included == "absl/status/status.h" || included == "absl/status/statusor.h";
      if (!status || path.starts_with("include/millrace/internal/"))
        problems.push_back(path + " includes " + included);
    }
  }
  return problems;
}

TEST(Layers, IncludesPointDown) { EXPECT_EQ(Joined(CheckLayers(Tree())), ""); }
TEST(Layers, UpwardIncludeIsFound) {
  const size_t now = CheckLayers(Tree()).size();
  const std::pair<const char*, const char*> upward[] = {
      {"runtime/os/lock.cc", "runtime/segment/objects.h"},
      {"runtime/segment/create.cc", "runtime/api/producer_core.h"},
      {"include/millrace/internal/ring_view.h", "runtime/os/park.h"},
      {"include/millrace/internal/layout.h", "millrace/internal/ring_view.h"},
      {"tools/shmctl/list.cc", "runtime/segment/facts.h"},
      {"tools/shmctl/list.cc", "millrace/internal/layout.h"},
  };
  for (const auto& [path, included] : upward) {
    Files planted = Tree();
    planted[path] += std::string("\n#include \"") + included + "\"\n";
    EXPECT_EQ(CheckLayers(planted).size(), now + 1) << path << " -> " << included;
  }
}
TEST(Layers, InstalledHeadersKeepAbseilOut) { EXPECT_EQ(Joined(CheckAbseil(Tree())), ""); }
TEST(Layers, AbseilInAHeaderIsFound) {
  const size_t now = CheckAbseil(Tree()).size();
  Files hot = Tree(), wide = Tree();
  hot["include/millrace/internal/ring_view.h"] += "\n#include \"absl/status/status.h\"\n";
  wide["include/millrace/consumer.h"] += "\nabsl::string_view Name();\n";
  EXPECT_EQ(CheckAbseil(hot).size(), now + 1);
  EXPECT_EQ(CheckAbseil(wide).size(), now + 1);
}

// ---- the repository --------------------------------------------------------------------------------------

// Finds paths of one machine. The texts are written in halves, so that this file does not contain them.
Problems CheckPaths(const Files& files) {
  const std::string bad[] = {std::string("/wo") + "rk/", std::string("/ro") + "ot/",
                             std::string("/ho") + "me/"};
  Problems problems;
  for (const auto& [path, text] : files) {
    for (const std::string& part : bad) {
      if (text.find(part) != std::string::npos) problems.push_back(path + " contains " + part);
    }
  }
  return problems;
}

TEST(Repository, NamesNoMachinePaths) {
  EXPECT_GT(Tree().size(), 50u);
  EXPECT_EQ(Joined(CheckPaths(Tree())), "");
}
TEST(Repository, MachinePathIsFound) {
  Files planted = Tree();
  planted["planted.txt"] = std::string("see /wo") + "rk/somewhere";
  EXPECT_EQ(CheckPaths(planted).size(), CheckPaths(Tree()).size() + 1);
}
TEST(Repository, HasItsDocuments) {
  EXPECT_FALSE(Text("README.md").empty());
  EXPECT_FALSE(Text(kProtocol).empty());
}

// A section that a code comment cites by name must exist.
Problems CheckSections(const Files& files, const std::string& protocol) {
  static const std::regex kReference(R"re(PROTOCOL\.md(?: section)? "([^"]+)")re");
  std::set<std::string> sections;
  for (const std::string& line : LinesOf(protocol)) {
    if (line.starts_with("## ")) sections.insert(line.substr(3));
  }
  Problems problems;
  for (const auto& [path, text] : files) {
    if (!IsCode(path)) continue;
    for (std::sregex_iterator it(text.begin(), text.end(), kReference), end; it != end; ++it) {
      if (!sections.contains((*it)[1])) problems.push_back(path + ": no section " + (*it)[1].str());
    }
  }
  return problems;
}

TEST(Repository, SectionsThatCommentsNameExist) {
  EXPECT_EQ(Joined(CheckSections(Tree(), Text(kProtocol))), "");
}
TEST(Repository, MissingSectionIsFound) {
  EXPECT_GE(CheckSections(Tree(), Replaced(Text(kProtocol), "\n## Join\n", "\n## Joining\n")).size(), 1u);
}

}  // namespace
}  // namespace millrace::docs
