// The host's kernels: neighbours and features of the queries below one node of a tree. One source,
// kernel_body.hpp, is built for three levels of x86-64; choose_kernel() takes the best that runs here. All give
// the same bits: neighbour sets are decided on integers, sums over neighbours are exact integers in any order,
// and what follows is correctly rounded and not contracted.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "feature_set.hpp"
#include "tree.hpp"

namespace weir::lidar {

/// What neighbours are: the k nearest, ties going to the lower id; or, with k = 0, all within a radius.
struct Search {
  std::uint32_t k = 20;
  std::uint64_t radius_squared = 0;  ///< integer units
  double radius = 0;                 ///< in the cloud's own units
};

/// The columns of x and y in which the tree has every point of the cloud; no matter which z.
struct KnownRegion {
  std::int64_t low[2], high[2];
};

/// A query whose neighbours may lie outside the known region.
struct Unfinished {
  std::uint32_t input;  ///< its place in the tree's input
  std::uint64_t reach;  ///< squared distance that its neighbours are within; UINT64_MAX if not known
};

struct KernelResult {
  std::vector<Unfinished> unfinished;
  std::uint64_t coincident = 0;  ///< queries with neighbours enough for a shape, all at one place
};

struct KernelTask {
  Tree tree;
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

/// Everything below `node`, which holds at most kernel_points points.
using Kernel = void (*)(const KernelTask& task, const Node& node, KernelResult& result);
inline constexpr std::uint32_t kernel_points = 4096;
/// The largest k.
inline constexpr std::uint32_t most_neighbours = 128;

struct NamedKernel {
  std::string_view name;  ///< "x86-64", "x86-64-v3", "x86-64-v4"
  Kernel kernel;
};
/// Those that run here, the best last.
[[nodiscard]] std::vector<NamedKernel> kernels();
/// The best, or the one that `name` asks for; throws Unsupported where it cannot run, NotFound for no such.
[[nodiscard]] NamedKernel choose_kernel(std::string_view name = {});

}  // namespace weir::lidar
