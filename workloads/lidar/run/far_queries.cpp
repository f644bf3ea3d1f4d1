#include "workloads/lidar/run/far_queries.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <queue>
#include <utility>

#include "workloads/lidar/neighbours/box.hpp"
#include "workloads/lidar/run/station.hpp"
#include "workloads/lidar/run/wide_chunk.hpp"

namespace weir::lidar {
namespace {

constexpr std::size_t batch_queries = 4096, group_queries = 32;

std::uint64_t square(std::int64_t side) noexcept { return static_cast<std::uint64_t>(side * side); }

/// A ball round a query, or a box round some balls.
struct Ball {
  Point at;
  std::uint64_t reach;

  [[nodiscard]] std::uint64_t distance(const Point& point) const noexcept {
    return square(std::int64_t{point.x} - at.x) + square(std::int64_t{point.y} - at.y) +
           square(std::int64_t{point.z} - at.z);
  }
  [[nodiscard]] bool holds(const Point& point) const noexcept { return distance(point) <= reach; }
  [[nodiscard]] std::uint64_t distance(const Chunk& chunk) const noexcept {
    const std::int64_t own[3] = {at.x, at.y, at.z};
    std::uint64_t sum = 0;
    for (int axis = 0; axis < 3; ++axis) {
      sum += square(outside(own[axis], chunk.low[axis], chunk.high[axis]));
    }
    return sum;
  }
  [[nodiscard]] bool meets(const Chunk& chunk) const noexcept { return distance(chunk) <= reach; }
};
struct Group {
  std::int64_t low[2] = {INT64_MAX, INT64_MAX}, high[2] = {INT64_MIN, INT64_MIN};
  std::vector<Ball> balls;

  void add(const Ball& ball) {
    const auto radius = static_cast<std::int64_t>(std::min(std::sqrt(static_cast<double>(ball.reach)) + 2, 4e9));
    const std::int64_t at[2] = {ball.at.x, ball.at.y};
    for (int axis = 0; axis < 2; ++axis) {
      low[axis] = std::min(low[axis], at[axis] - radius);
      high[axis] = std::max(high[axis], at[axis] + radius);
    }
    balls.push_back(ball);
  }
  [[nodiscard]] bool holds(const Point& point) const noexcept {
    return point.x >= low[0] && point.x <= high[0] && point.y >= low[1] && point.y <= high[1] &&
           std::ranges::any_of(balls, [&](const Ball& ball) { return ball.holds(point); });
  }
  /// Those balls that meet the chunk.
  [[nodiscard]] Group near(const Chunk& chunk) const {
    Group some;
    for (const Ball& ball : balls) {
      if (ball.meets(chunk)) some.add(ball);
    }
    return some;
  }
};

/// Draws a query's reach in to where k of a sample of the cloud's points are: all its neighbours are that near. What
/// its chunk had around it may say nothing at all, as of a point that is far from all others.
/// In a wide cloud distances are of cells, for the sample and for the neighbours.
void draw_in(const Partition& partition, std::uint32_t k, bool wide, FarQuery& query) {
  constexpr std::size_t sample = 4096;  // of a chunk
  Ball ball{query.point, query.reach};
  std::vector<std::pair<std::uint64_t, const Chunk*>> chunks;
  for (const Chunk& chunk : partition.chunks()) chunks.emplace_back(ball.distance(chunk), &chunk);
  std::ranges::sort(chunks);
  std::priority_queue<std::uint64_t> nearest;
  for (const auto& [distance, chunk] : chunks) {
    if (distance > ball.reach) break;
    const std::span<const Point> points = partition.points(*chunk);
    const std::size_t step = std::max<std::size_t>(points.size() / sample, 1);
    for (std::size_t i = 0; i < points.size(); i += step) {
      const std::uint64_t own = ball.distance(points[i]);
      if (own > ball.reach) continue;
      nearest.push(own);
      if (nearest.size() > k) nearest.pop();
      if (nearest.size() == k) ball.reach = nearest.top();
    }
  }
  if (wide && nearest.size() == k) {
    const double side = std::sqrt(static_cast<double>(ball.reach)) + 2 * cells_off;
    ball.reach = static_cast<std::uint64_t>(side * side) + 1;
  }
  query.reach = std::min(query.reach, ball.reach);
}

/// Brings queries that lie together into one group: rows of equal count from low to high, each from left to right.
void sort_into_groups(std::span<FarQuery> queries) {
  const auto x = [](const FarQuery& query) { return query.point.x; };
  const auto y = [](const FarQuery& query) { return query.point.y; };
  std::ranges::sort(queries, {}, y);
  const std::size_t groups = queries.size() / group_queries + 1;
  const auto rows = static_cast<std::size_t>(std::sqrt(static_cast<double>(groups)));
  const std::size_t row = (groups / rows + 1) * group_queries;
  for (std::size_t first = 0; first < queries.size(); first += row) {
    std::ranges::sort(queries.subspan(first, std::min(row, queries.size() - first)), {}, x);
  }
}

/// The queries, and after them all other points that one of them may have as a neighbour.
std::vector<Point> gather(const Partition& partition, std::span<const FarQuery> queries) {
  std::vector<Point> all;
  std::vector<std::uint32_t> ids;
  std::vector<Group> groups;
  for (std::size_t i = 0; i < queries.size(); ++i) {
    if (i % group_queries == 0) groups.emplace_back();
    groups.back().add({queries[i].point, queries[i].reach});
    all.push_back(queries[i].point);
    ids.push_back(queries[i].point.id);
  }
  std::ranges::sort(ids);
  for (const Chunk& chunk : partition.chunks()) {
    std::vector<Group> near;
    for (const Group& group : groups) {
      near.push_back(group.near(chunk));
      if (near.back().balls.empty()) near.pop_back();
    }
    if (near.empty()) continue;
    for (const Point& point : partition.points(chunk)) {
      const bool wanted = std::ranges::any_of(near, [&](const Group& group) { return group.holds(point); });
      if (wanted && !std::ranges::binary_search(ids, point.id)) all.push_back(point);
    }
  }
  return all;
}

/// What else the features need of the points, as the input's buffers have it.
template <class Element, class Read>
std::vector<Element> of_all(const std::vector<Point>& points, bool needed, const Read& read) {
  std::vector<Element> all(needed ? points.size() : 0);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = read(points[i].id);
  return all;
}

/// A batch, sorted into groups, is one chunk; or two, where it gathers more than there is room for.
std::uint64_t finish_batch(const FarRun& run, std::span<FarQuery> batch, Sink& sink) {
  const std::vector<Point> points = gather(run.partition, batch);
  if (points.size() > run.max_points && batch.size() > 1) {
    const std::size_t half = batch.size() / 2;
    return finish_batch(run, batch.first(half), sink) + finish_batch(run, batch.subspan(half), sink);
  }
  const KnownRegion everywhere{{INT64_MIN, INT64_MIN}, {INT64_MAX, INT64_MAX}};
  ChunkJob job{.points = points, .wide = {}, .queries = batch.size(), .known = everywhere};
  std::vector<WidePoint> exact(run.cloud.wide() ? points.size() : 0);
  if (run.cloud.wide()) {
    std::ranges::transform(points, exact.begin(), [&](const Point& point) { return run.cloud.exact(point.id); });
    job = settle(exact, batch.size(), everywhere, run.compute.search);
  }
  const FeatureSet& features = run.compute.features;
  using Colours = std::array<std::uint16_t, 4>;
  const auto colours = of_all<Colours>(points, features.needs_colours(), [&](std::uint32_t id) {
    Colours each{};
    run.cloud.colours(id, each.data());
    return each;
  });
  const auto classes = of_all<std::uint8_t>(points, features.needs_classes(),
                                            [&](std::uint32_t id) { return run.cloud.classification(id); });
  MemoryManager& memory = run.memory;
  ChunkComputer& computer = run.computer;
  const PoolingScope input =
      memory.scope("far input", points.size(), input_features(features, run.cloud.wide()), {}, run.stream);
  const PoolingScope workspace = memory.scope("far workspace", computer.workspace_elements(points.size()),
                                              computer.workspace_features(), {}, run.stream);
  const PoolingScope output =
      memory.scope("far output", batch.size(), computer.output_features(), {.downloads = true}, run.stream);
  const auto send = [&](std::string_view name, std::span<const std::byte> bytes) {
    if (!bytes.empty())
      memory.upload(input.memory(), bytes, run.stream, {.offset = input.offset(name), .deadline = patience});
  };
  send("points", job.bytes());
  if (features.needs_colours()) send("colours", std::as_bytes(std::span(colours)));
  if (features.needs_classes()) send("classes", std::as_bytes(std::span(classes)));
  computer.queue(0, job, {input, workspace, output}, run.stream);
  memory.start_download(output.memory(), run.stream, {.snapshot = false});
  const std::span<const std::byte> bytes = memory.wait_for_download(output.memory(), patience);
  FeatureRows rows{{reinterpret_cast<const std::uint32_t*>(bytes.data() + output.offset("ids")), batch.size()}, {}};
  for (const Feature feature : features.features()) {
    const bool keep = feature == Feature::height_above_ground;
    const std::byte* const column = bytes.data() + output.offset(name(feature));
    rows.columns.push_back(keep ? nullptr : reinterpret_cast<const float*>(column));
  }
  const std::uint64_t coincident = computer.finish(0, output, bytes).result.coincident;
  sink.take(rows);
  return coincident;
}

}  // namespace

std::uint64_t finish_far_queries(const FarRun& run, std::vector<FarQuery> queries, Sink& sink) {
  const std::uint32_t k = run.compute.search.k;
  std::uint64_t coincident = 0;
  for (std::size_t first = 0; first < queries.size(); first += batch_queries) {
    const std::span batch = std::span(queries).subspan(first, std::min(batch_queries, queries.size() - first));
    for (FarQuery& query : batch) {
      if (k != 0) draw_in(run.partition, k, run.cloud.wide(), query);
    }
    sort_into_groups(batch);
    coincident += finish_batch(run, batch, sink);
  }
  return coincident;
}

}  // namespace weir::lidar
