// A frame of a layout, and who takes it. Made by the feed, taken by the tool, the bench and tests.
#pragma once

#include <cstdint>
#include <span>

#include "workloads/graph/edges/graph.hpp"

namespace weir::graph {

enum class FrameMode : std::uint8_t {
  none,    ///< only the last positions are downloaded
  sync,    ///< each step waits until its frame is downloaded and taken
  latest,  ///< a frame downloads while later steps compute; a consumer that is slow gets the newest, others are dropped
  every,   ///< as latest, but each frame is taken, and the layout waits for a slow consumer
};

/// Positions and velocities after a step.
struct Frame {
  std::uint64_t step = 0;  ///< from 1
  std::span<const Position> positions, velocities;
};

/// Takes frames in their order. Called by one thread at a time, not the caller's; what it throws ends the run.
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  virtual void take(const Frame& frame) = 0;
};

}  // namespace weir::graph
