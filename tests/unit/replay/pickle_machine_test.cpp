// Malformed and hostile pickles: each is refused with the offset and the reason,
// in time and memory that the size of the file bounds.
#include "replay/pickle_machine.hpp"

#include <ctime>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "message_of.hpp"
#include "pickle_writer.hpp"
#include "snapshot_bytes.hpp"

namespace weir::replay {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using testing::as_bytes;
using testing::message_of;
using testing::names;

/// The refusal of a file of protocol 4 with this body.
std::string refusal_of(std::string_view body) {
  const std::string file = "\x80\x04" + std::string(body);
  return message_of([&] { static_cast<void>(Pickle::parse(as_bytes(file))); });
}

TEST(PickleMachine, NeedsAProtocolItKnows) {
  const auto refusal = [](std::string_view file) {
    return message_of([&] { static_cast<void>(Pickle::parse(as_bytes(file))); });
  };
  EXPECT_TRUE(names(refusal(""), {"byte 0", "ends"}));
  EXPECT_TRUE(names(refusal("N."), {"byte 0", "PROTO"}));
  EXPECT_TRUE(names(refusal("\x80"), {"byte 0", "ends", "protocol"}));
  EXPECT_TRUE(names(refusal("\x80\x01N."), {"protocol 1"}));
  EXPECT_TRUE(names(refusal("\x80\x06N."), {"protocol 6"}));
  EXPECT_TRUE(names(refusal("\x80\xffN."), {"protocol 255"}));
}

TEST(PickleMachine, RefusesEveryOpcodeThatCouldRunCode) {
  const std::pair<std::string_view, std::string_view> refused[] = {{"cos\nsystem\n", "GLOBAL"},
                                                                   {"\x8c\x02os\x8c\x06system\x93", "STACK_GLOBAL"},
                                                                   {")R", "REDUCE"},
                                                                   {"}b", "BUILD"},
                                                                   {"(ios\nsystem\n", "INST"},
                                                                   {"(o", "OBJ"},
                                                                   {")\x81", "NEWOBJ"},
                                                                   {")}\x92", "NEWOBJ_EX"},
                                                                   {"Pid\n", "PERSID"},
                                                                   {"NQ", "BINPERSID"},
                                                                   {"\x82\x01", "EXT1"},
                                                                   {"\x83\x01\x01", "EXT2"},
                                                                   {"\x84\x01\x01\x01\x01", "EXT4"},
                                                                   {"\x97", "NEXT_BUFFER"},
                                                                   {"C\x01x\x98", "READONLY_BUFFER"}};
  for (const auto& [body, name] : refused) EXPECT_TRUE(names(refusal_of(body), {name, "byte "})) << name;
  EXPECT_TRUE(names(refusal_of("NNcos\nsystem\n."), {"byte 4", "GLOBAL"}));
}

TEST(PickleMachine, RefusesSetsAndProtocolZero) {
  EXPECT_TRUE(names(refusal_of("\x8f"), {"byte 2", "EMPTY_SET"}));
  EXPECT_TRUE(names(refusal_of("](\x90"), {"byte 4", "ADDITEMS"}));
  EXPECT_TRUE(names(refusal_of("(\x91"), {"FROZENSET"}));
  for (const std::string_view body : {"F1.5\n", "I1\n", "L1L\n", "S'a'\n", "Va\n", "g0\n", "p0\n"}) {
    EXPECT_TRUE(names(refusal_of(body), {"byte 2", "protocol 0", "protocol 2 or newer"})) << body;
  }
}

TEST(PickleMachine, RefusesUnknownOpcodes) {
  EXPECT_TRUE(names(refusal_of("\x01"), {"byte 2", "no such opcode"}));
  EXPECT_TRUE(names(refusal_of("\xff"), {"byte 2", "no such opcode"}));
  EXPECT_TRUE(names(refusal_of("N\x80\x04"), {"byte 3", "PROTO"}));
}

TEST(PickleMachine, ChecksLengthsAgainstWhatIsLeft) {
  EXPECT_TRUE(names(refusal_of("\x8c\x05hi."), {"byte 2", "SHORT_BINUNICODE", "5 bytes", "3 remain"}));
  EXPECT_TRUE(names(refusal_of("X\xff\xff\xff\xff"), {"BINUNICODE", "4294967295"}));
  EXPECT_TRUE(names(refusal_of("\x8d\xff\xff\xff\xff\xff\xff\xff\xff"), {"BINUNICODE8", "18446744073709551615"}));
  EXPECT_TRUE(names(refusal_of("\x8e\0\0\0\0\0\0\0\x80"sv), {"BINBYTES8", "9223372036854775808"}));
  EXPECT_TRUE(names(refusal_of("\x96\0\0\0\0\x01\0\0\0"sv), {"BYTEARRAY8"}));
  EXPECT_TRUE(names(refusal_of("B\xff\xff\xff\x7f"), {"BINBYTES"}));
  EXPECT_TRUE(names(refusal_of("T\xff\xff\xff\xff"), {"BINSTRING"}));
  EXPECT_TRUE(names(refusal_of("\x8a\xff\x01"), {"LONG1", "255"}));
  EXPECT_TRUE(names(refusal_of("\x8b\xff\xff\xff\x7f"), {"LONG4", "2147483647"}));
  EXPECT_TRUE(names(refusal_of("\x8b\xff\xff\xff\xff"), {"LONG4", "negative"}));
  EXPECT_TRUE(names(refusal_of("\x95\xff\xff\xff\xff\xff\xff\xff\xffN."), {"byte 2", "frame"}));
  EXPECT_TRUE(names(refusal_of("G\x01\x02"), {"BINFLOAT"}));
}

TEST(PickleMachine, ChecksTheStack) {
  EXPECT_TRUE(names(refusal_of("."), {"byte 2", "one value", "finds 0"}));
  EXPECT_TRUE(names(refusal_of("NN."), {"finds 2"}));
  EXPECT_TRUE(names(refusal_of("N(."), {"open MARK"}));
  EXPECT_TRUE(names(refusal_of("0"), {"too few"}));
  EXPECT_TRUE(names(refusal_of("2"), {"too few"}));
  EXPECT_TRUE(names(refusal_of("Na"), {"too few"}));
  EXPECT_TRUE(names(refusal_of("}Ns"), {"too few"}));
  EXPECT_TRUE(names(refusal_of("\x85"), {"too few"}));
  EXPECT_TRUE(names(refusal_of("N\x86"), {"too few"}));
  EXPECT_TRUE(names(refusal_of("NN\x87"), {"too few"}));
  EXPECT_TRUE(names(refusal_of("q\0"sv), {"too few"}));
  EXPECT_TRUE(names(refusal_of("\x94"), {"too few"}));
}

TEST(PickleMachine, KeepsWhatIsBelowAMarkOutOfReach) {
  EXPECT_TRUE(names(refusal_of("](a"), {"too few"}));
  EXPECT_TRUE(names(refusal_of("](Na"), {"too few"}));
  EXPECT_TRUE(names(refusal_of("NN(\x86"), {"too few"}));
  EXPECT_TRUE(names(refusal_of("](2"), {"too few"}));
  EXPECT_TRUE(names(refusal_of("](\x94"), {"too few"}));
  EXPECT_TRUE(names(refusal_of("]((e"), {"nothing below"}));
  EXPECT_TRUE(names(refusal_of("(Ne"), {"nothing below"}));
}

TEST(PickleMachine, NeedsMarks) {
  for (const std::string_view body : {"]Ne", "}NNu", "Nt", "Nl", "NNd", "N1"}) {
    EXPECT_TRUE(names(refusal_of(body), {"MARK"})) << body;
  }
}

TEST(PickleMachine, FillsOnlyContainersOfTheKind) {
  EXPECT_TRUE(names(refusal_of("NNa"), {"list", "None"}));
  EXPECT_TRUE(names(refusal_of("}Na"), {"list", "dict"}));
  EXPECT_TRUE(names(refusal_of(")Na"), {"list", "tuple"}));
  EXPECT_TRUE(names(refusal_of("K\x01(Ne"), {"list", "int"}));
  EXPECT_TRUE(names(refusal_of("]NNs"), {"dict", "list"}));
  EXPECT_TRUE(names(refusal_of("](NNu"), {"dict", "list"}));
  EXPECT_TRUE(names(refusal_of("\x8c\x01x(NNu"), {"dict", "str"}));
}

TEST(PickleMachine, DictsNeedPairsAndKeysThatPythonCouldHash) {
  EXPECT_TRUE(names(refusal_of("}(NNNu"), {"key without a value"}));
  EXPECT_TRUE(names(refusal_of("(Nd"), {"key without a value"}));
  EXPECT_TRUE(names(refusal_of("}(]Nu"), {"key is a list or a dict"}));
  EXPECT_TRUE(names(refusal_of("}}Ns"), {"key is a list or a dict"}));
}

TEST(PickleMachine, MemoEntriesAreFilledBeforeTheyAreReadAndFitTheFile) {
  EXPECT_TRUE(names(refusal_of("h\0"sv), {"byte 2", "entry 0", "before it is filled"}));
  EXPECT_TRUE(names(refusal_of("Nq\x02h\x01"), {"entry 1"}));
  EXPECT_TRUE(names(refusal_of("j\xff\xff\xff\xff"), {"entry 4294967295"}));
  EXPECT_TRUE(names(refusal_of("Nr\xff\xff\xff\xff."), {"entry 4294967295", "more than the file can fill"}));
  EXPECT_TRUE(names(refusal_of("Nr\0\0\0\x10."sv), {"entry 268435456"}));
}

TEST(PickleMachine, RefusesCycles) {
  EXPECT_TRUE(names(refusal_of("]\x94h\0a."sv), {"contains itself"}));
  EXPECT_TRUE(names(refusal_of("]\x94(h\0h\0e."sv), {"contains itself"}));
  EXPECT_TRUE(names(refusal_of("}\x94(\x8c\x01xh\0u."sv), {"contains itself"}));
  // A tuple of the list goes into the list; a dict and a list go into each other.
  EXPECT_TRUE(names(refusal_of("]\x94h\0\x85"
                               "a."sv),
                    {"after it became part"}));
  EXPECT_TRUE(names(refusal_of("]\x94}\x94(\x8c\x01xh\0uah\0."sv), {"after it became part"}));
  EXPECT_TRUE(names(refusal_of("]\x94]\x94h\0ah\0h\x01"
                               "a."sv),
                    {"after it became part"}));
}

TEST(PickleMachine, RefusesDeepNesting) {
  const std::string deep(Pickle::max_depth + 1, ']');
  EXPECT_TRUE(names(refusal_of(deep + std::string(Pickle::max_depth, 'a') + "."), {"100 deep"}));
  std::string tuples = ")";
  for (int i = 0; i < 1000; ++i) tuples += '\x85';
  EXPECT_TRUE(names(refusal_of(tuples + "."), {"100 deep"}));
}

TEST(PickleMachine, RefusesWhatFollowsStop) {
  EXPECT_TRUE(names(refusal_of("N.N."), {"byte 3", "STOP stands 2 bytes before"}));
  EXPECT_TRUE(names(refusal_of("N.\n"), {"STOP stands 1 bytes before"}));
}

TEST(PickleMachine, DoublingBySharingCostsNothing) {
  // Each tuple holds the one before it twice: 2^60 leaves in 200 bytes.
  std::string body = "K\x01\x94";
  for (int i = 0; i < 60; ++i) body += "2\x86";
  const std::string file = "\x80\x04" + body + ".";
  EXPECT_EQ(Pickle::parse(as_bytes(file)).root().size(), 2U);
}

TEST(PickleMachine, BoundsTheValuesOfAFile) {
  EXPECT_TRUE(names(refusal_of(std::string(100'000, ']')), {"more values"}));
  const std::string file = "\x80\x04](" + std::string(100'000, 'N') + "e.";
  EXPECT_EQ(Pickle::parse(as_bytes(file)).root().size(), 100'000U) << "None is one value however often it stands";
}

TEST(PickleMachine, LargeHostileFilesEndSoon) {
  const std::clock_t start = std::clock();  // of this process, whatever else the machine does
  constexpr std::size_t bytes = 4'000'000;
  for (const char opcode : {']', '}', '(', 'N', ')', '\x88'}) {
    EXPECT_TRUE(names(refusal_of(std::string(bytes, opcode)), {"byte "}));
  }
  std::string puts = "N";
  for (std::size_t i = 0; i < bytes / 6; ++i) puts += "\x94r" + testing::little_endian(bytes - 100 - i, 4);
  EXPECT_TRUE(names(refusal_of(puts), {"ends"}));
  EXPECT_LT((std::clock() - start) / CLOCKS_PER_SEC, 20);
}

template <std::size_t size>
void refuse_every_prefix(const std::array<std::uint8_t, size>& file) {
  const auto bytes = std::as_bytes(std::span(file));
  for (std::size_t length = 0; length < size; ++length) {
    EXPECT_THROW(static_cast<void>(Pickle::parse(bytes.first(length))), ParseError) << length;
  }
  EXPECT_NO_THROW(static_cast<void>(Pickle::parse(bytes)));
}

TEST(PickleMachine, RefusesEveryPrefixOfAFile) {
  refuse_every_prefix(testing::snapshot_protocol_2);
  refuse_every_prefix(testing::snapshot_protocol_3);
  refuse_every_prefix(testing::snapshot_protocol_4);
  refuse_every_prefix(testing::snapshot_protocol_5);
}

TEST(PickleMachine, AnyChangedByteGivesAValueOrAParseError) {
  const auto right_file = std::as_bytes(std::span(testing::snapshot_protocol_4));
  std::vector<std::byte> file(right_file.begin(), right_file.end());
  for (std::byte& byte : file) {
    const std::byte right = byte;
    for (int value = 0; value < 256; ++value) {
      byte = static_cast<std::byte>(value);
      try {
        static_cast<void>(Pickle::parse(file));
      } catch (const ParseError&) {
      }
    }
    byte = right;
  }
}

// What a hostile file would import is shown, as one bounded line.
TEST(PickleMachine, NamesTheGlobalThatItRefuses) {
  EXPECT_TRUE(names(refusal_of("cos\nsystem\n"), {"GLOBAL names", "'os.system'"}));
  EXPECT_TRUE(names(refusal_of("(ios\nsystem\n"), {"INST makes", "'os.system'"}));
  EXPECT_TRUE(
      names(refusal_of(testing::text("posix") + testing::text("system") + "\x93"), {"STACK_GLOBAL", "'posix.system'"}));
  EXPECT_TRUE(names(refusal_of(testing::text("posix") + "N\x93"), {"STACK_GLOBAL", "'posix.?'"}));
  EXPECT_TRUE(names(refusal_of("\x93"), {"STACK_GLOBAL names"}));
  const std::string wild = refusal_of("c\x1b[2J" + std::string(1'000'000, 'x') + "\ny\n");
  EXPECT_TRUE(names(wild, {"GLOBAL names", "'\\x1b[2Jxxx", "...'"}));
  EXPECT_LT(wild.size(), 200U);
  EXPECT_TRUE(names(refusal_of("c"), {"GLOBAL names"}));
}

}  // namespace
}  // namespace weir::replay
