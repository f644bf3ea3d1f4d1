#include "far_queries.hpp"

#include <algorithm>
#include <cmath>

namespace weir::lidar {
namespace {

constexpr std::size_t batch_queries = 4096, group_queries = 32;

/// A ball round a query, or a box round some balls.
struct Ball {
  std::int64_t x, y, z;
  std::uint64_t reach;
  std::uint32_t id;

  [[nodiscard]] bool holds(const Point& point) const noexcept {
    const std::int64_t dx = point.x - x, dy = point.y - y, dz = point.z - z;
    return static_cast<std::uint64_t>(dx * dx) + static_cast<std::uint64_t>(dy * dy) +
               static_cast<std::uint64_t>(dz * dz) <=
           reach;
  }
};
struct Group {
  std::int64_t low[2] = {INT64_MAX, INT64_MAX}, high[2] = {INT64_MIN, INT64_MIN};
  std::vector<Ball> balls;

  void add(const FarQuery& query) {
    const auto radius = static_cast<std::int64_t>(std::min(std::sqrt(static_cast<double>(query.reach)) + 2, 4e9));
    const std::int64_t at[2] = {query.point.x, query.point.y};
    for (int axis = 0; axis < 2; ++axis) {
      low[axis] = std::min(low[axis], at[axis] - radius);
      high[axis] = std::max(high[axis], at[axis] + radius);
    }
    balls.push_back({query.point.x, query.point.y, query.point.z, query.reach, query.point.id});
  }
  [[nodiscard]] bool holds(const Point& point) const noexcept {
    return point.x >= low[0] && point.x <= high[0] && point.y >= low[1] && point.y <= high[1] &&
           std::ranges::any_of(balls, [&](const Ball& ball) { return ball.holds(point); });
  }
  [[nodiscard]] bool meets(const Chunk& chunk) const noexcept {
    return chunk.low[0] <= high[0] && chunk.high[0] >= low[0] && chunk.low[1] <= high[1] && chunk.high[1] >= low[1];
  }
};

/// The queries, and after them all other points that one of them may have as a neighbour.
std::vector<Point> gather(const Partition& partition, std::span<const FarQuery> queries) {
  std::vector<Point> all;
  std::vector<std::uint32_t> ids;
  std::vector<Group> groups;
  for (std::size_t i = 0; i < queries.size(); ++i) {
    if (i % group_queries == 0) groups.emplace_back();
    groups.back().add(queries[i]);
    all.push_back(queries[i].point);
    ids.push_back(queries[i].point.id);
  }
  std::ranges::sort(ids);
  for (const Chunk& chunk : partition.chunks()) {
    std::vector<const Group*> near;
    for (const Group& group : groups) {
      if (group.meets(chunk)) near.push_back(&group);
    }
    if (near.empty()) continue;
    for (const Point& point : partition.points(chunk)) {
      const bool wanted = std::ranges::any_of(near, [&](const Group* group) { return group->holds(point); });
      if (wanted && !std::ranges::binary_search(ids, point.id)) all.push_back(point);
    }
  }
  return all;
}

}  // namespace

std::uint64_t finish_far_queries(const Cloud& cloud, const Partition& partition, const ComputeSettings& settings,
                                 MemoryManager& memory, std::vector<FarQuery> queries, Sink& sink) {
  std::uint64_t coincident = 0;
  const StreamId stream = StreamId::legacy_default;
  for (std::size_t first = 0; first < queries.size(); first += batch_queries) {
    const std::span batch = std::span(queries).subspan(first, std::min(batch_queries, queries.size() - first));
    const std::vector<Point> points = gather(partition, batch);
    std::vector<std::uint16_t> colours;
    std::vector<std::uint8_t> classes;
    if (settings.features.needs_colours()) {
      colours.resize(4 * points.size());
      for (std::size_t i = 0; i < points.size(); ++i) cloud.colours(points[i].id, &colours[4 * i]);
    }
    if (settings.features.needs_classes()) {
      for (const Point& point : points) classes.push_back(cloud.classification(point.id));
    }
    const PoolingScope workspace = memory.scope("far workspace", workspace_points(points.size()), workspace_features());
    const std::size_t count = batch.size();
    std::vector<std::uint32_t> ids(count);
    std::vector<float> values(count * settings.features.size());
    ChunkData data{
        .points = points, .queries = count, .colours = colours.data(), .classes = classes.data(), .ids = ids.data()};
    data.known = {{INT64_MIN, INT64_MIN}, {INT64_MAX, INT64_MAX}};
    FeatureRows rows{ids, {}};
    for (std::size_t i = 0; i < settings.features.size(); ++i) {
      data.columns[i] = values.data() + i * count;
      const bool keep = settings.features.features()[i] == Feature::height_above_ground;
      rows.columns.push_back(keep ? nullptr : data.columns[i]);
    }
    coincident += compute_chunk(settings, data, workspace_memory(workspace, stream)).coincident;
    sink.take(rows);
  }
  return coincident;
}

}  // namespace weir::lidar
