// Layouts as they are written: every byte of small ones, names that formats would stumble over, pictures' proportions.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <weir/errors.hpp>

#include "workloads/graph/edges/generate.hpp"
#include "workloads/graph/files/drawing.hpp"
#include "workloads/graph/files/shading.hpp"
#include "workloads/graph/files/write_layout.hpp"

namespace weir::graph::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string written(LayoutFormat format, const Graph& graph, const std::vector<Position>& positions,
                    std::string_view report = {}) {
  const auto path = std::filesystem::temp_directory_path() / ("weir_layout_" + std::to_string(::getpid()));
  {
    files::OutputFile file(path.string());
    write_layout(file, format, graph, positions, report);
    file.commit();
  }
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  std::filesystem::remove(path);
  return text.str();
}

Graph pair_of(std::string first, std::string second, std::string title) {
  Graph graph;
  graph.nodes = 2;
  graph.edges = {{0, 1, 2.5F}};
  graph.labels = {std::move(first), std::move(second)};
  graph.titles = {"", std::move(title)};
  return graph;
}

const std::vector<Position> places{{1.5F, -2, 0}, {0.1F, 3e-20F, 4}};

TEST(GraphLayoutFile, JsonIsWhatNetworkxReads) {
  EXPECT_EQ(written(LayoutFormat::json, pair_of("a", "b", "Bee"), places, "{\"steps\": 3}\n"),
            "{\"directed\": false, \"multigraph\": false,\n\"graph\": {\"steps\": 3},\n\"nodes\": [\n"
            "{\"id\": \"a\", \"label\": \"a\", \"x\": 1.5, \"y\": -2, \"z\": 0},\n"
            "{\"id\": \"b\", \"label\": \"Bee\", \"x\": 0.1, \"y\": 3e-20, \"z\": 4}],\n\"edges\": [\n"
            "{\"source\": \"a\", \"target\": \"b\", \"weight\": 2.5}]}\n");
  const std::string numbers = written(LayoutFormat::json, grid_graph(2, 1), places);
  EXPECT_THAT(numbers, HasSubstr("{\"id\": 1, \"label\": \"1\", \"x\": 0.1"));
  EXPECT_THAT(numbers, HasSubstr("\"graph\": {}"));
}

TEST(GraphLayoutFile, CsvHasARowANode) {
  EXPECT_EQ(written(LayoutFormat::csv, pair_of("a,\"b\"", "c", "two\nlines"), places),
            "node,label,x,y,z\n\"a,\"\"b\"\"\",\"a,\"\"b\"\"\",1.5,-2,0\nc,\"two\nlines\",0.1,3e-20,4\n");
}

TEST(GraphLayoutFile, NamesAreEscapedAndMadeUtf8) {
  const Graph graph = pair_of("q\"\\\t\x01", "\xff\xc3\xa4<&>", "");
  const std::string json = written(LayoutFormat::json, graph, places);
  EXPECT_THAT(json, HasSubstr("\"id\": \"q\\\"\\\\\\u0009\\u0001\""));
  EXPECT_THAT(json, HasSubstr("\"id\": \"\xef\xbf\xbd\xc3\xa4<&>\""));
  const std::string svg = written(LayoutFormat::svg, graph, places);
  EXPECT_THAT(svg, HasSubstr("<title>q\"\\  </title>"));
  EXPECT_THAT(svg, HasSubstr("<title>\xef\xbf\xbd\xc3\xa4&lt;&amp;&gt;</title>"));
  EXPECT_THAT(written(LayoutFormat::csv, graph, places), HasSubstr("\n\xef\xbf\xbd\xc3\xa4<&>,"));
  const std::string none =
      "x\xef\xbf\xbe"
      "y\xef\xbf\xbf";  // U+FFFE and U+FFFF
  EXPECT_THAT(written(LayoutFormat::svg, pair_of("a", none, ""), places),
              HasSubstr("<title>x\xef\xbf\xbdy\xef\xbf\xbd</title>"));
}

TEST(GraphLayoutFile, APositionThatIsNoNumberIsNull) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(written(LayoutFormat::json, pair_of("a", "b", ""), {{nan, 0, 0}, {1, 1, 1}}), HasSubstr("\"x\": null"));
  EXPECT_THAT(written(LayoutFormat::svg, pair_of("a", "b", ""), {{nan, 0, 0}, {1, 1, 0}}), Not(HasSubstr("nan")));
}

TEST(GraphLayoutFile, FormatsGoByTheName) {
  EXPECT_EQ(layout_format("x.json"), LayoutFormat::json);
  EXPECT_EQ(layout_format("a.b/x.CSV"), LayoutFormat::csv);
  EXPECT_EQ(layout_format("x.y.svg"), LayoutFormat::svg);
  EXPECT_EQ(layout_format("-"), LayoutFormat::json);
  EXPECT_EQ(layout_format("/dev/stdout"), LayoutFormat::json);
  EXPECT_EQ(layout_format("a.png/x"), LayoutFormat::json);
  EXPECT_THROW(static_cast<void>(layout_format("x.jpg")), InvalidArgument);
  EXPECT_THROW(static_cast<void>(written(LayoutFormat::csv, pair_of("a", "b", ""), {{}})), InvalidArgument);
}

TEST(GraphLayoutFile, APngIsAsLargeAsTheDrawing) {
#ifdef WEIR_HAS_CHARTS
  const Graph graph = grid_graph(30, 10);
  std::vector<Position> positions;
  for (std::uint32_t i = 0; i < graph.nodes; ++i) positions.push_back({float(i % 30), float(i / 30), 0});
  const std::string png = written(layout_format("x.png"), graph, positions);
  EXPECT_THAT(png, StartsWith("\x89PNG\r\n"));
  const auto number = [&](std::size_t at) {
    return static_cast<unsigned char>(png[at + 2]) * 256.0 + static_cast<unsigned char>(png[at + 3]);
  };
  const Drawing drawing = drawing_of(graph, positions);
  EXPECT_EQ(number(16), drawing.width);
  EXPECT_EQ(number(20), drawing.height);
  EXPECT_GT(png.size(), 10'000U) << "something is drawn";
#else
  EXPECT_THROW(static_cast<void>(layout_format("x.png")), InvalidArgument);
  GTEST_SKIP() << "this build found no cairo";
#endif
}

TEST(GraphDrawing, FillsThePageAndKeepsTheShape) {
  const Graph graph = grid_graph(40, 10);
  std::vector<Position> tilted;
  const float c = std::cos(0.6F), s = std::sin(0.6F);
  for (std::uint32_t i = 0; i < graph.nodes; ++i) {
    const auto x = static_cast<float>(i % 40), y = static_cast<float>(i / 40);
    tilted.push_back({100 + c * x - s * y, c * y + s * x, 0});
  }
  const Drawing drawing = drawing_of(graph, tilted);
  EXPECT_GT(drawing.width, 3 * drawing.height) << "what is long lies across";
  const auto distance = [&](std::uint32_t a, std::uint32_t b) {
    return std::hypot(drawing.points[a].x - drawing.points[b].x, drawing.points[a].y - drawing.points[b].y);
  };
  EXPECT_NEAR(distance(0, 39) / distance(0, 360), 39.0 / 9, 1e-3) << "as far across as down";
  for (const Drawing::Point& each : drawing.points) {
    EXPECT_GE(each.x, 39);
    EXPECT_LE(each.x, drawing.width - 39);
    EXPECT_GE(each.y, 39);
    EXPECT_LE(each.y, drawing.height - 39);
  }
  EXPECT_LT(2 * drawing.radius, distance(0, 1)) << "nodes do not touch";
}

TEST(GraphDrawing, ASquareIsNotTurned) {
  std::vector<Position> positions;
  for (std::uint32_t i = 0; i < 100; ++i) positions.push_back({float(i % 10), float(i / 10), 0});
  const Drawing drawing = drawing_of(grid_graph(10, 10), positions);
  EXPECT_FLOAT_EQ(drawing.points[0].y, drawing.points[9].y);
  EXPECT_LT(drawing.points[0].x, drawing.points[9].x);
  EXPECT_GT(drawing.points[0].y, drawing.points[90].y) << "y goes up";
}

TEST(GraphDrawing, TheNearestComesLast) {
  Graph graph;
  graph.nodes = 6;
  const Drawing drawing = drawing_of(
      graph,
      std::vector<Position>{{0, 0, 10}, {-100, -50, 0}, {100, -50, 0}, {100, 50, 0}, {-100, 50, 0}, {0, 0, -10}});
  const auto place = [&](std::uint32_t node) { return std::ranges::find(drawing.order, node) - drawing.order.begin(); };
  EXPECT_LT(place(5), place(0));
  EXPECT_NE(drawing.points[5].y, drawing.points[0].y) << "seen from a little above";
  std::vector<std::uint32_t> order = drawing.order;
  std::ranges::sort(order);
  EXPECT_THAT(order, ElementsAre(0U, 1U, 2U, 3U, 4U, 5U));
}

TEST(GraphDrawing, LinesOfDenseGraphsAreFaint) {
  Graph graph;
  graph.nodes = 400;
  std::vector<Position> positions;
  for (std::uint32_t node = 0; node < graph.nodes; ++node) {
    positions.push_back({static_cast<float>(node % 20), static_cast<float>(node / 20), 0});
    for (std::uint32_t other = 0; other < node; ++other) graph.edges.push_back({other, node, 1});
  }
  EXPECT_LT(drawing_of(graph, positions).line_opacity, 0.012) << "or the middle would be one grey";
  EXPECT_THAT(written(LayoutFormat::svg, graph, positions).substr(0, 400), HasSubstr("stroke-opacity=\"0.04\""))
      << "what eight bits can add up";
}

TEST(GraphDrawing, FaintLinesAddUp) {
  Shading shading(40, 30);
  for (int i = 0; i < 1'000; ++i) shading.add({5, 10.5F}, {30, 10.5F}, 1, 0.001);
  EXPECT_NEAR(shading.paper(15, 10), std::pow(0.999, 1'000), 1e-3) << "in eight bits they would leave 1";
  EXPECT_EQ(shading.paper(15, 9), 1);
  EXPECT_EQ(shading.paper(15, 11), 1);
  EXPECT_EQ(shading.paper(4, 10), 1);
  EXPECT_EQ(shading.paper(30, 10), 1);
}

/// What lines take of the paper is their length times their width, whatever way they go and wherever they end.
TEST(GraphDrawing, LinesCoverTheirArea) {
  for (const auto& [from, to] : std::vector<std::pair<Drawing::Point, Drawing::Point>>{
           {{5.3F, 6.2F}, {40.1F, 9.9F}}, {{40, 5}, {6, 41}}, {{20.5F, 3}, {20.6F, 44}}, {{5, 40}, {41, 4.5F}}}) {
    Shading shading(50, 50);
    shading.add(from, to, 1.3, 0.5);
    double taken = 0;
    for (std::size_t y = 0; y < 50; ++y) {
      for (std::size_t x = 0; x < 50; ++x) taken += 1 - double{shading.paper(x, y)};
    }
    EXPECT_NEAR(taken, 0.5 * 1.3 * std::hypot(to.x - from.x, to.y - from.y), 0.05 * taken);
  }
  Shading shading(10, 10);
  shading.add({-50, -20}, {70, 31}, 1, 1);  // over the edges of the page
  shading.add({3, 3}, {3, 3}, 1, 1);
  EXPECT_EQ(shading.paper(3, 9), 1);
}

TEST(GraphDrawing, AnythingCanBeDrawn) {
  for (const std::vector<Position>& positions :
       {std::vector<Position>{}, {{5, 5, 5}}, {{1, 1, 0}, {1, 1, 0}}, {{1e30F, 0, 0}, {-1e30F, 1e-30F, 0}}}) {
    Graph graph;
    graph.nodes = static_cast<std::uint32_t>(positions.size());
    const Drawing drawing = drawing_of(graph, positions);
    EXPECT_GE(drawing.width, 80);
    EXPECT_LE(drawing.width, 4'000);
    for (const Drawing::Point& each : drawing.points) EXPECT_TRUE(std::isfinite(each.x) && std::isfinite(each.y));
  }
}

}  // namespace
}  // namespace weir::graph::test
