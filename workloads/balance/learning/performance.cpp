#include "workloads/balance/learning/performance.hpp"

#include <array>

#include "workloads/balance/learning/drive.hpp"

namespace weir::balance {
namespace {

/// No episode ends by itself.
Model endless(Model model) {
  model.max_steps = 1'000'000;
  return model;
}

}  // namespace

Performance::Performance(MemoryManager& memory, const SavedNetwork& network, float angle, std::uint32_t seed,
                         const HostChoice& host)
    : memory_(memory),
      stream_(Device(memory.device()).stream()),
      robot_runner_(make_robot_runner(memory.device(), host)),
      network_runner_(make_network_runner(memory.device(), host)),
      learner_(memory, *network_runner_, network.shape, {.batch = 16, .replay = 16}, Start::he, seed, stream_),
      robots_(memory, *robot_runner_, endless(network.model), 1, seed, stream_) {
  learner_.use(network.parameters);
  robots_.start(stream_);
  std::array<float, robots::motion_columns> motion{};
  motion[robots::angle_column] = angle;
  memory_.upload(robots_.motion(), motion, stream_);
}

Performance::Shown Performance::step() {
  drive(robots_, learner_, stream_);
  std::array<float, robots::motion_columns> motion{};
  memory_.download(robots_.motion(), std::span<float>(motion), stream_);
  std::array<std::uint32_t, 1> done{};
  memory_.download(robots_.dones(), std::span<std::uint32_t>(done), stream_);
  return {.motion = {.angle = motion[robots::angle_column],
                     .speed = motion[robots::speed_column],
                     .position = motion[robots::position_column],
                     .velocity = motion[robots::velocity_column]},
          .fell = done[0] == 2};
}

}  // namespace weir::balance
