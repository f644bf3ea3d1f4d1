// Whether a network balances: many robots at once, each driven by the network's outputs, all on the device.
#pragma once

#include <cstdint>

#include <weir/weir.hpp>

#include "workloads/balance/learning/learner.hpp"
#include "workloads/balance/robot/robots.hpp"

namespace weir::balance {

/// One trial, for every network that calls itself solved: `robots` robots start within ±0.2 rad, without sensor noise,
/// and always take the action of the largest output.
struct Trial {
  static constexpr std::uint32_t robots = 100;
  static constexpr float seconds = 10;
  static constexpr float start_angle = 0.2F;
};

/// How many of them are upright all the time. Waits. Takes memory of `memory` while it runs.
[[nodiscard]] std::uint32_t upright(MemoryManager& memory, Robots::Runner& runner, Learner& learner, const Model& model,
                                    std::uint32_t seed, StreamId stream);

}  // namespace weir::balance
