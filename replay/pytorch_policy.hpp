// A model of PyTorch's native CUDACachingAllocator with its default settings,
// driven by a trace's events alone: what the same program would have reserved
// under PyTorch. It never looks at what the file recorded, so the two can be
// compared. Called by the replay report.
#pragma once

#include "replay/policy.hpp"
#include "replay/trace.hpp"

namespace weir::replay {

/// The rules are those of c10/cuda/CUDACachingAllocator.cpp: sizes are rounded up
/// to 512 B; up to 1 MiB they come from segments of 2 MiB, below 10 MiB from
/// segments of 20 MiB, above from a segment of their own rounded up to 2 MiB;
/// best fit within stream and pool by size, then address; what remains of a block
/// is split off if it is at least 512 B (small pool) or more than 1 MiB (large
/// pool); neighbours are merged at free. Segments, each one cudaMalloc, are never
/// given back. They stand at rising addresses in the order
/// of their allocation, which breaks ties among equal sizes and is the one thing
/// that a trace does not tell. O(log n) an event. Throws InvalidArgument where the
/// segments of all streams would pass 16 EiB.
[[nodiscard]] PolicyResult simulate_pytorch_policy(const DeviceTrace& trace, const PolicyOptions& options = {});

}  // namespace weir::replay
