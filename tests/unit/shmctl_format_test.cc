// SPDX-License-Identifier: Apache-2.0
#include "tools/shmctl/tail/format.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "millrace/internal/text.h"
#include "nlohmann/json.hpp"
#include "tools/shmctl/text/table.h"
#include "tools/shmctl/text/utf8.h"

namespace millrace::tool {
namespace {

std::string Shown(Format format, std::string_view payload, uint64_t sequence = 0, uint64_t lost = 0,
                  std::string_view ring = "") {
  std::string out = "before|";
  AppendMessage(format, ring, payload, sequence, lost, &out);
  EXPECT_TRUE(out.starts_with("before|"));
  return out.substr(7);
}

bool IsValidUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = internal::CharacterLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

constexpr std::string_view kBinary("a\0\xFF\n", 4);

TEST(UnitShmctlFormat, TextIsTheBytesAndANewline) {
  EXPECT_EQ(Shown(Format::kText, kBinary), std::string(kBinary) + '\n');
}
TEST(UnitShmctlFormat, RawIsTheBytes) { EXPECT_EQ(Shown(Format::kRaw, kBinary), kBinary); }

TEST(UnitShmctlFormat, LengthIsLittleEndian) {
  EXPECT_EQ(Shown(Format::kLength, ""), std::string(4, '\0'));
  EXPECT_EQ(Shown(Format::kLength, std::string(0x0102, 'x')),
            std::string("\x02\x01\0\0", 4) + std::string(0x0102, 'x'));
}

TEST(UnitShmctlFormat, ATerminalGetsNoControlCharacters) {
  EXPECT_EQ(Shown(Format::kTerminalText, "\x1B[2Jx\ty\r\n\x07"), "\\e[2Jx\ty\\r\\n\\x07\n");
  EXPECT_EQ(Shown(Format::kTerminalText, "gr\xC3\xBC\xC3\x9F"), "gr\xC3\xBC\xC3\x9F\n");
  EXPECT_EQ(Shown(Format::kTerminalText, "\xC2\x9B"), "\\xc2\\x9b\n");  // a C1 character starts a command too
  EXPECT_EQ(Shown(Format::kTerminalText, "\xFF\xC3"), "\\xff\\xc3\n");
}

TEST(UnitShmctlFormat, JsonHoldsATextMessageAsText) {
  const std::string line = Shown(Format::kJson, "say \"\xC3\xBC\"\n", 345, 12);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json["sequence"], 345u);
  EXPECT_EQ(json["lost"], 12u);
  EXPECT_EQ(json["text"], "say \"\xC3\xBC\"\n");
  EXPECT_FALSE(json.contains("base64"));
}

TEST(UnitShmctlFormat, NamesTheRingWhereTheFormatAllowsIt) {
  EXPECT_EQ(Shown(Format::kText, "x", 0, 0, "md.eur"), "md.eur: x\n");
  EXPECT_EQ(Shown(Format::kTerminalText, "x\r", 0, 0, "md.eur"), "md.eur: x\\r\n");
  EXPECT_TRUE(Shown(Format::kHex, "x", 7, 0, "md.eur").starts_with("md.eur: sequence 7, 1 byte\n"));
  EXPECT_EQ(Shown(Format::kJson, "x", 7, 0, "md.eur"), R"({"ring":"md.eur","sequence":7,"lost":0,"text":"x"})"
                                                       "\n");
  EXPECT_EQ(Shown(Format::kJson, "x", 7), R"({"sequence":7,"lost":0,"text":"x"})"
                                          "\n");
  EXPECT_FALSE(NamesRings(Format::kRaw) || NamesRings(Format::kLength));
}

// Characters that a terminal obeys, and how every format shows them: C0, DEL, C1,
// separators, and marks of bidirectional text.
const std::vector<std::pair<std::string, std::string>> kControls = {
    {"\x01", "\\u0001"},         {"\x1B", "\\u001b"},         {"\x7F", "\\u007f"},
    {"\xC2\x80", "\\u0080"},     {"\xC2\x9B", "\\u009b"},     {"\xC2\x9F", "\\u009f"},
    {"\xD8\x9C", "\\u061c"},     {"\xE2\x80\x8E", "\\u200e"}, {"\xE2\x80\x8F", "\\u200f"},
    {"\xE2\x80\xA8", "\\u2028"}, {"\xE2\x80\xA9", "\\u2029"}, {"\xE2\x80\xAA", "\\u202a"},
    {"\xE2\x80\xAE", "\\u202e"}, {"\xE2\x81\xA6", "\\u2066"}, {"\xE2\x81\xA9", "\\u2069"},
};

TEST(UnitShmctlFormat, JsonGivesATerminalNoControlCharacters) {
  for (const auto& [bytes, escape] : kControls) {
    const std::string payload = "12345678a" + bytes + "b";
    const std::string line = Shown(Format::kJson, payload);
    EXPECT_EQ(line, "{\"sequence\":0,\"lost\":0,\"text\":\"12345678a" + escape + "b\"}\n");
    EXPECT_EQ(nlohmann::json::parse(line)["text"], payload);
    EXPECT_EQ(JsonForTerminals("{\n \"label\": \"" + bytes + "\"}"),
              "{\n \"label\": \"" + (bytes[0] == 1 || bytes[0] == 0x1B ? bytes : escape) + "\"}");
    const std::string terminal = Shown(Format::kTerminalText, bytes);
    EXPECT_EQ(terminal.find(bytes), std::string::npos) << escape;
  }
  for (const std::string shown : {"\xC2\xA0", "\xE2\x80\x90", "\xE2\x80\xA7", "\xE2\x80\xAF", "\xE2\x81\xAA"})
    EXPECT_EQ(Shown(Format::kTerminalText, shown), shown + "\n");
}

// Mixes escaped and plain pieces at random, at every place of a word. The line must equal the JSON library's
// output, except for the control characters that the library leaves alone.
TEST(UnitShmctlFormat, JsonIsWhatTheJsonLibraryWrites) {
  const std::vector<std::string> pieces = {"a",
                                           "bcdefg",
                                           "12345678",
                                           "\"",
                                           "\\",
                                           "\n",
                                           "\t",
                                           "\b",
                                           "\f",
                                           "\r",
                                           "\x1F",
                                           "\x7E",
                                           " ",
                                           "!",
                                           "#",
                                           "[",
                                           "]",
                                           "\xC3\xBC",
                                           "\xE2\x82\xAC",
                                           "\xF0\x9F\x98\x80",
                                           std::string(1, '\0'),
                                           "\xFF",
                                           "\xC3"};
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string payload;
    for (size_t n = random() % 12; n > 0; --n)
      payload += pieces[random() % (pieces.size() - (i % 4 == 0 ? 0 : 2))];
    const bool valid = IsValidUtf8(payload);
    nlohmann::ordered_json json = {{"ring", "q"}, {"sequence", i}, {"lost", i / 2}};
    json[valid ? "text" : "base64"] = valid ? payload : absl::Base64Escape(payload);
    ASSERT_EQ(Shown(Format::kJson, payload, static_cast<uint64_t>(i), static_cast<uint64_t>(i / 2), "q"),
              json.dump() + "\n");
  }
}

TEST(UnitShmctlFormat, JsonHoldsABinaryMessageAsBase64) {
  const auto json = nlohmann::json::parse(Shown(Format::kJson, kBinary));
  EXPECT_EQ(json["base64"], "YQD/Cg==");
  EXPECT_FALSE(json.contains("text"));
}

TEST(UnitShmctlFormat, JsonKeepsSequencesOf64Bits) {
  EXPECT_EQ(nlohmann::json::parse(Shown(Format::kJson, "", UINT64_MAX))["sequence"], UINT64_MAX);
}

TEST(UnitShmctlFormat, HexShowsSequenceOffsetsAndPrintableCharacters) {
  EXPECT_EQ(Shown(Format::kHex, "", 7), "sequence 7, 0 bytes\n");
  EXPECT_EQ(Shown(Format::kHex, std::string_view("0123456789abcdef\0", 17), 7),
            "sequence 7, 17 bytes\n"
            "  00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|\n"
            "  00000010  00                                                |.|\n");
}

TEST(UnitShmctlUtf8, AcceptsWellFormedText) {
  for (const char* good : {"", "abc", "\xC2\x80", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEF\xBF\xBF",
                           "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(IsValidUtf8(good)) << Escaped(good);
  }
  EXPECT_TRUE(IsValidUtf8(std::string_view("\0", 1)));
}

TEST(UnitShmctlUtf8, RefusesOverlongFormsSurrogatesAndTruncation) {
  for (const char* bad : {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80",
                          "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xC2",
                          "\xE2\x82", "\xF0\x9F\x98", "\xC2x", "\xE2x\xAC", "\xE2\x82x"}) {
    EXPECT_FALSE(IsValidUtf8(bad)) << Escaped(bad);
  }
}

TEST(UnitShmctlTable, AlignsAnyContents) {
  Table table({{"NAME"}, {"N", Table::Align::kRight}, {"LABEL"}});
  table.AddRow({"a", "1000", "gr\xC3\xBC\xC3\x9F"});
  table.AddRow({"longer", "7", "evil\x1B[2J\n"});
  EXPECT_EQ(table.Text(),
            "NAME       N  LABEL\n"
            "a       1000  gr\xC3\xBC\xC3\x9F\n"
            "longer     7  evil\\e[2J\\n\n");
}

}  // namespace
}  // namespace millrace::tool
