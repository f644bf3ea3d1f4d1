// One thread of a chunk's kernels in C++: buffers and parameters as chunk.comp has them by global names, and the bodies
// as members. A CUDA kernel makes one for each thread, the tests one for each item in turn; nothing is shared but what
// the buffers point to.
#pragma once

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

/// Item `item` of a step. `Most` is at least k.
template <uint Most>
WEIR_LIDAR_BODY void run_body(const Step& step, const Buffers& buffers, uint item) {
  Thread<Most> thread(buffers, step.parameters);
  switch (step.body) {
    case Body::make_code: return thread.make_code(item);
    case Body::count_digits: return thread.count_digits(item);
    case Body::sum_block: return thread.sum_block(item);
    case Body::place_block: return thread.place_block(item);
    case Body::move_run: return thread.move_run(item);
    case Body::gather_point: return thread.gather_point(item);
    case Body::make_leaf: return thread.make_leaf(item);
    case Body::make_box: return thread.make_box(item);
    case Body::find_features: return thread.find_features(item);
    case Body::find_height: return thread.find_height(item);
  }
}

}  // namespace weir::lidar::bodies
