// A device's pinned host memory, seen as a device of its own that has segments and
// nothing else: so that one pool serves staging memory as well. Streams, events and
// copies are the device's. Called by the transfers.
#pragma once

#include <memory>

#include "device/backend.hpp"

namespace weir::device {

/// `limit` bounds what a pool over it takes when the program sets no limit. Bytes.
[[nodiscard]] std::shared_ptr<Backend> make_pinned_memory(std::shared_ptr<Backend> inner, std::uint64_t limit);

}  // namespace weir::device
