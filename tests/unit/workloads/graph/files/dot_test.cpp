// DOT: what is read of it as Graphviz reads it, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/workloads/graph/files/read_text.hpp"

namespace weir::graph::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(GraphDot, NodesChainsAndAttributes) {
  const GraphFile file = read_graph_text(
      "/* a\n comment */ strict digraph \"G\" {\n#include <x>\n rankdir=LR; node [shape=box]\n"
      "a -> b -> c [weight=2.5, color=\"#ff0000\"];\n\"d e\":port:n -> a:s [weight = 3][style=dashed] // end\n"
      "f [label=\"F\\nis \\\"last\\\"\"]\n g [label=<<b>bold</b> & <i/>>] h [label=\"\\N\"] -1.5--a; 2--.5 \n}\n");
  EXPECT_EQ(file.format, FileFormat::dot);
  EXPECT_THAT(lines_of(file.graph), ElementsAre("a b 2.5", "a d e 3", "a -1.5 1", "b c 2.5", "2 .5 1", "f", "g", "h"));
  EXPECT_THAT(file.graph.titles, ElementsAre("", "", "", "", "F is \"last\"", "", "", "", "", ""));
}

TEST(GraphDot, NamesAreAsGraphvizHasThem) {
  EXPECT_THAT(lines_of("graph{\"a \\\"quote\\\"\"--\"two \" + \"parts\"--\"a\\\nb\" -- \"graph\"}"),
              ElementsAre("a \"quote\" two parts 1", "two parts ab 1", "ab graph 1"));
  EXPECT_THAT(lines_of("GRAPH { sch\xc3\xb6n -- _x9 }"), ElementsAre("sch\xc3\xb6n _x9 1"));
  EXPECT_THAT(lines_of("graph\n{\n a--b\n}"), ElementsAre("a b 1"));
  EXPECT_THAT(lines_of("graph name\n{ a--b }"), ElementsAre("a b 1"));
}

/// As Graphviz has it, a node's name keeps both backslashes; a label shows one.
TEST(GraphDot, ABackslashMayBeEscaped) {
  EXPECT_THAT(lines_of(R"(graph { "C:\\" -- "a\\\"b" })"), ElementsAre(R"(C:\\ a\\"b 1)"));
  EXPECT_THAT(read_graph_text(R"(graph { a [label="C:\\"] b [label="\\N"] })").graph.titles,
              ElementsAre("C:\\", "\\N"));
}

TEST(GraphDot, SubgraphsAreFlatAndEdgesToThemGoToEachNode) {
  EXPECT_THAT(lines_of("digraph { subgraph cluster_1 { label=\"x\"; a -> b; edge [weight=5] b -> c } c -> d }"),
              ElementsAre("a b 1", "b c 5", "c d 1"));
  EXPECT_THAT(lines_of("digraph { a -> {b c} -> d; subgraph s {e; f} -> g }"),
              ElementsAre("a b 1", "a c 1", "b d 1", "c d 1", "e g 1", "f g 1"));
  EXPECT_THAT(lines_of("graph { a -- { b -- { c d } } }"), ElementsAre("a b 1", "a c 1", "a d 1", "b c 1", "b d 1"));
  EXPECT_THAT(refusal("graph { subgraph s {a}\n subgraph s -- b }"),
              HasSubstr("line 2: there is an edge where there has "
                        "to be { of a subgraph; one that is named"));
}

TEST(GraphDot, WhatIsNoDotIsRefused) {
  const auto refused = [](std::string_view text) { return refusal(text, {.format = FileFormat::dot}); };
  EXPECT_THAT(refused("a -- b"), HasSubstr("line 1: there is 'a' where there has to be graph or digraph"));
  EXPECT_THAT(refused("graph { a -- b\n\n"), HasSubstr("line 1: a { that stands here is not closed"));
  EXPECT_THAT(refused("graph { a -- }"), HasSubstr("there is '}' where there has to be the node that an edge goes to"));
  EXPECT_THAT(refused("graph { a - b }"), HasSubstr("a - that is neither -- nor ->"));
  EXPECT_THAT(refused("graph { a [weight=2 }"), HasSubstr("where there has to be an attribute"));
  EXPECT_THAT(refused("graph { a [weight=2"), HasSubstr("a [ that stands here is not closed"));
  EXPECT_THAT(refused("graph { a -- b [weight=0] }"), HasSubstr("the weight is '0', and has to be from"));
  EXPECT_THAT(refused("graph { a -- b [weight=x] }"), HasSubstr("the weight is 'x', which is no number"));
  EXPECT_THAT(refused("graph { \"a }"), HasSubstr("a text that begins here is not closed"));
  EXPECT_THAT(refused("graph { <a }"), HasSubstr("an HTML text that begins here is not closed"));
  EXPECT_THAT(refused("graph { /* a }"), HasSubstr("a comment that begins here is not closed"));
  EXPECT_THAT(refused("graph { a } graph { b }"), HasSubstr("since one graph is read"));
  EXPECT_THAT(refused("graph { a ! b }"), HasSubstr("there is '!', which is no part of DOT"));
  EXPECT_THAT(refused(std::string_view("graph { \"a\0b\" }", 15)), HasSubstr("control character of code 0"));
  EXPECT_THAT(refused("graph { \"a\" + b }"), HasSubstr("there is no text in quotes behind +"));
  EXPECT_THAT(refused("graph {}"), HasSubstr("holds no node"));
}

TEST(GraphDot, DepthLengthAndProductsAreBounded) {
  std::string deep = "graph ";
  for (int i = 0; i < 1'000'000; ++i) deep += "{ ";
  EXPECT_THAT(refusal(deep), HasSubstr("subgraphs are nested more than 100 deep"));
  EXPECT_THAT(refusal("graph { \"" + std::string(100'000, 'x') + "\" }"),
              HasSubstr("a name has more than 65536 bytes"));
  std::string product = "graph { ";
  for (int part = 0; part < 2; ++part) {
    product += part == 0 ? "{ " : " -- { ";
    for (int i = 0; i < 7'000; ++i) product += (part == 0 ? "a" : "b") + std::to_string(i) + ' ';
    product += '}';
  }
  std::string chain = "graph { a";
  for (int i = 0; i <= 1'000'000; ++i) chain += "--{}";
  EXPECT_THAT(refusal(chain + "}"), HasSubstr("line 1: a statement has more than 1000000 nodes or subgraphs"));
  EXPECT_THAT(refusal(product + "}"), HasSubstr("the edges between subgraphs are more than 40000000"));
}

}  // namespace
}  // namespace weir::graph::test
