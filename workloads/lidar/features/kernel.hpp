// The host's kernels: neighbours and features of the queries below one node of a tree. One source,
// kernel_body.hpp, is built for three levels of x86-64; choose_kernel() takes the best that runs here. All give
// the same bits: neighbour sets are decided on integers, sums over neighbours are exact integers in any order,
// and what follows is correctly rounded and not contracted.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "workloads/lidar/features/feature_set.hpp"
#include "workloads/lidar/neighbours/search.hpp"
#include "workloads/lidar/neighbours/tree.hpp"

namespace weir::lidar {

struct KernelResult {
  std::vector<Unfinished> unfinished;
  std::uint64_t coincident = 0;  ///< queries with neighbours enough for a shape, all at one place
};

/// What neighbours are looked for, and what is wanted of them.
struct FeatureTask {
  Search search;
  KnownRegion known;
  double unit = 1;                         ///< one integer step, in the cloud's own units
  const std::uint16_t* colours = nullptr;  ///< red, green, blue, nir of each input; if some feature needs them
  bool has_rgb = false, has_nir = false;   ///< else what needs them is not a number
  float* columns[feature_count] = {};      ///< by Feature, null where not wanted; indexed by rank
  bool needs_neighbours = false;
  bool needs_colours = false;
  /// Takes a query that is not finished: outside the kernels, as what they call must not be built for their level.
  void (*report)(KernelResult& result, Unfinished unfinished) = nullptr;
};

template <class Coordinate>
struct BasicTask : FeatureTask {
  BasicTree<Coordinate> tree;
};
using KernelTask = BasicTask<std::int32_t>;
using WideTask = BasicTask<std::int64_t>;

/// Everything below `node`, which holds at most kernel_points points.
using Kernel = void (*)(const KernelTask& task, const Node& node, KernelResult& result);
inline constexpr std::uint32_t kernel_points = 4096;
/// The same of a wide tree, which has one kernel: query by query, with distances in 128 bits.
void run_wide(const WideTask& task, const WideNode& node, KernelResult& result);

struct NamedKernel {
  std::string_view name;  ///< "x86-64", "x86-64-v3", "x86-64-v4"
  Kernel kernel;
};
/// Those that run here, the best last.
[[nodiscard]] std::vector<NamedKernel> kernels();
/// The best, or the one that `name` asks for; throws Unsupported where it cannot run, NotFound for no such.
[[nodiscard]] NamedKernel choose_kernel(std::string_view name = {});

}  // namespace weir::lidar
