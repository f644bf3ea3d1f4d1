// Edge lists as SNAP, KONECT, networkx, Gephi and people write them, and lines that are none.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/workloads/graph/files/read_text.hpp"

namespace weir::graph::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::vector<std::string> path{"a b 1", "b c 1"};

TEST(GraphEdgeList, IsDividedAsItsFirstEdgeIs) {
  for (const char* text :
       {"a b\nb c\n", "a\tb\nb\tc", "a,b\r\nb,c\r\n", "a;b\nb;c", "  a   b \n\n b\t c\n", "a , b\nb,c",
        "\xef\xbb\xbf"
        "a b\nb c",
        "# a graph\n% of\n// comments\na b\n\t\n#x y\nb c\n"}) {
    EXPECT_EQ(lines_of(text), path) << text;
  }
  const GraphFile tabs = read_graph_text("New York\tLos Angeles\nLos Angeles\tRome, Italy\n");
  EXPECT_EQ(tabs.format, FileFormat::tsv);
  EXPECT_THAT(tabs.graph.labels, ElementsAre("New York", "Los Angeles", "Rome, Italy"));
  EXPECT_THAT(lines_of("1 2\t5\n2 3\t6\n"), ElementsAre("1 2 5", "2 3 6"));
  EXPECT_THAT(lines_of("a\tb\t\nb\t\"c\td\"\t2"), ElementsAre("a b 1", "b c\td 1"));
}

TEST(GraphEdgeList, TabsDivideWhereSingleWordsAreBetweenThem) {
  EXPECT_THAT(lines_of("1\t2\nAlice Smith\tBob Jones\n"), ElementsAre("1 2 1", "Alice Smith Bob Jones 1"));
  EXPECT_THAT(lines_of(" 1 \t 2 \t 0.5\n"), ElementsAre("1 2 0.5"));
  EXPECT_THAT(refusal("1\t\t0.5\n"), HasSubstr("line 1: a node has no name"));
}

/// Layouts are UTF-8, in which two names that are none could become one.
TEST(GraphEdgeList, NamesAreUtf8) {
  EXPECT_THAT(refusal("a b\nb caf\xe9\n"),
              HasSubstr("line 2: the name 'caf\\xe9' is no UTF-8; save the file as UTF-8"));
  EXPECT_THAT(lines_of("a caf\xc3\xa9\n"), ElementsAre("a caf\xc3\xa9 1"));
  EXPECT_THAT(refusal("graph [ node [ id 1\nlabel \"\xe9\" ] ]"), HasSubstr("the name '\\xe9' is no UTF-8"));
}

TEST(GraphEdgeList, ATableIsDividedAsItsFirstLineWithAMark) {
  const ReadOptions csv{.format = FileFormat::csv};
  for (const char* text : {"# a, b\na;b\nb;c\n", "My graph\n\na;b\nb;c\n", "%,\r\na\tb\r\nb\tc", "// ;\na,b\nb,c"}) {
    EXPECT_EQ(lines_of(text, csv), path) << text;
  }
}

TEST(GraphEdgeList, QuotesHoldTogether) {
  EXPECT_THAT(lines_of("\"a, b\",\"say \"\"c\"\"\"\nd,\"a, b\"\n"), ElementsAre("a, b say \"c\" 1", "a, b d 1"));
  EXPECT_THAT(lines_of("\"New York\" Rome 2\n"), ElementsAre("New York Rome 2"));
  EXPECT_THAT(refusal("a,b\n\"c,d\n"), HasSubstr("line 2: a quote is not closed"));
  EXPECT_THAT(refusal("a,b\n\"c\"d,e\n"), HasSubstr("line 2: has text behind a field in quotes"));
}

TEST(GraphEdgeList, NodesAreNumberedAsTheyComeWhateverTheirNumbersAre) {
  const Graph graph = read_graph_text("1 4294967295\n18446744073709551616 1\n").graph;
  EXPECT_EQ(graph.nodes, 3U);
  EXPECT_THAT(graph.labels, ElementsAre("1", "4294967295", "18446744073709551616"));
}

TEST(GraphEdgeList, CountsLoopsAndDuplicatesInEitherDirection) {
  const Graph graph = read_graph_text("a b 2\nb a 3\na a\na b\nb c\nc c 5\n").graph;
  EXPECT_THAT(lines_of(graph), ElementsAre("a b 2", "b c 1"));
  EXPECT_EQ(graph.self_loops, 2U);
  EXPECT_EQ(graph.duplicates, 2U);
}

TEST(GraphEdgeList, AThirdNumberIsAWeight) {
  EXPECT_THAT(lines_of("a b 2.5\nb c 1e-3\nc d +4\nd e\n"), ElementsAre("a b 2.5", "b c 0.001", "c d 4", "d e 1"));
  EXPECT_THAT(lines_of("a b knows\nb c likes\n"), ElementsAre("a b 1", "b c 1"));
  EXPECT_THAT(lines_of("a b {'weight': 2.5, 'x': 1}\nb c {}\nc d {\"x\": 1, \"weight\": 3}\n"),
              ElementsAre("a b 2.5", "b c 1", "c d 3"));
  EXPECT_TRUE(read_graph_text("a b 2\n").weighted);
  EXPECT_FALSE(read_graph_text("a b 1\n").weighted);
  for (const char* weight : {"0", "-5", "nan", "inf", "1e-30", "1e30", "1e999", "heavy", "2x"}) {
    const std::string text = "a b 1\nb c " + std::string(weight) + "\n";
    EXPECT_THAT(refusal(text), HasSubstr(std::string("line 2: the weight is '") + weight + "', ")) << weight;
    EXPECT_EQ(lines_of(text, {.weights = false}), path);
  }
  EXPECT_THAT(refusal("a b 1\nb c -5"), HasSubstr("has to be from 1e-09 to 1000000000; or read it without weights"));
}

TEST(GraphEdgeList, AHeaderNamesTheColumns) {
  EXPECT_EQ(lines_of("Source,Target\na,b\nb,c\n"), path);
  EXPECT_THAT(lines_of("Id;Target;Source;Type;Weight\n1;b;a;Undirected;2\n2;c;b;Undirected;\n"),
              ElementsAre("a b 2", "b c 1"));
  EXPECT_THAT(lines_of("person friend since\n1 2 3\n2 3 4\n"), ElementsAre("1 2 3", "2 3 4"))
      << "no numbers above some";
  EXPECT_THAT(lines_of("FromNodeId\tToNodeId\n1\t2\n"), ElementsAre("1 2 1"));
  EXPECT_THAT(lines_of("person friend\nJohn Mary\n"), ElementsAre("person friend 1", "John Mary 1"))
      << "cannot be told";
  EXPECT_THAT(refusal("source,target\na\n"),
              HasSubstr("line 2: has 1 field, the first is 'a'; the two nodes of an edge "
                        "are fields 1 and 2"));
}

TEST(GraphEdgeList, LinesOfOneFieldBeforeTheFirstEdgeAreHeadings) {
  EXPECT_EQ(lines_of("https://example.org/a-graph.html\n3\na b\nb c\n"), path);
  EXPECT_THAT(refusal("a b\nb\n"), HasSubstr("line 2: has 1 field"));
  std::string many;
  for (int i = 0; i < 11; ++i) many += "one\n";
  EXPECT_THAT(refusal(many), HasSubstr("line 11: has 1 field"));
  EXPECT_THAT(refusal("one\ntwo\n"), HasSubstr("holds no node"));
}

TEST(GraphEdgeList, HostileLinesAreRefused) {
  EXPECT_THAT(refusal(std::string_view("a b\nb \0c\n", 9)), HasSubstr("line 2: holds the control character '\\x00'"));
  EXPECT_THAT(refusal("a b\n" + std::string(100'000, 'x') + " c\n"), HasSubstr("line 2: has more than 65536 bytes"));
  EXPECT_THAT(refusal("a b\n" + std::string(3'000'000, 'x')), HasSubstr("line 2: has more than 65536 bytes"));
  EXPECT_THAT(refusal("a " + std::string(1'025, 'x') + "\n"), HasSubstr("has 1025 bytes; at most 1024 are allowed"));
  EXPECT_EQ(read_graph_text("a " + std::string(1'024, 'x') + "\n").graph.nodes, 2U);
  EXPECT_THAT(refusal("a,,b\n"), HasSubstr("line 1: a node has no name"));
  std::string fields;
  for (int i = 0; i < 1'025; ++i) fields += "1 ";
  EXPECT_THAT(refusal(fields), HasSubstr("line 1: has more than 1024 fields"));
  EXPECT_THAT(refusal(""), HasSubstr("holds no node"));
  EXPECT_THAT(refusal("# only\n\n"), HasSubstr("holds no node"));
}

TEST(GraphEdgeList, NoMoreNodesThanMayBe) {
  std::string text;
  for (std::uint32_t node = 0; node < max_nodes; node += 2) {
    text += std::to_string(node) + ' ' + std::to_string(node + 1) + '\n';
  }
  EXPECT_EQ(read_graph_text(text).graph.nodes, max_nodes);
  text += "more 1\n";
  EXPECT_THAT(refusal<LimitExceeded>(text), HasSubstr("line 500001: more than 1000000 different nodes"));
}

TEST(GraphEdgeList, TheFormatMayBeSaid) {
  EXPECT_THAT(lines_of("a,b c,d\n"), ElementsAre("a b c 1"));
  EXPECT_THAT(lines_of("a,b c,d\n", {.format = FileFormat::edges}), ElementsAre("a,b c,d 1"));
  EXPECT_THAT(refusal("a b c d\n", {.format = FileFormat::csv}), HasSubstr("holds no node"));
}

}  // namespace
}  // namespace weir::graph::test
