#include "far_queries.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

#include "wide_chunk.hpp"

namespace weir::lidar {
namespace {

constexpr std::size_t batch_queries = 4096, group_queries = 32;
constexpr std::chrono::hours patience{24};  // as the pipeline's

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

/// What else the features need of the points, as the input's buffers have it.
template <class Element, class Read>
std::vector<Element> of_all(const std::vector<Point>& points, bool needed, const Read& read) {
  std::vector<Element> all(needed ? points.size() : 0);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = read(points[i].id);
  return all;
}

}  // namespace

std::uint64_t finish_far_queries(const Cloud& cloud, const Partition& partition, const ComputeSettings& settings,
                                 ChunkComputer& computer, MemoryManager& memory, StreamId stream,
                                 std::vector<FarQuery> queries, Sink& sink) {
  const FeatureSet& features = settings.features;
  std::uint64_t coincident = 0;
  for (std::size_t first = 0; first < queries.size(); first += batch_queries) {
    const std::span batch = std::span(queries).subspan(first, std::min(batch_queries, queries.size() - first));
    sort_into_groups(batch);
    const std::vector<Point> points = gather(partition, batch);
    const KnownRegion everywhere{{INT64_MIN, INT64_MIN}, {INT64_MAX, INT64_MAX}};
    ChunkJob job{.points = points, .wide = {}, .queries = batch.size(), .known = everywhere};
    std::vector<WidePoint> exact(cloud.wide() ? points.size() : 0);
    if (cloud.wide()) {
      std::ranges::transform(points, exact.begin(), [&](const Point& point) { return cloud.exact(point.id); });
      job = settle(exact, batch.size(), everywhere, settings.search);
    }
    using Colours = std::array<std::uint16_t, 4>;
    const auto colours = of_all<Colours>(points, features.needs_colours(), [&](std::uint32_t id) {
      Colours each{};
      cloud.colours(id, each.data());
      return each;
    });
    const auto classes = of_all<std::uint8_t>(points, features.needs_classes(),
                                              [&](std::uint32_t id) { return cloud.classification(id); });
    const PoolingScope input =
        memory.scope("far input", points.size(), input_features(features, cloud.wide()), {}, stream);
    const PoolingScope workspace = memory.scope("far workspace", computer.workspace_elements(points.size()),
                                                computer.workspace_features(), {}, stream);
    const PoolingScope output =
        memory.scope("far output", batch.size(), computer.output_features(), {.downloads = true}, stream);
    const auto send = [&](std::string_view name, std::span<const std::byte> bytes) {
      if (!bytes.empty()) memory.upload(input.memory(), bytes, input.offset(name), stream, patience);
    };
    send("points", job.bytes());
    if (features.needs_colours()) send("colours", std::as_bytes(std::span(colours)));
    if (features.needs_classes()) send("classes", std::as_bytes(std::span(classes)));
    computer.queue(0, job, {input, workspace, output}, stream);
    memory.start_download(output.memory(), stream, {.snapshot = false});
    const std::span<const std::byte> bytes = memory.wait_for_download(output.memory(), patience);
    coincident += computer.finish(0, output, bytes).result.coincident;
    FeatureRows rows{{reinterpret_cast<const std::uint32_t*>(bytes.data() + output.offset("ids")), batch.size()}, {}};
    for (const Feature feature : features.features()) {
      const bool keep = feature == Feature::height_above_ground;
      const std::byte* const column = bytes.data() + output.offset(name(feature));
      rows.columns.push_back(keep ? nullptr : reinterpret_cast<const float*>(column));
    }
    sink.take(rows);
  }
  return coincident;
}

}  // namespace weir::lidar
