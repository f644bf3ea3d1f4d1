// MatrixMarket: every field and symmetry, and matrices that are no graphs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/workloads/graph/files/read_text.hpp"

namespace weir::graph::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string matrix(const std::string& kinds, const std::string& rest) {
  return "%%MatrixMarket matrix " + kinds + "\n% a comment\n\n" + rest;
}

TEST(GraphMatrixMarket, FieldsAreWeights) {
  const std::string size = "3 3 2\n";
  EXPECT_THAT(lines_of(matrix("coordinate pattern symmetric", size + "2 1\n3 2\n")), ElementsAre("1 2 1", "2 3 1"));
  EXPECT_THAT(lines_of(matrix("coordinate real symmetric", size + "2 1 -0.5\n3 2 4e0\n")),
              ElementsAre("1 2 0.5", "2 3 4"));
  EXPECT_THAT(lines_of(matrix("coordinate integer general", size + "1 2 7\n% between\n2 3 1\n")),
              ElementsAre("1 2 7", "2 3 1"));
  EXPECT_THAT(lines_of(matrix("coordinate complex hermitian", size + "2 1 3 -4\n3 2 0 2\n")),
              ElementsAre("1 2 5", "2 3 2"));
  EXPECT_THAT(lines_of(matrix("coordinate real skew-symmetric", size + "2 1 -1\n3 2 2\n")),
              ElementsAre("1 2 1", "2 3 2"));
  EXPECT_THAT(lines_of("%%matrixmarket MATRIX Coordinate Double General\n2 2 1\n1 2 3"), ElementsAre("1 2 3"));
  EXPECT_THAT(lines_of(matrix("coordinate real general", "2 2 1\n1 2 -3\n"), {.weights = false}), ElementsAre("1 2 1"));
}

TEST(GraphMatrixMarket, AMatrixOfNodesWithoutEdgesHasThemAll) {
  const Graph graph = read_graph_text(matrix("coordinate real general", "4 4 4\n1 1 5\n1 2 0\n3 2 1\n2 3 9\n")).graph;
  EXPECT_THAT(lines_of(graph), ElementsAre("2 3 1", "1", "4"));
  EXPECT_EQ(graph.self_loops, 1U);
  EXPECT_EQ(graph.duplicates, 1U);
}

TEST(GraphMatrixMarket, WhatIsNoGraphIsRefused) {
  const auto refused = [](const std::string& kinds, const std::string& rest) { return refusal(matrix(kinds, rest)); };
  EXPECT_THAT(refused("array real general", "2 2\n1\n"), HasSubstr("line 1: the matrix is stored as 'array'; a graph"));
  EXPECT_THAT(refused("coordinate quaternion general", ""), HasSubstr("the field is 'quaternion'; there are real, "));
  EXPECT_THAT(refused("coordinate real round", ""), HasSubstr("the symmetry is 'round'; there are general, "));
  EXPECT_THAT(refusal("%%MatrixMarket vector coordinate real general\n"), HasSubstr("is a 'vector'"));
  EXPECT_THAT(refusal("%%MatrixMarket matrix\n"), HasSubstr("line 1: a MatrixMarket file begins with"));
  EXPECT_THAT(refused("coordinate pattern general", "2 3 0\n"),
              HasSubstr("line 4: the matrix has 2 rows and 3 columns"));
  EXPECT_THAT(refused("coordinate pattern general", "2 2\n"), HasSubstr("line 4: the size is three numbers"));
  EXPECT_THAT(refused("coordinate pattern general", "2 2 x\n"), HasSubstr("line 4: 'x' is not a whole number"));
  EXPECT_THAT(refused("coordinate pattern general", ""), HasSubstr("ends before the line with the matrix's size"));
  EXPECT_THAT(refused("coordinate pattern general", "2 2 2\n1 2\n"), HasSubstr("the file ends behind 1 of 2 entries"));
  EXPECT_THAT(refused("coordinate pattern general", "2 2 1\n1 2\n2 1\n"),
              HasSubstr("line 6: there are more than the 1 "));
  EXPECT_THAT(refused("coordinate pattern general", "2 2 1\n0 1\n"), HasSubstr("line 5: row 0 is not in the matrix"));
  EXPECT_THAT(refused("coordinate pattern general", "2 2 1\n1 3\n"), HasSubstr("column 3 is not in the matrix, which"));
  EXPECT_THAT(refused("coordinate pattern general", "2 2 1\n1 -1\n"), HasSubstr("'-1' is not a whole number"));
  EXPECT_THAT(refused("coordinate pattern general", "2 2 1\n1 2 3\n"),
              HasSubstr("has 3 fields; an entry of this matrix has 2"));
  EXPECT_THAT(refused("coordinate real general", "2 2 1\n1 2\n"),
              HasSubstr("has 2 fields; an entry of this matrix has 3"));
  EXPECT_THAT(refused("coordinate real general", "2 2 1\n1 2 nan\n"),
              HasSubstr("the entry is 'nan', which is no number"));
  EXPECT_THAT(refused("coordinate real general", "2 2 1\n1 2 1e40\n"),
              HasSubstr("the weight is '1e40', and has to be"));
}

/// What the header says takes no memory by itself.
TEST(GraphMatrixMarket, ASizeIsCheckedBeforeItIsBelieved) {
  EXPECT_THAT(refusal<LimitExceeded>(matrix("coordinate pattern general", "1000001 1000001 1\n")),
              HasSubstr("line 4: 1000001 nodes; at most 1000000 are laid out"));
  EXPECT_THAT(refusal(matrix("coordinate pattern general", "9 9 18446744073709551615\n1 2\n")),
              HasSubstr("ends behind 1 of 18446744073709551615"));
}

}  // namespace
}  // namespace weir::graph::test
