// One thread of a chunk's kernels in C++: buffers and parameters as chunk.comp has them by global names, and the bodies
// as members. A CUDA kernel makes one for each thread, the tests one for each item in turn; nothing is shared but what
// the buffers point to.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "plan.hpp"
#include "state.hpp"

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
  WEIR_LIDAR_BODY Thread(const Buffers& buffers, const Parameters& parameters)
      : Buffers(buffers), Parameters(parameters) {}

  WEIR_LIDAR_STATE_OF(Most)

#include "boxes.hpp"
#include "heights.hpp"
#include "nearest.hpp"
#include "order.hpp"
#include "query.hpp"
#include "rows.hpp"
#include "sums.hpp"
};

/// One item of a body. `Most` is at least k.
template <Body body, uint Most>
WEIR_LIDAR_BODY void run_item(const Buffers& buffers, const Parameters& parameters, uint item) {
  Thread<Most> thread(buffers, parameters);
  if constexpr (body == Body::make_code) thread.make_code(item);
  if constexpr (body == Body::count_digits) thread.count_digits(item);
  if constexpr (body == Body::sum_block) thread.sum_block(item);
  if constexpr (body == Body::place_block) thread.place_block(item);
  if constexpr (body == Body::move_run) thread.move_run(item);
  if constexpr (body == Body::gather_point) thread.gather_point(item);
  if constexpr (body == Body::make_leaf) thread.make_leaf(item);
  if constexpr (body == Body::make_box) thread.make_box(item);
  if constexpr (body == Body::find_features) thread.find_features(item);
  if constexpr (body == Body::find_height) thread.find_height(item);
}

/// Calls `call` with the body as a constant.
template <class Call>
void with_body(Body body, const Call& call) {
  switch (body) {
    case Body::make_code: return call(std::integral_constant<Body, Body::make_code>{});
    case Body::count_digits: return call(std::integral_constant<Body, Body::count_digits>{});
    case Body::sum_block: return call(std::integral_constant<Body, Body::sum_block>{});
    case Body::place_block: return call(std::integral_constant<Body, Body::place_block>{});
    case Body::move_run: return call(std::integral_constant<Body, Body::move_run>{});
    case Body::gather_point: return call(std::integral_constant<Body, Body::gather_point>{});
    case Body::make_leaf: return call(std::integral_constant<Body, Body::make_leaf>{});
    case Body::make_box: return call(std::integral_constant<Body, Body::make_box>{});
    case Body::find_features: return call(std::integral_constant<Body, Body::find_features>{});
    case Body::find_height: return call(std::integral_constant<Body, Body::find_height>{});
  }
}

}  // namespace weir::lidar::bodies
