// Files as they lie: the real ones against their manifest, packed or not, told apart by content and name; what is none.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/files/packed.hpp"
#include "unit/workloads/graph/files/read_text.hpp"
#include "workloads/graph/edges/adjacency.hpp"

namespace weir::graph::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

/// A folder that is removed in the end.
class GraphFiles : public testing::Test {
 protected:
  GraphFiles() : folder_(std::filesystem::temp_directory_path() / ("weir_graph_" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~GraphFiles() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, const std::string& bytes) const {
    const std::string path = (folder_ / name).string();
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  template <class Failure>
  static std::string refusal_of(const std::filesystem::path& path) {
    try {
      static_cast<void>(read_graph(path));
    } catch (const Failure& failure) {
      return failure.message();
    }
    return "read";
  }
  std::filesystem::path folder_;
};

struct Known {
  const char* name;
  std::uint32_t nodes;
  std::size_t edges;
  std::uint64_t self_loops, duplicates;
  FileFormat format;
  bool weighted;
};

TEST(GraphSharedFiles, AreWhatTheirManifestSays) {
  const std::filesystem::path folder = std::filesystem::path(WEIR_SHARED_DATA) / "graph";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no " << folder;
  for (const Known& known : {Known{"netscience.mtx", 1'589, 2'742, 0, 0, FileFormat::matrix_market, true},
                             Known{"ca-GrQc.txt", 5'242, 14'484, 12, 14'484, FileFormat::tsv, false},
                             Known{"fe_4elt2.mtx", 11'143, 32'818, 0, 0, FileFormat::matrix_market, false}}) {
    const GraphFile file = read_graph(folder / known.name);
    EXPECT_EQ(file.graph.nodes, known.nodes) << known.name;
    EXPECT_EQ(file.graph.edges.size(), known.edges) << known.name;
    EXPECT_EQ(file.graph.self_loops, known.self_loops) << known.name;
    EXPECT_EQ(file.graph.duplicates, known.duplicates) << known.name;
    EXPECT_EQ(file.format, known.format) << known.name;
    EXPECT_EQ(file.weighted, known.weighted) << known.name;
    EXPECT_EQ(file.graph.labels.size(), known.nodes);
    EXPECT_EQ(adjacency_of(file.graph).columns.size(), 2 * known.edges);
  }
}

TEST_F(GraphFiles, AreToldApartByContentThenName) {
  EXPECT_EQ(identify("%%MatrixMarket matrix", "x.csv"), FileFormat::matrix_market);
  EXPECT_EQ(identify("\n<?xml", "x.gexf.gz"), FileFormat::gexf);
  EXPECT_EQ(identify("<graphml", "x.txt"), FileFormat::graphml);
  EXPECT_EQ(identify("# c\n// d\n/* e */ strict DiGraph x {", "x.txt"), FileFormat::dot);
  EXPECT_EQ(identify("graph\n[", "x"), FileFormat::gml);
  EXPECT_EQ(identify("graph g\nb c\n", "x"), FileFormat::automatic);
  EXPECT_EQ(identify("graph theory\n", "x"), FileFormat::automatic);
  EXPECT_EQ(identify("Creator \"Mark\"\ngraph [", "x"), FileFormat::gml);
  EXPECT_EQ(identify("a,b", "x.CSV"), FileFormat::csv);
  EXPECT_EQ(identify("a b", "x.gv"), FileFormat::dot);
  EXPECT_EQ(identify("a b", "x.tsv.gz"), FileFormat::tsv);
  EXPECT_EQ(identify("a b", "x.gz"), FileFormat::automatic);
  EXPECT_EQ(lines_of("a;b\nb;c", {}, "x.csv"), (std::vector<std::string>{"a b 1", "b c 1"}));
}

TEST_F(GraphFiles, WhatIsNoGraphIsNamed) {
  EXPECT_THAT(refusal("{\"nodes\": []}"), AllOf(HasSubstr("is JSON or the like"), HasSubstr("graphs are read of")));
  EXPECT_THAT(refusal("PK\x03\x04zip"), HasSubstr("is a zip archive; unpack it first"));
  EXPECT_THAT(refusal("BZh91"), HasSubstr("is bzip2 data"));
  EXPECT_THAT(refusal("*Vertices 2\n1 \"a\"\n"), HasSubstr("is a file of Pajek"));
  EXPECT_THAT(refusal("c a comment\np edge 3 2\ne 1 2\n"), HasSubstr("is a file of DIMACS"));
  for (const char* name : {"x.graph", "x.METIS.gz"}) {
    EXPECT_THAT(refusal("3 2\n2\n1 3\n2\n", {}, name),
                AllOf(HasSubstr("a file of METIS"), HasSubstr("--format edges")));
  }
  EXPECT_THAT(refusal("a b c\n", {}, "x.adjlist"), HasSubstr("a list of neighbours (if it is an edge list, say"));
  EXPECT_THAT(lines_of("a b\n", {.format = FileFormat::edges}, "x.graph"), ElementsAre("a b 1"));
  EXPECT_THAT(lines_of("graph { a -- b }", {}, "x.graph"), ElementsAre("a b 1"));
  EXPECT_THAT(refusal(std::string("\xff\xfe"
                                  "a\0",
                                  4)),
              HasSubstr("UTF-16"));
  EXPECT_THROW(static_cast<void>(parse_format("pdf")), InvalidArgument);
  EXPECT_EQ(parse_format("mtx"), FileFormat::matrix_market);
  EXPECT_EQ(parse_format("auto"), FileFormat::automatic);
  EXPECT_EQ(format_names(), "edges, csv, tsv, mtx, gml, graphml, gexf, dot");
}

TEST_F(GraphFiles, MessagesBeginWithThePath) {
  const std::string none = (folder_ / "none\n.txt").string();
  EXPECT_THAT(refusal_of<NotFound>(none), StartsWith((folder_ / "none?.txt: no such file").string()));
  EXPECT_THAT(refusal_of<InvalidArgument>(folder_), HasSubstr(": is a folder; a graph is one file"));
  EXPECT_THAT(refusal_of<InvalidArgument>(""), HasSubstr("the name of the graph's file is empty"));
  const std::string bad = write("bad.txt", "a b\nc\n");
  EXPECT_THAT(refusal_of<ParseError>(bad), StartsWith(bad + ": line 2: has 1 field"));
  const std::string large = write("large.mtx", "%%MatrixMarket matrix coordinate pattern general\n2000000 2000000 0\n");
  EXPECT_THAT(refusal_of<LimitExceeded>(large), StartsWith(large + ": line 2: 2000000 nodes"));
}

#ifdef WEIR_HAS_ZLIB

using files::test::packed;

TEST_F(GraphFiles, PackedFilesAreReadWhateverTheirName) {
  const std::string text = "a b\nb c 2\n";
  for (const char* name : {"x.txt.gz", "x.txt", "x"}) {
    const GraphFile file = read_graph(write(name, packed(text)));
    EXPECT_TRUE(file.packed);
    EXPECT_EQ(file.graph.edges.size(), 2U);
  }
  std::string many;
  for (int i = 0; i < 100'000; ++i) many += std::to_string(i) + " " + std::to_string(i * 7 % 100'000) + "\n";
  const GraphFile plain = read_graph_text(many), unpacked = read_graph_text(packed(many));
  EXPECT_EQ(plain.graph.edges, unpacked.graph.edges);
  EXPECT_FALSE(plain.packed);
  EXPECT_EQ(read_graph_text(packed("<gexf><graph><nodes><node id=\"a\"/></nodes></graph></gexf>")).graph.nodes, 1U);
}

TEST_F(GraphFiles, CutDamagedAndSwollenGzipIsRefused) {
  std::string many;
  for (int i = 0; i < 100'000; ++i) many += std::to_string(i) + " " + std::to_string(i * 7 % 100'000) + "\n";
  std::string data = packed(many);
  for (const std::size_t length : {data.size() - 1, data.size() / 2, std::size_t{20}, std::size_t{3}}) {
    EXPECT_THAT(refusal(data.substr(0, length)), HasSubstr("its gzip data are cut off; copy the file again")) << length;
  }
  EXPECT_THAT(refusal(packed(packed(many))), HasSubstr("is gzip data within gzip data"));
  data[data.size() - 6] = static_cast<char>(data[data.size() - 6] ^ 0x55);  // of the sum
  EXPECT_THAT(refusal(data), HasSubstr("damaged"));
  // A gibibyte of comments, which makes no edge.
  std::string comments;
  while (comments.size() < std::size_t{1} << 22) comments += '#' + std::string(60'000, ' ') + '\n';
  const std::string part = packed(comments);
  std::string bomb;
  for (int i = 0; i < 257; ++i) bomb += part;
  EXPECT_THAT(refusal(bomb), HasSubstr("expand to more than 1 GiB"));
}

#endif

}  // namespace
}  // namespace weir::graph::test
