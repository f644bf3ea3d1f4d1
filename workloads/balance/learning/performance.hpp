// One robot that a trained network balances, step by step, with everything on the device. Used to show and to check a
// saved network.
#pragma once

#include <memory>

#include <weir/weir.hpp>

#include "workloads/balance/learning/learner.hpp"
#include "workloads/balance/learning/saved.hpp"
#include "workloads/balance/robot/robots.hpp"

namespace weir::balance {

class Performance {
 public:
  /// The robot starts at `angle`, at rest. `memory` outlives the result. Throws as Robots and Learner.
  Performance(MemoryManager& memory, const SavedNetwork& network, float angle, std::uint32_t seed,
              const HostChoice& host = {});

  struct Shown {
    formulas::Motion motion;
    bool fell = false;  ///< in this step; the motion is that of a new start then
  };
  /// Moves the robot by what the network says. Waits.
  [[nodiscard]] Shown step();

 private:
  MemoryManager& memory_;
  Stream stream_;
  std::unique_ptr<RobotRunner> robot_runner_;
  std::unique_ptr<NetworkRunner> network_runner_;
  Learner learner_;
  Robots robots_;
};

}  // namespace weir::balance
