// A model of PyTorch's allocator with expandable segments (the setting
// `expandable_segments:True`), driven by a trace's events alone, as
// pytorch_policy.hpp models its default. Called by the replay report.
#pragma once

#include "replay/policy.hpp"
#include "replay/trace.hpp"

namespace weir::replay {

/// The rules are those of c10/cuda/CUDACachingAllocator.cpp (ExpandableSegment): sizes are rounded up to 512 B; a
/// stream has one segment for what is up to 1 MiB and one for all that is larger; each is an address range that is
/// reserved once and mapped from its start on by handles of 2 and 20 MiB, each created and mapped by a call of its own,
/// with one call for access to all that grew at once. Best fit among the free blocks of a segment by size, then
/// address; the one at its end counts for as large as it can become, so it is taken last; where none fits, the segment
/// grows by the handles that its end lacks. What remains of a block is split off if it is at least 512 B; neighbours
/// are merged at free. Memory has no bound here, so that nothing is ever unmapped: PyTorch unmaps when memory runs out,
/// or when the program asks. O(log n) an event. Throws InvalidArgument above 16 EiB.
[[nodiscard]] PolicyResult simulate_pytorch_expandable(const DeviceTrace& trace, const PolicyOptions& options = {});

}  // namespace weir::replay
