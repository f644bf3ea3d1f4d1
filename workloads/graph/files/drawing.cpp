#include "workloads/graph/files/drawing.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <utility>

namespace weir::graph {
namespace {

constexpr double margin = 40;  // pixels

using Vector = std::array<double, 3>;

double dot(const Vector& a, const Vector& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

Vector cross(const Vector& a, const Vector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

Vector unit(const Vector& a) {
  const double length = std::sqrt(dot(a, a));
  return length > 0 ? Vector{a[0] / length, a[1] / length, a[2] / length} : Vector{1, 0, 0};
}

Vector vector_of(const Position& at) {
  const bool finite = std::isfinite(at.x) && std::isfinite(at.y) && std::isfinite(at.z);
  return finite ? Vector{double{at.x}, double{at.y}, double{at.z}} : Vector{};
}

/// The axis along which the points vary most among those across `not_along`: by power iteration on their covariance.
Vector longest_axis(const std::vector<Vector>& points, const Vector& not_along) {
  std::array<Vector, 3> covariance{};
  for (const Vector& each : points) {
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t k = 0; k < 3; ++k) covariance[i][k] += each[i] * each[k];
    }
  }
  const auto across = [&](const Vector& a) {
    const double along = dot(a, not_along);
    return Vector{a[0] - along * not_along[0], a[1] - along * not_along[1], a[2] - along * not_along[2]};
  };
  Vector axis = unit(across({1, 0.9, 0.8}));
  for (int i = 0; i < 100; ++i) {
    const Vector next = across({dot(covariance[0], axis), dot(covariance[1], axis), dot(covariance[2], axis)});
    if (dot(next, next) == 0) break;
    axis = unit(next);
  }
  return axis;
}

std::vector<Vector> centred(std::span<const Position> positions) {
  std::vector<Vector> points;
  points.reserve(positions.size());
  Vector mean{};
  for (const Position& each : positions) {
    points.push_back(vector_of(each));
    for (std::size_t i = 0; i < 3; ++i) mean[i] += points.back()[i] / static_cast<double>(positions.size());
  }
  for (Vector& each : points) {
    for (std::size_t i = 0; i < 3; ++i) each[i] -= mean[i];
  }
  return points;
}

/// The axis that lies across where least of the page stays empty; the first one where no other is much better.
Vector snug_axis(const std::vector<Vector>& points) {
  constexpr int turns = 90;
  constexpr double gain = 0.95;
  double least = std::numeric_limits<double>::infinity();
  Vector best{1, 0, 0};
  for (int turn = 0; turn < turns; ++turn) {
    const double angle = turn * std::numbers::pi / (2 * turns);
    const Vector axis{std::cos(angle), std::sin(angle), 0};
    double low_x = 0, high_x = 0, low_y = 0, high_y = 0;
    for (const Vector& each : points) {
      const double x = axis[0] * each[0] + axis[1] * each[1], y = axis[0] * each[1] - axis[1] * each[0];
      low_x = std::min(low_x, x);
      high_x = std::max(high_x, x);
      low_y = std::min(low_y, y);
      high_y = std::max(high_y, y);
    }
    const double area = (high_x - low_x) * (high_y - low_y);
    if (turn != 0 && area >= least * (best[1] == 0 ? gain : 1)) continue;
    least = area;
    best = high_x - low_x >= high_y - low_y ? axis : Vector{-axis[1], axis[0], 0};
    if (turn == 0) best = {1, 0, 0};
  }
  return best;
}

/// Across, up and towards the eye: of a flat layout its own, else such that it is seen where it is widest.
std::array<Vector, 3> axes_of(const std::vector<Vector>& points) {
  const bool flat = std::ranges::all_of(points, [](const Vector& each) { return each[2] == 0; });
  if (flat) return {Vector{1, 0, 0}, Vector{0, 1, 0}, Vector{0, 0, 1}};
  const Vector right = longest_axis(points, {});
  Vector second = longest_axis(points, right), third = cross(right, second);
  if (third[2] < 0) {
    for (std::size_t i = 0; i < 3; ++i) second[i] = -second[i], third[i] = -third[i];
  }
  // Turned by a little, so that what lies behind is not hidden by what lies before it.
  constexpr double turn = 0.35;
  Vector up{}, eye{};
  for (std::size_t i = 0; i < 3; ++i) {
    up[i] = std::cos(turn) * second[i] - std::sin(turn) * third[i];
    eye[i] = std::sin(turn) * second[i] + std::cos(turn) * third[i];
  }
  return {right, up, eye};
}

/// The points as they are seen: across, up and near, turned to fill the page.
std::vector<Vector> seen(std::vector<Vector> points) {
  const auto [right, up, eye] = axes_of(points);
  for (Vector& each : points) each = {dot(each, right), dot(each, up), dot(each, eye)};
  const Vector axis = snug_axis(points);
  for (Vector& each : points) {
    each = {axis[0] * each[0] + axis[1] * each[1], axis[0] * each[1] - axis[1] * each[0], each[2]};
  }
  return points;
}

/// Larger for more nodes, up to what a screen can still show in parts.
double side_for(std::size_t nodes) {
  return std::clamp(1'300 + 3.2 * std::sqrt(static_cast<double>(nodes)), 1'300.0, 3'600.0);
}

/// As small as crowded places need, and as faint as lines have to be that would cover the page.
void size_marks(Drawing& drawing, const Graph& graph) {
  const double area = drawing.width * drawing.height;
  const double spacing = std::sqrt(area / static_cast<double>(std::max<std::size_t>(drawing.points.size(), 1)));
  std::vector<float> lengths;
  lengths.reserve(graph.edges.size());
  for (const Edge& edge : graph.edges) {
    const Drawing::Point &from = drawing.points[edge.source], &to = drawing.points[edge.target];
    lengths.push_back(std::hypot(from.x - to.x, from.y - to.y));
  }
  const double ink = std::accumulate(lengths.begin(), lengths.end(), 0.0);
  double crowded = spacing;
  if (!lengths.empty()) {
    const auto middle = lengths.begin() + static_cast<std::ptrdiff_t>(lengths.size() / 2);
    std::ranges::nth_element(lengths, middle);
    crowded = double{*middle};
  }
  drawing.radius = std::clamp(std::min(0.09 * spacing, 0.22 * crowded), 0.6, 6.0);
  drawing.line_width = std::clamp(0.45 * drawing.radius, 0.7, 1.5);
  drawing.line_opacity = std::clamp(0.2 * area / std::max(ink * drawing.line_width, 1.0), 0.001, 0.7);
}

}  // namespace

Drawing drawing_of(const Graph& graph, std::span<const Position> positions) {
  Drawing made;
  made.width = made.height = 2 * margin;
  if (positions.empty()) return made;
  const std::vector<Vector> points = seen(centred(positions));
  Vector low = points[0], high = points[0];
  for (const Vector& each : points) {
    for (std::size_t i = 0; i < 2; ++i) {
      low[i] = std::min(low[i], each[i]);
      high[i] = std::max(high[i], each[i]);
    }
  }
  const double longer = std::max({high[0] - low[0], high[1] - low[1], 1e-30});
  const double scale = (side_for(points.size()) - 2 * margin) / longer;
  made.width = std::ceil((high[0] - low[0]) * scale + 2 * margin);
  made.height = std::ceil((high[1] - low[1]) * scale + 2 * margin);
  for (const Vector& each : points) {
    made.points.push_back({static_cast<float>(margin + (each[0] - low[0]) * scale),
                           static_cast<float>(margin + (high[1] - each[1]) * scale)});
  }
  std::vector<std::uint32_t> degrees(points.size());
  for (const Edge& edge : graph.edges) {
    ++degrees[edge.source];
    ++degrees[edge.target];
  }
  size_marks(made, graph);
  // The brightest tones are for nodes of many edges, not for all nodes of a mesh.
  const double most = std::log1p(std::max<double>(16, std::ranges::max(degrees)));
  for (const std::uint32_t degree : degrees) {
    made.tone.push_back(static_cast<float>(std::log1p(static_cast<double>(degree)) / most));
  }
  made.order.resize(points.size());
  std::iota(made.order.begin(), made.order.end(), 0U);
  std::ranges::stable_sort(made.order, {},
                           [&](std::uint32_t node) { return std::pair(points[node][2], made.tone[node]); });
  return made;
}

}  // namespace weir::graph
