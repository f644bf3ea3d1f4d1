// The dry device: addresses without memory, of any size, so that a trace of a
// 50 GiB job runs on a laptop. It counts driver calls as CUDA would make them
// and is as strict as a driver: mapping what is mapped or outside of what is
// reserved, unmapping what is not there, or a part of a handle, throws
// std::logic_error, for it is a fault in weir.
// All work on its streams is done at once.
#pragma once

#include <memory>

#include "device/backend.hpp"

namespace weir::backend::dry {

[[nodiscard]] std::shared_ptr<device::Backend> make_dry_backend(std::uint64_t capacity);

}  // namespace weir::backend::dry
