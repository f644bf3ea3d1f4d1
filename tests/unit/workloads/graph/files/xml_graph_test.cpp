// GraphML and GEXF as networkx, Gephi, igraph and yEd write them; entities, depth and sizes of hostile XML.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/workloads/graph/files/read_text.hpp"

#ifdef WEIR_HAS_EXPAT

namespace weir::graph::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string graphml(const std::string& body) {
  return "<?xml version='1.0' encoding='utf-8'?>\n<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">" + body +
         "</graphml>";
}

TEST(GraphXml, GraphMlWithItsData) {
  const GraphFile file = read_graph_text(
      graphml("<key id=\"d1\" for=\"edge\" attr.name=\"weight\" attr.type=\"double\"><default> 4 </default></key>"
              "<key id=\"d0\" for=\"node\" attr.name=\"Label\"/><key id=\"d2\" for=\"node\" attr.name=\"weight\"/>"
              "<graph edgedefault=\"undirected\"><data key=\"d9\">x</data>"
              "<node id=\"n0\"><data key=\"d0\">A &amp; B</data><data key=\"d2\">77</data><port "
              "name=\"p\"/></node><node id=\"n1\"/>"
              "<edge source=\"n0\" target=\"n1\"><data key=\"d1\">2.5</data></edge>"
              "<edge source=\"n1\" target=\"n2\"/><node id=\"n2\"/></graph>"));
  EXPECT_EQ(file.format, FileFormat::graphml);
  EXPECT_THAT(lines_of(file.graph), ElementsAre("n0 n1 2.5", "n1 n2 4"));
  EXPECT_THAT(file.graph.titles, ElementsAre("A & B", "", ""));
}

TEST(GraphXml, NestedGraphsAreFlat) {
  EXPECT_THAT(lines_of(graphml("<graph><node id=\"a\"><graph><node id=\"a::b\"><data><y:ShapeNode "
                               "xmlns:y=\"yed\"><y:NodeLabel>Bee</y:NodeLabel></y:ShapeNode></data></node>"
                               "<edge source=\"a\" target=\"a::b\"/></graph></node><node id=\"c\"/></graph>")),
              ElementsAre("a a::b 1", "c"));
}

TEST(GraphXml, Gexf) {
  const GraphFile file = read_graph_text(
      "<gexf version=\"1.2\"><meta><creator>x</creator></meta><graph defaultedgetype=\"undirected\"><nodes>"
      "<node id=\"0\" label=\"Zero\"><nodes><node id=\"1\" label=\"One\"/></nodes></node><node id=\"2\"/></nodes>"
      "<edges><edge id=\"0\" source=\"0\" target=\"1\" weight=\"1.5\"/><edge source=\"1\" target=\"2\"/></edges>"
      "</graph></gexf>",
      {}, "x.gexf");
  EXPECT_EQ(file.format, FileFormat::gexf);
  EXPECT_THAT(lines_of(file.graph), ElementsAre("0 1 1.5", "1 2 1"));
  EXPECT_THAT(file.graph.titles, ElementsAre("Zero", "One", ""));
}

TEST(GraphXml, WhatIsNoGraphIsRefused) {
  EXPECT_THAT(refusal("<html><body/></html>"),
              HasSubstr("line 1: the root of the XML is 'html'; it has to be graphml"));
  EXPECT_THAT(refusal(graphml("")), HasSubstr("there is no graph"));
  EXPECT_THAT(refusal(graphml("<graph/><graph/>")), HasSubstr("a second graph"));
  EXPECT_THAT(refusal(graphml("<graph>\n<node/></graph>")), HasSubstr("line 3: a node has no id"));
  EXPECT_THAT(refusal(graphml("<graph><node id=\"a\"/><node id=\"a\"/></graph>")), HasSubstr("'a' is there twice"));
  EXPECT_THAT(refusal(graphml("<graph><node id=\"a\"/>\n<edge source=\"a\"/></graph>")),
              HasSubstr("line 3: an edge has no target"));
  EXPECT_THAT(refusal(graphml("<graph><node id=\"a\"/>\n<edge source=\"a\" target=\"b\"/></graph>")),
              HasSubstr("line 3: an edge has the node 'b', which is not among the nodes"));
  EXPECT_THAT(refusal(graphml("<graph><hyperedge/></graph>")), HasSubstr("a hyperedge; edges have two nodes"));
  EXPECT_THAT(refusal(graphml("<graph><node id=\"a\">")), HasSubstr("is no XML: "));
  EXPECT_THAT(refusal("<graphml><graph><node id=\"a\"/>"), HasSubstr("is the file whole?"));
  EXPECT_THAT(refusal("<gexf><graph><edges><edge source=\"a\" target=\"b\" weight=\"-1\"/></edges></graph></gexf>"),
              HasSubstr("the weight is '-1', and has to be"));
}

TEST(GraphXml, DeclarationsOfTheFilesOwnAreRefused) {
  const std::string laughs =
      "<?xml version=\"1.0\"?>\n<!DOCTYPE lolz [\n<!ENTITY lol \"lol\">\n<!ENTITY lol1 \"&lol;&lol;&lol;\">\n]>\n";
  EXPECT_THAT(
      refusal(laughs + "<graphml>&lol1;</graphml>"),
      HasSubstr("line 2: declares entities, attributes or the like of its own, in <!DOCTYPE 'lolz' [ ... ]>; leave"));
  EXPECT_THAT(refusal("<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><graphml>&e;</graphml>"),
              HasSubstr("declares entities"));
  EXPECT_THAT(refusal("<!DOCTYPE x [<!ENTITY % e SYSTEM \"http://localhost/\"> %e;]><graphml/>"),
              HasSubstr("declares entities"));
  EXPECT_THAT(refusal("\n<!DOCTYPE graphml [<!ATTLIST node a1 CDATA \"\">]><graphml/>"), HasSubstr("line 2: declares"));
  EXPECT_THAT(refusal(graphml("<graph>&nbsp;</graph>")), HasSubstr("undefined entity"));
  EXPECT_THAT(lines_of("<!DOCTYPE gexf PUBLIC \"-//x\" \"http://localhost/gexf.dtd\">\n<gexf><graph><nodes>"
                       "<node id=\"a\"/></nodes></graph></gexf>"),
              ElementsAre("a"));
}

TEST(GraphXml, DepthAndSizesAreBounded) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<a>";
  EXPECT_THAT(refusal(graphml(deep)), HasSubstr("elements are nested more than 256 deep"));
  const std::string mebibytes(5'000'000, 'x');
  EXPECT_THAT(refusal(graphml("<graph><node id=\"" + mebibytes + "\"/></graph>")),
              HasSubstr("more than 1048576 bytes"));
  EXPECT_THAT(refusal(graphml("<!-- " + mebibytes + "-->")), HasSubstr("more than 1048576 bytes"));
  EXPECT_THAT(
      refusal(graphml("<key id=\"k\" for=\"edge\" attr.name=\"weight\"><default>" + mebibytes + "</default></key>")),
      HasSubstr("a text has more than 65536 bytes"));
  EXPECT_THAT(lines_of(graphml("<graph><desc>" + mebibytes + "</desc><node id=\"a\"/></graph>")), ElementsAre("a"))
      << "text that nobody asked for takes no memory";
}

/// Expat keeps each name for as long as it reads.
TEST(GraphXml, NamesOfElementsTakeNoMemoryWithoutBound) {
  const auto file_of = [](int names) {
    std::string body = "<graph><node id=\"a\"/>\n";
    for (int i = 0; i < names; ++i) body += "<x" + std::to_string(i) + " y" + std::to_string(i) + "=\"\"/>";
    return graphml(body + "</graph>");
  };
  EXPECT_THAT(lines_of(file_of(1'000)), ElementsAre("a"));
  EXPECT_THAT(refusal(file_of(1'000'000)),
              HasSubstr("line 3: its elements and attributes have so many different names that reading it takes more "
                        "than 64 MiB"));
  EXPECT_THAT(lines_of(file_of(1'000)), ElementsAre("a")) << "and the next is read";
}

TEST(GraphXml, AnEmptyWeightIsNone) {
  EXPECT_THAT(
      lines_of(graphml("<key id=\"w\" for=\"edge\" attr.name=\"weight\"/><graph><node id=\"a\"/><node id=\"b\"/>"
                       "<edge source=\"a\" target=\"b\"><data key=\"w\"> </data></edge></graph>")),
      ElementsAre("a b 1"));
  EXPECT_THAT(lines_of("<gexf><graph><nodes><node id=\"a\"/><node id=\"b\"/></nodes><edges>"
                       "<edge source=\"a\" target=\"b\" weight=\"\"/></edges></graph></gexf>"),
              ElementsAre("a b 1"));
}

TEST(GraphXml, IsReadInItsEncoding) {
  const std::string latin =
      "<?xml version='1.0' encoding='ISO-8859-1'?><graphml><graph><node id=\"\xe4\"/></graph></graphml>";
  EXPECT_THAT(lines_of(latin), ElementsAre("\xc3\xa4"));
}

}  // namespace
}  // namespace weir::graph::test
#else
TEST(GraphXml, IsRead) { GTEST_SKIP() << "this build found no expat"; }
#endif
