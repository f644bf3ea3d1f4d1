#include "workloads/balance/learning/trial.hpp"

#include <algorithm>
#include <cmath>

#include "workloads/balance/learning/drive.hpp"

namespace weir::balance {

std::uint32_t upright(MemoryManager& memory, Robots::Runner& runner, Learner& learner, const Model& model,
                      std::uint32_t seed, StreamId stream) {
  Model calm = model;
  calm.start_angle = Trial::start_angle;
  calm.sensor_noise = 0;
  const auto steps = static_cast<std::uint32_t>(std::ceil(Trial::seconds / model.dt));
  calm.max_steps = steps + 1;  // an episode does not end by itself
  Robots robots(memory, runner, calm, Trial::robots, seed, stream, "trial");
  robots.start(stream);
  for (std::uint32_t i = 0; i < steps; ++i) drive(robots, learner, stream);
  const std::vector<std::uint32_t> falls = robots.falls(stream);
  return static_cast<std::uint32_t>(std::count(falls.begin(), falls.end(), 0U));
}

}  // namespace weir::balance
