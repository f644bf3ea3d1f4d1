// One thread of a chunk's kernels in C++: buffers and parameters as chunk.comp has them by global names, and the bodies
// as members. A CUDA kernel makes one for each thread, the tests one for each item in turn; nothing is shared but what
// the buffers point to.
#pragma once

#include <array>
#include <cstdint>

#include "workloads/lidar/device/plan.hpp"
#include "workloads/lidar/device/state.hpp"

namespace weir::lidar::bodies {

/// The chunk in the device's memory. Halves of codes and order are sides of the sort.
struct Buffers {
  const ivec4* points;  ///< x, y, z and the index in the cloud
  const uint* colours;
  const uint* classes;
  uint* codes;
  uint* order;
  uint* counters;
  ivec4* sorted;
  ivec4* boxes;
  uint* results;
  const uint* columns;
};

/// Where they lie on a device with pointers, for work on `stream`; what no feature needs is null.
inline Buffers buffers_of(const FeatureSet& features, const ChunkMemory& memory, const uint* columns, StreamId stream) {
  const auto words = [](const auto& span) { return reinterpret_cast<uint*>(span.data()); };
  const auto vectors = [](const auto& span) { return reinterpret_cast<ivec4*>(span.data()); };
  const PoolingScope& input = memory.input;
  const PoolingScope& work = memory.workspace;
  Buffers buffers{};
  buffers.points = vectors(input.access<Point>("points", stream));
  if (features.needs_colours()) {
    buffers.colours = words(input.access<std::array<std::uint16_t, 4>>("colours", stream));
  }
  if (features.needs_classes()) buffers.classes = words(input.access<std::uint8_t>("classes", stream));
  buffers.codes = words(work.access<std::array<uint, 4>>("codes", stream));
  buffers.order = words(work.access<std::array<uint, 2>>("order", stream));
  buffers.counters = words(work.access<uint>("counters", stream));
  buffers.sorted = vectors(work.access<Point>("sorted", stream));
  buffers.boxes = vectors(work.access<std::array<uint, 2>>("boxes", stream));
  buffers.results = words(memory.output.memory().access(stream));
  buffers.columns = columns;
  return buffers;
}

template <uint Most>
struct Thread : Buffers, Parameters {
  WEIR_COMPUTE_BODY Thread(const Buffers& buffers, const Parameters& parameters)
      : Buffers(buffers), Parameters(parameters) {}

  WEIR_LIDAR_STATE_OF(Most)

#include "compute/sort_bodies.hpp"
#include "workloads/lidar/device/boxes.hpp"
#include "workloads/lidar/device/heights.hpp"
#include "workloads/lidar/device/nearest.hpp"
#include "workloads/lidar/device/order.hpp"
#include "workloads/lidar/device/query.hpp"
#include "workloads/lidar/device/rows.hpp"
#include "workloads/lidar/device/sums.hpp"
};

WEIR_COMPUTE_CALLS(WEIR_LIDAR_KERNELS)

/// The kernels as compute's loops and launches take them. `Most` is at least k.
template <uint Most>
struct Kernels {
  using Buffers = bodies::Buffers;
  using Parameters = bodies::Parameters;

  template <Body body>
  WEIR_COMPUTE_BODY static void run(const Buffers& buffers, const Parameters& parameters, uint item) {
    Thread<Most> thread(buffers, parameters);
    run_item<body>(thread, item);
  }
};

}  // namespace weir::lidar::bodies
