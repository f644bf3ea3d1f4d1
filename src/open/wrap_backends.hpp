// For programs of this project that put something before every device that they open, as the tool does to rehearse
// failures.
#pragma once

#include <functional>
#include <memory>

#include "device/backend.hpp"

namespace weir::open {

/// Makes of a backend that was opened just now what stands before it.
using Wrap = std::function<std::shared_ptr<device::Backend>(std::shared_ptr<device::Backend>)>;

/// Every backend that open_device() and simulated_device() open from now on, and open again after a loss, is what
/// `wrap` makes of it; an empty one ends that. What it throws, the opening throws. Process-wide; not while another
/// thread opens a device.
void wrap_backends(Wrap wrap);

}  // namespace weir::open
