// Robots that a network drives, with everything on the device. Used by trials, by the showing of a network and by
// measures.
#pragma once

#include <weir/weir.hpp>

#include "workloads/balance/learning/learner.hpp"
#include "workloads/balance/robot/robots.hpp"

namespace weir::balance {

/// Queues a step of all robots, each by the largest output of the network for what its sensor tells. `values` has space
/// for NetworkLayout::values() of as many observations as there are robots.
inline void drive(Robots& robots, Learner& learner, const DeviceSpan<float>& values, StreamId stream) {
  const NetworkShape& shape = learner.shape();
  const Robots::Places places{.observations = 0, .outputs = (shape.values() - shape.outputs()) * robots.count()};
  robots.observe(values, places, stream);
  learner.forward(values, robots.count());
  robots.decide(values, places, stream);
  robots.advance(stream);
}

}  // namespace weir::balance
