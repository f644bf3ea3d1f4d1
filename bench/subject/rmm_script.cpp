// Draws and runs RMM's random_allocations.
#include "rmm_script.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include "stopwatch.hpp"
#include "subject.hpp"
#include "workload.hpp"

namespace bench::subject {

RmmScript make_rmm_script(unsigned n, std::uint32_t largest) {
  constexpr std::uint64_t max_usage = std::uint64_t{16000} << 20;
  constexpr int allocation_probability = 73;
  std::default_random_engine generator;  // NOLINT(bugprone-random-generator-seed): unseeded there too
  std::uniform_int_distribution<std::size_t> size_distribution(1, largest);
  std::uniform_int_distribution<int> op_distribution(0, 99);
  std::uniform_int_distribution<int> index_distribution(0, static_cast<int>(n) - 1);

  RmmScript script;
  std::vector<RmmScript::Step> live;
  std::vector<std::uint32_t> free_indices;
  std::uint64_t live_bytes = 0;
  unsigned allocated = 0;
  for (unsigned i = 0; i < 2 * n; ++i) {
    bool allocates = true;
    const auto size = static_cast<std::uint32_t>(size_distribution(generator));
    if (!live.empty()) {
      const int chance = op_distribution(generator);
      allocates = chance < allocation_probability && allocated < n && live_bytes + size < max_usage;
    }
    if (allocates) {
      if (free_indices.empty()) free_indices.push_back(script.max_live++);
      live.push_back({free_indices.back(), size, false});
      free_indices.pop_back();
      script.steps.push_back({live.back().index, size, true});
      ++allocated;
      live_bytes += size;
      script.peak_bytes = std::max(script.peak_bytes, live_bytes);
    } else {
      const std::size_t index = static_cast<std::size_t>(index_distribution(generator)) % live.size();
      std::swap(live[index], live.back());
      script.steps.push_back(live.back());
      free_indices.push_back(live.back().index);
      live_bytes -= live.back().size;
      live.pop_back();
    }
  }
  script.left = std::move(live);
  return script;
}

RmmTime run_rmm_script(const RmmScript& script) {
  std::vector<void*> blocks(script.max_live);
  Stopwatch watch;
  for (const RmmScript::Step& step : script.steps) {
    void*& block = blocks[step.index];
    if (step.allocates) {
      block = take(step.size);
    } else {
      deallocate(block, step.size);
    }
  }
  watch.stop();
  for (const RmmScript::Step& step : script.left) deallocate(blocks[step.index], step.size);
  return {watch.seconds(), watch.cpu_share()};
}

}  // namespace bench::subject
