// The host as a device: real virtual memory by page, and streams whose work
// really runs on other threads, so that what is asynchronous on a GPU is so here.
#pragma once

#include <memory>

#include "device/backend.hpp"

namespace weir::backend::host {

/// `capacity` bytes at most; 0 takes the machine's memory (or the container's bound, if less).
[[nodiscard]] std::shared_ptr<device::Backend> make_host_backend(std::uint64_t capacity = 0);

}  // namespace weir::backend::host
