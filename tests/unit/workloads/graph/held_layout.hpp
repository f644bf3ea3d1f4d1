// A layout whose memory is vectors, and graphs and places for it. Shared by the tests of forces, host and device.
#pragma once

#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

#include "compute/loop.hpp"
#include "workloads/graph/forces/plan.hpp"

namespace weir::graph::test {

using Pair = std::pair<std::uint32_t, std::uint32_t>;

/// Whatever the places are of, always in the same way by the same seed.
class Places {
 public:
  explicit Places(std::uint32_t seed) : random_(seed) {}
  float between(float low, float high) {
    return low + (high - low) * static_cast<float>(random_() >> 8) / static_cast<float>(1 << 24);
  }
  std::uint32_t below(std::uint32_t end) { return static_cast<std::uint32_t>(random_() % end); }

 private:
  std::mt19937 random_;
};

/// All over a square or cube.
inline std::vector<Position> spread_places(std::uint32_t nodes, unsigned dimensions, float size,
                                           std::uint32_t seed = 1) {
  Places places(seed);
  std::vector<Position> all(nodes);
  for (Position& each : all) {
    each = {places.between(-size, size), places.between(-size, size),
            dimensions == 3 ? places.between(-size, size) : 0.0F};
  }
  return all;
}
/// In clusters of very different sizes, far apart, a few nodes at one place, and one far off.
inline std::vector<Position> clustered_places(std::uint32_t nodes, unsigned dimensions, std::uint32_t seed = 1) {
  Places places(seed);
  std::vector<Position> centres = spread_places(12, dimensions, 100, seed + 1), all(nodes);
  for (Position& each : all) {
    const std::uint32_t cluster = places.below(12);
    const float size = 20.0F / static_cast<float>(1U << cluster);
    each = {centres[cluster].x + places.between(-size, size), centres[cluster].y + places.between(-size, size),
            dimensions == 3 ? centres[cluster].z + places.between(-size, size) : 0.0F};
  }
  for (std::uint32_t i = 1; i < std::min(nodes, 5U); ++i) all[i] = all[0];
  all.back() = {20'000, -7'000, 0};
  return all;
}

inline std::vector<Pair> random_edges(std::uint32_t nodes, std::uint32_t edges, std::uint32_t seed = 1) {
  Places places(seed);
  std::vector<Pair> all;
  while (nodes > 1 && all.size() < edges) {
    const std::uint32_t a = places.below(nodes), b = places.below(nodes);
    if (a != b) all.emplace_back(a, b);
  }
  return all;
}
inline std::vector<Pair> star(std::uint32_t leaves) {
  std::vector<Pair> all;
  for (std::uint32_t i = 1; i <= leaves; ++i) all.emplace_back(0, i);
  return all;
}

class HeldLayout {
 public:
  HeldLayout(Workload workload, const std::vector<Position>& places, const std::vector<Pair>& edges)
      : workload_(std::move(workload)) {
    workload_.nodes = static_cast<std::uint32_t>(places.size());
    workload_.edges = static_cast<std::uint32_t>(edges.size());
    const Needs needs = needs_of(workload_);
    for (std::size_t i = 0; i < needs.size(); ++i) memory_[i].assign(needs[i], 0xffc00000U);  // not a number
    std::memcpy(words(Memory::positions), places.data(), places.size() * sizeof(Position));
    std::uint32_t* const offsets = words(Memory::offsets);
    std::fill_n(offsets, places.size() + 1, 0U);
    for (const auto& [a, b] : edges) ++offsets[a + 1], ++offsets[b + 1];
    for (std::size_t i = 0; i < places.size(); ++i) offsets[i + 1] += offsets[i];
    std::vector<std::uint32_t> next(offsets, offsets + places.size());
    for (std::size_t e = 0; e < edges.size(); ++e) {
      const float weight = 1 + 0.25F * static_cast<float>(e % 3);
      for (const auto& [from, to] : {edges[e], Pair{edges[e].second, edges[e].first}}) {
        words(Memory::columns)[next[from]] = to;
        floats(Memory::weights)[next[from]++] = weight;
      }
    }
  }

  std::uint32_t* words(Memory memory) { return at(memory).data(); }
  float* floats(Memory memory) { return reinterpret_cast<float*>(at(memory).data()); }
  std::vector<std::uint32_t>& at(Memory memory) { return memory_.at(static_cast<std::size_t>(memory)); }
  [[nodiscard]] const Workload& workload() const { return workload_; }
  forces::Buffers buffers() {
    std::array<void*, memory_count> addresses{};
    for (std::size_t i = 0; i < addresses.size(); ++i) addresses[i] = memory_[i].data();
    return forces::Kernels::buffers(addresses);
  }
  Position vector_of(Memory memory, std::uint32_t node) {
    const float* const from = floats(memory) + 3 * std::size_t{node};
    return {from[0], from[1], from[2]};
  }

  /// The reference: the bodies in plain loops.
  void loop(const std::vector<PlanStep>& plan) { compute::run_in_loops<forces::Kernels>(plan, buffers()); }

  /// Start, then steps, of which each `sort_every`th sorts.
  [[nodiscard]] std::vector<PlanStep> plan_of(int steps, float max_movement = 0.5F, int sort_every = 2) const {
    std::vector<PlanStep> plan = plan_start(workload_);
    for (int i = 0; i < steps; ++i) {
      const auto one = plan_step(workload_, {.max_movement = max_movement, .sorts = i % sort_every == 0});
      plan.insert(plan.end(), one.begin(), one.end());
    }
    return plan;
  }
  /// What a layout tells others: not what kernels keep for themselves.
  friend bool same_bits(const HeldLayout& a, const HeldLayout& b) {
    for (const Memory each :
         {Memory::positions, Memory::velocities, Memory::forces, Memory::previous_forces, Memory::mass, Memory::degree,
          Memory::points, Memory::scratch, Memory::figures, Memory::cells}) {
      if (a.memory_[static_cast<std::size_t>(each)] != b.memory_[static_cast<std::size_t>(each)]) return false;
    }
    return true;
  }

 private:
  Workload workload_;
  std::array<std::vector<std::uint32_t>, memory_count> memory_;
};

/// Every law, in both dimensions, with numbers for layouts of about a unit an edge.
inline std::vector<Workload> all_laws() {
  std::vector<Workload> all;
  for (const unsigned dimensions : {2U, 3U}) {
    for (const LawKind kind : {LawKind::fruchterman_reingold, LawKind::force_atlas_2, LawKind::springs}) {
      Law law = usual_law(kind);
      if (kind == LawKind::springs) {
        law.cutoff = 40;
        law.length = 2;
        law.boundary = 60;
      }
      all.push_back({.dimensions = dimensions, .law = law});
    }
    all.push_back(all.back());
    all.back().law = usual_law(LawKind::force_atlas_2);
    all.back().law.logarithmic = true;
  }
  return all;
}

}  // namespace weir::graph::test
