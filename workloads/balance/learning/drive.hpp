// Robots that a network drives, with everything on the device. Used by trials, by the showing of a network and by
// measures.
#pragma once

#include <weir/weir.hpp>

#include "workloads/balance/learning/learner.hpp"
#include "workloads/balance/robot/robots.hpp"

namespace weir::balance {

/// Queues a step of all robots, each by the largest output of the network for what its sensor tells.
inline void drive(Robots& robots, Learner& learner, StreamId stream) {
  robots.observe(learner.observations(robots.count()), stream);
  robots.decide(learner.forward(robots.count()), stream);
  robots.advance(stream);
}

}  // namespace weir::balance
