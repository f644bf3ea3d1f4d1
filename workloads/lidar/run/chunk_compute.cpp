#include "workloads/lidar/run/chunk_compute.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "compute/team.hpp"
#include "workloads/lidar/neighbours/height.hpp"

namespace weir::lidar {
namespace {

void report(KernelResult& result, Unfinished unfinished) { result.unfinished.push_back(unfinished); }

/// The highest nodes that hold few enough points for one call of a kernel.
template <class Coordinate>
std::vector<const BasicNode<Coordinate>*> kernel_nodes(const BasicTree<Coordinate>& tree) {
  std::vector<const BasicNode<Coordinate>*> found;
  for (std::uint32_t i = 0; i < tree.nodes.size();) {
    const BasicNode<Coordinate>& node = tree.nodes[i];
    const bool small = node.count <= kernel_points;
    if (small) found.push_back(&node);
    i = small ? node.skip : i + 1;
  }
  return found;
}

/// Calls `work(node, result)` for all nodes, by all of the team, and joins what they found.
template <class Node, class Work>
KernelResult spread(const std::vector<const Node*>& all, compute::Team& team, const Work& work) {
  std::vector<KernelResult> results(team.size());
  team.in_turn(all.size(), [&](std::size_t self, std::size_t i) { work(*all[i], results[self]); });
  KernelResult sum = std::move(results.front());
  for (std::size_t i = 1; i < results.size(); ++i) {
    sum.coincident += results[i].coincident;
    sum.unfinished.insert(sum.unfinished.end(), results[i].unfinished.begin(), results[i].unfinished.end());
  }
  std::ranges::sort(sum.unfinished, {}, &Unfinished::input);
  return sum;
}

template <class Coordinate>
BasicTask<Coordinate> task_for(const ComputeSettings& settings, const ChunkData& data,
                               const BasicTree<Coordinate>& tree) {
  BasicTask<Coordinate> task;
  task.tree = tree;
  task.search = settings.search;
  task.known = data.known;
  task.unit = settings.unit;
  task.colours = data.colours;
  task.has_rgb = settings.has_rgb;
  task.has_nir = settings.has_nir;
  task.needs_neighbours = settings.features.needs_neighbours();
  task.needs_colours = settings.features.needs_colours();
  task.report = report;
  for (std::size_t i = 0; i < settings.features.size(); ++i) {
    task.columns[static_cast<std::size_t>(settings.features.features()[i])] = data.columns[i];
  }
  return task;
}

/// Writes once to each large page of what will be filled, each by one thread. Memory is the system's to clear when it
/// is first written to, and of threads that meet a page at the same time each clears one, of which all but one are
/// lost.
template <class Coordinate>
void share_first_touch(const ComputeSettings& settings, const ChunkData& data, std::size_t points,
                       const BasicTreeMemory<Coordinate>& memory, compute::Team& team) {
  if (team.size() == 1) return;
  constexpr std::size_t page = std::size_t{2} << 20;
  const auto page_of = [](const volatile char* at) { return reinterpret_cast<std::uintptr_t>(at) / page; };
  std::vector<volatile char*> places;
  const auto add = [&](auto* array, std::size_t count) {
    auto* const begin = reinterpret_cast<volatile char*>(array);
    auto* const end = begin + count * sizeof *array;
    for (auto* at = begin; at < end; at += page - reinterpret_cast<std::uintptr_t>(at) % page) places.push_back(at);
  };
  for (Coordinate* each : {memory.x, memory.y, memory.z}) add(each, points);
  for (std::uint32_t* each : {memory.id, memory.input, memory.rank}) add(each, points);
  for (std::uint64_t* each : {memory.codes, memory.words}) add(each, points);
  add(data.ids, data.queries);
  for (std::size_t i = 0; i < settings.features.size(); ++i) add(data.columns[i], data.queries);
  std::ranges::sort(places);
  const auto same_page = [&](const auto* one, const auto* other) { return page_of(one) == page_of(other); };
  places.erase(std::unique(places.begin(), places.end(), same_page), places.end());
  team.in_turn(places.size(), [&](std::size_t, std::size_t i) { *places[i] = 0; });
}

void compute_node(const ComputeSettings& settings, const KernelTask& task, const Node& node, KernelResult& result) {
  settings.kernel.kernel(task, node, result);
}
void compute_node(const ComputeSettings&, const WideTask& task, const WideNode& node, KernelResult& result) {
  run_wide(task, node, result);
}

template <class Coordinate>
KernelResult compute(const ComputeSettings& settings, const ChunkData& data,
                     std::span<const BasicPoint<Coordinate>> points, const BasicTreeMemory<Coordinate>& memory) {
  compute::Team team(threads_for_chunk(settings, points.size()));
  share_first_touch(settings, data, points.size(), memory, team);
  const BasicTree<Coordinate> tree = build_tree(points, data.queries, team, memory);
  const BasicTask<Coordinate> task = task_for(settings, data, tree);
  std::optional<GroundHeight<Coordinate>> ground;
  float* heights = nullptr;
  if (settings.features.needs_height()) {
    ground.emplace(tree, settings.has_ground ? data.classes : nullptr, settings.unit, settings.ground, team);
    heights = task.columns[static_cast<std::size_t>(Feature::height_above_ground)];
  }
  float* const flags = task.columns[static_cast<std::size_t>(Feature::is_ground)];
  return spread(kernel_nodes(tree), team, [&](const BasicNode<Coordinate>& node, KernelResult& result) {
    compute_node(settings, task, node, result);
    const std::uint32_t last = node.first + node.count;
    for (std::uint32_t p = node.first; p < last; ++p) {
      if (!tree.is_query(p)) continue;
      data.ids[tree.rank[p]] = tree.id[p];
      if (flags != nullptr) flags[tree.rank[p]] = data.classes[tree.input[p]] == 2 ? 1.0F : 0.0F;
    }
    if (ground) ground->fill(node.first, last, heights);
  });
}

}  // namespace

std::size_t threads_for_chunk(const ComputeSettings& settings, std::size_t points) noexcept {
  constexpr double second_from = 1'024;  // points that are worth a second thread's start
  return compute::threads_for(points, settings.threads, second_from);
}

template <class Coordinate>
std::vector<ScopeColumn> tree_features() {
  return {scope_column<Coordinate>("x"),
          scope_column<Coordinate>("y"),
          scope_column<Coordinate>("z"),
          scope_column<std::uint32_t>("id"),
          scope_column<std::uint32_t>("input"),
          scope_column<std::uint32_t>("rank"),
          scope_column<std::uint64_t>("codes"),
          scope_column<std::uint64_t>("words"),
          scope_column<std::array<BasicNode<Coordinate>, 2>>("nodes")};
}
template std::vector<ScopeColumn> tree_features<std::int32_t>();
template std::vector<ScopeColumn> tree_features<std::int64_t>();

template <class Coordinate>
BasicTreeMemory<Coordinate> workspace_memory(const PoolingScope& scope, StreamId stream) {
  return {scope.access<Coordinate>("x", stream),
          scope.access<Coordinate>("y", stream),
          scope.access<Coordinate>("z", stream),
          scope.access<std::uint32_t>("id", stream),
          scope.access<std::uint32_t>("input", stream),
          scope.access<std::uint32_t>("rank", stream),
          scope.access<std::uint64_t>("codes", stream),
          scope.access<std::uint64_t>("words", stream),
          scope.access<std::array<BasicNode<Coordinate>, 2>>("nodes", stream).data()->data()};
}
template TreeMemory workspace_memory(const PoolingScope& scope, StreamId stream);
template WideTreeMemory workspace_memory(const PoolingScope& scope, StreamId stream);

TreeMemory narrowed(const WideTreeMemory& memory) noexcept {
  const auto narrow = [](std::int64_t* wide) { return reinterpret_cast<std::int32_t*>(wide); };
  return {narrow(memory.x), narrow(memory.y), narrow(memory.z),
          memory.id,        memory.input,     memory.rank,
          memory.codes,     memory.words,     reinterpret_cast<Node*>(memory.nodes)};
}

KernelResult compute_chunk(const ComputeSettings& settings, const ChunkData& data, std::span<const Point> points,
                           const TreeMemory& memory) {
  return compute(settings, data, points, memory);
}

KernelResult compute_chunk(const ComputeSettings& settings, const ChunkData& data, std::span<const WidePoint> points,
                           const WideTreeMemory& memory) {
  return compute(settings, data, points, memory);
}

}  // namespace weir::lidar
