#include "one_chunk.hpp"

#include <algorithm>
#include <array>
#include <random>

#include "clouds.hpp"
#include "compute/loop.hpp"
#include "workloads/lidar/device/body_computer.hpp"
#include "workloads/lidar/device/thread.hpp"
#include "workloads/lidar/files/scenes.hpp"

namespace weir::lidar::test {
namespace {

OneChunk whole(std::string name, const Cloud& cloud) {
  OneChunk chunk{.name = std::move(name), .points = {}};
  for (std::uint32_t id = 0; id < cloud.points(); ++id) chunk.points.push_back(cloud.point(0, id));
  chunk.queries = chunk.points.size();
  return chunk;
}

/// Those whose x is in the middle are queries, and what lies far off is not there.
OneChunk middle_of(OneChunk chunk) {
  std::vector<std::int32_t> xs;
  for (const Point& point : chunk.points) xs.push_back(point.x);
  std::ranges::sort(xs);
  const std::int32_t low = xs[xs.size() / 4], high = xs[xs.size() / 2], halo = (high - low) / 8 + 1;
  std::erase_if(chunk.points, [&](const Point& point) { return point.x < low - halo || point.x > high + halo; });
  const auto last = std::partition(chunk.points.begin(), chunk.points.end(),
                                   [&](const Point& point) { return point.x >= low && point.x <= high; });
  chunk.queries = static_cast<std::size_t>(last - chunk.points.begin());
  chunk.known.low[0] = low - halo;
  chunk.known.high[0] = high + halo;
  chunk.name += ", the middle";
  return chunk;
}

class LoopComputer final : public bodies::BodyComputer {
 public:
  using BodyComputer::BodyComputer;

  [[nodiscard]] std::string name() const override { return "loops"; }
  [[nodiscard]] std::size_t max_queries() const override {
    return bodies::max_queries(settings().features, UINT64_MAX);
  }
  void queue(std::size_t slot, const ChunkJob& job, const ChunkMemory& memory, StreamId stream) override {
    const bodies::uint* const columns = begin(slot, job, memory.output, stream);
    const bodies::Buffers buffers = bodies::buffers_of(settings().features, memory, columns, stream);
    compute::run_in_loops<bodies::Kernels<max_neighbours>>(bodies::plan(settings(), job, bodies::Precision::doubles),
                                                           buffers);
  }
  [[nodiscard]] Computed finish(std::size_t slot, const PoolingScope& output,
                                std::span<const std::byte> bytes) override {
    return {.result = result(slot, output, bytes)};
  }
};

}  // namespace

ChunkRows compute_one(MemoryManager& memory, ChunkComputer& computer, const FeatureSet& features,
                      const OneChunk& chunk) {
  const std::size_t count = chunk.points.size();
  std::vector<std::array<std::uint16_t, 4>> colours;
  std::vector<std::uint8_t> classes;
  for (const Point& point : chunk.points) {
    std::mt19937 random(point.id);
    std::array<std::uint16_t, 4> colour{};
    for (std::uint16_t& each : colour) each = static_cast<std::uint16_t>(random());
    colours.push_back(colour);
    classes.push_back(random() % 4 == 0 ? 2 : 1);
  }
  Device device = memory.device();
  const Stream stream = device.stream();
  const PoolingScope input = memory.scope("input", count, input_features(features), {}, stream);
  const PoolingScope workspace =
      memory.scope("workspace", computer.workspace_elements(count), computer.workspace_features(), {}, stream);
  const PoolingScope output =
      memory.scope("output", chunk.queries, computer.output_features(), {.downloads = true}, stream);
  memory.upload(input.memory(), std::as_bytes(std::span(chunk.points)), stream, {.offset = input.offset("points")});
  if (features.needs_colours()) {
    memory.upload(input.memory(), std::as_bytes(std::span(colours)), stream, {.offset = input.offset("colours")});
  }
  if (features.needs_classes()) {
    memory.upload(input.memory(), std::as_bytes(std::span(classes)), stream, {.offset = input.offset("classes")});
  }
  computer.queue(1, {.points = chunk.points, .queries = chunk.queries, .known = chunk.known},
                 {input, workspace, output}, stream);
  memory.start_download(output.memory(), stream, {.snapshot = false});
  const auto bytes = memory.wait_for_download(output.memory(), std::chrono::minutes(2));
  Computed done = computer.finish(1, output, bytes);
  ChunkRows rows{.columns = {}, .taken = {}, .result = std::move(done.result)};
  for (Unfinished& each : rows.result.unfinished) each.input = chunk.points[each.input].id;
  std::ranges::sort(rows.result.unfinished, {}, &Unfinished::input);
  std::uint32_t ids = 0;
  for (const Point& point : chunk.points) ids = std::max(ids, point.id + 1);
  rows.columns.assign(features.size(), std::vector<float>(ids));
  rows.taken.resize(ids);
  const auto* const id = reinterpret_cast<const std::uint32_t*>(bytes.data() + output.offset("ids"));
  for (std::size_t row = 0; row < chunk.queries; ++row) {
    ++rows.taken.at(id[row]);
    for (std::size_t c = 0; c < features.size(); ++c) {
      const std::byte* const column = bytes.data() + output.offset(lidar::name(features.features()[c]));
      rows.columns[c][id[row]] = reinterpret_cast<const float*>(column)[row];
    }
  }
  return rows;
}

std::vector<OneChunk> awkward_chunks() {
  std::vector<OneChunk> all;
  for (const char* const scene : {"aerial", "forest", "terrestrial"}) {
    all.push_back(whole(scene, Memory(make_scene(scene, 1500)).cloud));
  }
  all.push_back(whole("mixed", Memory(mixed_points(1500)).cloud));
  all.push_back(middle_of(all.front()));
  all.push_back(middle_of(all[3]));
  std::mt19937 random(11);
  std::vector<MadePoint> same(800, MadePoint{5, 5, 5}), line, plane, copies, wide, lattice;
  for (std::int32_t i = 0; i < 700; ++i) {
    line.push_back({i % 350, 0, static_cast<std::int32_t>(random() % 2) * 3});
    plane.push_back({i % 30 * 10, i / 30 * 10, 9});
    copies.push_back({i % 3 * 7, 0, static_cast<std::int32_t>(random() % 2)});
    wide.push_back({static_cast<std::int32_t>(random() >> 1), static_cast<std::int32_t>(random() >> 1),
                    static_cast<std::int32_t>(random() >> 1)});
    lattice.push_back({i % 8 * 10, i / 8 % 8 * 10, i / 64 * 10});
  }
  all.push_back(whole("same", Memory(same).cloud));
  std::vector<MadePoint> far = mixed_points(900), places;
  far.push_back({2'000'000'000, 70, -5});
  for (std::int32_t i = 0; i < 900; ++i) places.push_back({i / 300 * 40, i / 300 * 7, i % 300 == 9 ? 3 : 0});
  all.push_back(whole("far", Memory(far).cloud));
  all.push_back(whole("places", Memory(places).cloud));
  all.push_back(whole("line", Memory(line).cloud));
  all.push_back(whole("plane", Memory(plane).cloud));
  all.push_back(whole("copies", Memory(copies).cloud));
  all.push_back(whole("wide", Memory(wide).cloud));
  std::ranges::shuffle(lattice, random);
  all.push_back(whole("lattice", Memory(lattice).cloud));
  for (const std::size_t count : {1U, 2U, 9U}) {
    all.push_back(
        whole(std::to_string(count),
              Memory(std::vector<MadePoint>(plane.begin(), plane.begin() + static_cast<std::ptrdiff_t>(count))).cloud));
  }
  return all;
}

std::unique_ptr<ChunkComputer> make_loop_computer(MemoryManager& memory, const ComputeSettings& settings) {
  return std::make_unique<LoopComputer>(memory, settings);
}

}  // namespace weir::lidar::test
