// The laws in plain code and double precision, node by node: what the tests of forces compare with.
#pragma once

#include <cmath>
#include <vector>

#include "unit/workloads/graph/held_layout.hpp"

namespace weir::graph::test {

struct Triple {
  double x = 0, y = 0, z = 0;

  friend Triple operator+(Triple a, Triple b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
  friend Triple operator-(Triple a, Triple b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
  friend Triple operator*(double f, Triple a) { return {f * a.x, f * a.y, f * a.z}; }
};
inline double length(Triple a) { return std::sqrt(a.x * a.x + a.y * a.y + a.z * a.z); }
inline Triple triple_of(Position a) { return {double{a.x}, double{a.y}, double{a.z}}; }

/// On a node by another, of that way from the other to it.
inline double plain_push(const Law& law, double distance, double masses) {
  if (law.kind == LawKind::fruchterman_reingold) return double{law.length} * double{law.length} / distance;
  if (law.kind == LawKind::force_atlas_2) return double{law.repulsion} * masses / distance;
  if (distance >= double{law.cutoff}) return 0;
  return std::min(double{law.repulsion} / (distance * distance + double{law.softening}), double{law.max_force});
}
inline double plain_pull(const Law& law, double distance, double weight) {
  if (law.kind == LawKind::fruchterman_reingold) return weight * distance * distance / double{law.length};
  if (law.kind == LawKind::springs) return double{law.attraction} * (distance - double{law.length}) * weight;
  return double{law.attraction} * weight * (law.logarithmic ? std::log1p(distance) : distance);
}
inline double plain_centre(const Law& law, double distance, double degree) {
  if (law.kind == LawKind::fruchterman_reingold) return double{law.gravity} * distance;
  if (law.kind == LawKind::force_atlas_2) return double{law.gravity} * (degree + 1);
  return (double{law.centring} + double{law.gravity} * std::log1p(degree)) * distance +
         std::max(distance - 0.8 * double{law.boundary}, 0.0);
}

/// All but those of nodes at one place. Edges have the weights that HeldLayout gives them.
inline std::vector<Triple> plain_forces(const Workload& workload, const std::vector<Position>& places,
                                        const std::vector<Pair>& edges) {
  const Law& law = workload.law;
  std::vector<Triple> all(places.size());
  std::vector<double> degrees(places.size());
  for (const auto& [a, b] : edges) ++degrees[a], ++degrees[b];
  for (std::size_t i = 0; i < places.size(); ++i) {
    for (std::size_t j = 0; j < places.size(); ++j) {
      if (i == j) continue;
      const Triple way = triple_of(places[i]) - triple_of(places[j]);
      const double distance = length(way), masses = (degrees[i] + 1) * (degrees[j] + 1);
      all[i] = all[i] + (plain_push(law, distance, masses) / distance) * way;
    }
    const double far = length(triple_of(places[i]));
    all[i] = all[i] - (plain_centre(law, far, degrees[i]) / far) * triple_of(places[i]);
  }
  for (std::size_t e = 0; e < edges.size(); ++e) {
    const auto [a, b] = edges[e];
    const Triple way = triple_of(places[b]) - triple_of(places[a]);
    const double distance = length(way), pull = plain_pull(law, distance, 1 + 0.25 * static_cast<double>(e % 3));
    all[a] = all[a] + (pull / distance) * way;
    all[b] = all[b] - (pull / distance) * way;
  }
  return all;
}

struct Motion {
  std::vector<Triple> velocities, positions;
  double energy = 0, movement = 0;
};
/// The first step of a layout at rest by the forces that it has.
inline Motion plain_motion(HeldLayout& layout, const std::vector<Position>& places, double limit) {
  const Law& law = layout.workload().law;
  Figures figures{};
  std::memcpy(&figures, layout.floats(Memory::figures), sizeof(figures));
  Motion motion;
  const auto count = static_cast<double>(places.size());
  for (std::uint32_t i = 0; i < places.size(); ++i) {
    const Triple force = triple_of(layout.vector_of(Memory::forces, i));
    Triple velocity = force;
    double time = 1, mass = 1, stiffness = double{law.gravity}, weight = 0;
    const double far = length(triple_of(places[i]));
    if (law.kind == LawKind::force_atlas_2) stiffness *= (1 + layout.words(Memory::degree)[i]) / far;
    for (std::uint32_t at = layout.words(Memory::offsets)[i]; at < layout.words(Memory::offsets)[i + 1]; ++at) {
      const double distance = length(triple_of(places[layout.words(Memory::columns)[at]]) - triple_of(places[i]));
      const double pull = double{law.attraction} * double{layout.floats(Memory::weights)[at]};
      weight += pull;
      if (law.kind == LawKind::fruchterman_reingold) stiffness += pull * distance / double{law.length};
      if (law.kind == LawKind::force_atlas_2)
        stiffness += law.logarithmic ? pull * std::log1p(distance) / distance : pull;
    }
    if (law.kind == LawKind::fruchterman_reingold) velocity = (1 / std::max(1.0, 4 * stiffness)) * force;
    if (law.kind == LawKind::force_atlas_2) {
      const double speed = double{figures.speed};  // no force came before, so that it all swings
      velocity = std::min(speed / (1 + std::sqrt(speed * length(force))), 1 / (8 * stiffness)) * force;
      mass = 1 + layout.words(Memory::degree)[i];
    }
    if (law.kind == LawKind::springs) {
      time = double{law.time_step};
      mass = std::max(1.0, 32 * time * time * weight);
      velocity = (time * double{law.damping} / mass) * force;
    }
    if (length(velocity) > limit) velocity = (limit / length(velocity)) * velocity;
    motion.velocities.push_back(velocity);
    motion.positions.push_back(triple_of(places[i]) + time * velocity);
    motion.energy += 0.5 * mass * length(velocity) * length(velocity) / count;
    motion.movement += time * length(velocity) / count;
  }
  return motion;
}

/// ForceAtlas2's speed, as its authors' program adapts it.
struct PlainSpeed {
  double swinging = 0, traction = 0, speed = 1, efficiency = 1;

  /// After a step, by its forces and those before.
  void adapt(HeldLayout& layout, const std::vector<Triple>& before) {
    swinging = traction = 0;
    for (std::uint32_t i = 0; i < before.size(); ++i) {
      const Triple now = triple_of(layout.vector_of(Memory::forces, i));
      const double mass = 1 + layout.words(Memory::degree)[i];
      swinging += mass * length(now - before[i]);
      traction += mass * length(now + before[i]) / 2;
    }
    const auto n = static_cast<double>(before.size());
    const double estimate = 0.05 * std::sqrt(n), tolerance = double{layout.workload().law.tolerance};
    double jitter = tolerance * std::max(std::sqrt(estimate), std::min(10.0, estimate * traction / (n * n)));
    if (swinging / traction > 2) {
      if (efficiency > 0.05) efficiency *= 0.5;
      jitter = std::max(jitter, tolerance);
    }
    const double target = jitter * efficiency * traction / swinging;
    if (swinging > jitter * traction) {
      if (efficiency > 0.05) efficiency *= 0.7;
    } else if (speed < 1000) {
      efficiency *= 1.3;
    }
    speed += std::min(target - speed, 0.5 * speed);
  }
};

}  // namespace weir::graph::test
