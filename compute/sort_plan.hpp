// The steps of sort_bodies.hpp's passes, for plans of workloads that sort. Also how many counters a sort needs.
#pragma once

#include <cstddef>
#include <vector>

#include "compute/sort_sizes.hpp"
#include "compute/step.hpp"

namespace weir::compute {

/// Adds a pass by one digit, from the side that `told` names to the other, which it names then.
template <class Body, class Parameters>
void add_sort_pass(std::vector<Step<Body, Parameters>>& steps, Parameters& told, language::uint digit) {
  using language::uint;
  struct Level {
    uint begin, count;
  };
  const auto parts = [](uint count, uint size) { return (count + size - 1) / size; };
  const auto add = [&](Body body, uint items, Level level, Level below) {
    steps.push_back({body, items, told});
    Parameters& parameters = steps.back().parameters;
    parameters.level_begin = level.begin;
    parameters.level_count = level.count;
    parameters.below_begin = below.begin;
    parameters.below_count = below.count;
  };
  told.digit = digit;
  const uint runs = parts(told.count, language::run_points);
  steps.push_back({Body::count_digits, runs, told});
  std::vector<Level> levels{{0, 16 * runs}};
  while (levels.back().count > language::block_counters) {
    const Level below = levels.back();
    const Level level{below.begin + below.count, parts(below.count, language::block_counters)};
    add(Body::sum_block, level.count, level, below);
    levels.push_back(level);
  }
  add(Body::place_block, 1, {0, 0}, levels.back());
  for (std::size_t i = levels.size() - 1; i > 0; --i) {
    add(Body::place_block, levels[i].count, levels[i], levels[i - 1]);
  }
  steps.push_back({Body::move_run, runs, told});
  told.side = 1 - told.side;
}

/// Counters of a pass over so many points, its sums with them.
[[nodiscard]] constexpr std::size_t sort_counters(std::size_t points) noexcept {
  std::size_t level = 16 * ((points + language::run_points - 1) / language::run_points), all = level;
  while (level > language::block_counters) {
    level = (level + language::block_counters - 1) / language::block_counters;
    all += level;
  }
  return all;
}

}  // namespace weir::compute
