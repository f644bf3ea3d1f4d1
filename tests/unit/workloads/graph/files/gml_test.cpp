// GML, as Newman, networkx and Gephi write it, and what is none.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/workloads/graph/files/read_text.hpp"

namespace weir::graph::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(GraphGml, NodesEdgesLabelsAndWeights) {
  const GraphFile file = read_graph_text(
      "Creator \"someone [not a list]\"\ngraph\n[\n  directed 0\n  node\n  [\n    id 10\n    label \"R&amp;D &#228;\"\n"
      "    graphics [ x 1.5 y -2 points [ point [ z 3 ] ] ]\n    value 7\n  ]\n  node [ id 2 label \"two\nlines\" ]\n"
      "  node [ id 3 ]\n  edge [ source 10 target 2 value 2.5 ]\n  # edge [ source 1 target 2 ]\n"
      "  edge [ target 3 source 2 value 9 weight 4 ]\n]\n");
  EXPECT_EQ(file.format, FileFormat::gml);
  EXPECT_THAT(lines_of(file.graph), ElementsAre("10 2 2.5", "2 3 4"));
  EXPECT_THAT(file.graph.titles, ElementsAre("R&D \xc3\xa4", "two\nlines", ""));
}

TEST(GraphGml, NodesMayComeBehindEdgesAndEdgesNeedNodes) {
  EXPECT_THAT(lines_of("graph [ edge [ source 1 target 2 ] node [ id 2 ] node [ id 1 ] node [ id 5 ] ]"),
              ElementsAre("1 2 1", "5"));
  EXPECT_THAT(refusal("graph [ node [ id 1 ]\nedge [ source 1 target 2 ] ]"),
              HasSubstr("line 2: an edge has the node '2', which is not among the nodes"));
  EXPECT_THAT(refusal("graph [ node [ id 1 ]\nnode [ id 1 ] ]"), HasSubstr("line 2: the node '1' is there twice"));
}

TEST(GraphGml, WhatMayBeThereOnceIsRefusedTwice) {
  EXPECT_THAT(refusal("graph [ node [ id 1\nid 2 ] ]"), HasSubstr("line 2: a node has two ids"));
  EXPECT_THAT(refusal("graph [ edge [ source 1\nsource 2 target 1 ] ]"), HasSubstr("line 2: an edge has two sources"));
  EXPECT_THAT(refusal("graph [ edge [ target 1 target 2 source 1 ] ]"), HasSubstr("line 1: an edge has two targets"));
}

TEST(GraphGml, EntitiesAreCharacters) {
  const auto title = [](const std::string& label) {
    return read_graph_text("graph [ node [ id 1 label \"" + label + "\" ] ]").graph.titles.at(0);
  };
  EXPECT_EQ(title("&lt;a&gt; &quot;b&apos; &amp;lt;"), "<a> \"b' &lt;");
  EXPECT_EQ(title("x&#228;y&#65;"), "x\xc3\xa4yA");
  for (const char* as_it_is : {"&#;", "&#12", "&#x41;", "& &", "&none;", "12345", "&#99999999999999;"}) {
    EXPECT_EQ(title(as_it_is), as_it_is);
  }
}

TEST(GraphGml, WhatIsCutOrOutOfPlaceIsRefused) {
  EXPECT_THAT(refusal("graph [ node [ label \"a\" ] ]"), HasSubstr("line 1: a node has no id"));
  EXPECT_THAT(refusal("graph [ node [ id 1 ] edge [ source 1 ] ]"), HasSubstr("an edge has no target"));
  EXPECT_THAT(refusal("graph [\nnode [ id 1 ]\n"), HasSubstr("line 3: the file ends where there has to be a key"));
  EXPECT_THAT(refusal("graph [\nnode [ id"), HasSubstr("the file ends where there has to be the value of 'id'"));
  EXPECT_THAT(refusal("graph [\nnode [ id \"1 ] ]"), HasSubstr("line 2: a text that begins here is not closed"));
  EXPECT_THAT(refusal("graph [ node 5 ]"), HasSubstr("there is '5' where there has to be [ behind node"));
  EXPECT_THAT(refusal("graph [ node [ id [ a 1 ] ] ]"), HasSubstr("the id is a list"));
  EXPECT_THAT(refusal("graph [ node [ id 1 x ] ]"), HasSubstr("there is ']' where there has to be a value"));
  EXPECT_THAT(refusal("graph [ ] graph [ ]"), HasSubstr("a second graph"));
  EXPECT_THAT(refusal("Creator \"x\" ", {.format = FileFormat::gml}), HasSubstr("there is no graph [ ... ]"));
  EXPECT_THAT(refusal("graph [ ] ]"), HasSubstr("there is ']' where there has to be a key"));
  EXPECT_THAT(refusal(std::string("graph [ node [ id 1 label \"a\0b\" ] ]", 35)),
              HasSubstr("control character of code 0"));
  EXPECT_THAT(refusal("graph [ ]"), HasSubstr("holds no node"));
}

/// A million lists within each other need no stack, a text of many MiB that nobody asked for no memory.
TEST(GraphGml, DepthAndLengthAreBounded) {
  std::string deep = "graph [ node [ id 1 ] x ";
  for (int i = 0; i < 1'000'000; ++i) deep += "[ a ";
  EXPECT_THAT(refusal(deep), HasSubstr("the file ends within what begins here"));
  deep += "1 ";
  for (int i = 0; i < 1'000'000; ++i) deep += "] ";
  EXPECT_EQ(lines_of(deep + "]"), std::vector<std::string>{"1"});
  const std::string text(10'000'000, 'x');
  EXPECT_EQ(lines_of("graph [ comment \"" + text + "\" node [ id 1 ] ]"), std::vector<std::string>{"1"});
  EXPECT_THAT(refusal("graph [ node [ id 1 label \"" + text + "\" ] ]"), HasSubstr("a text has more than 65536 bytes"));
  EXPECT_THAT(refusal("graph [ node [ id 1 " + text + " 5 ] ]"), HasSubstr("a word has more than 65536 bytes"));
}

}  // namespace
}  // namespace weir::graph::test
