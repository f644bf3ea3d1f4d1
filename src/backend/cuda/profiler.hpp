// Names and ranges for NVIDIA's profilers, in an NVTX domain "weir": calls that map
// memory or take it from the driver, and streams by their numbers here. The profiler
// is looked for at the first of them, at run time; where there is none, each costs the
// test of a pointer.
#pragma once

#include <cuda.h>

#include <cstdint>

#include <weir/stream.hpp>

namespace weir::backend::cuda {

/// A range of the calling thread for as long as it lives.
class Range {
 public:
  /// `what` is a literal; `bytes` is shown as the range's payload.
  Range(const char* what, std::uint64_t bytes) noexcept;
  Range(const Range&) = delete;
  Range& operator=(const Range&) = delete;
  ~Range();
};

/// "weir stream 7".
void name_stream(CUstream stream, StreamId id) noexcept;

}  // namespace weir::backend::cuda
