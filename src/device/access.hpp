// The way for weir's own rooms from a device to its backend, and back: no public signature names a backend. Tests that
// stand a device on a backend of their own use it too.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <weir/device.hpp>

#include "device/backend.hpp"

namespace weir::device {

struct Access {
  /// A device on the backend; `why` is one line that says why it was chosen. Without an origin it cannot be opened
  /// again when it is lost. Throws InvalidArgument for no backend.
  [[nodiscard]] static Device make_device(std::shared_ptr<Backend> backend, std::string why = {},
                                          std::shared_ptr<const Origin> origin = {}) {
    return Device(std::move(backend), std::move(why), std::move(origin));
  }
  /// Null for one that was not chosen from a list of devices.
  [[nodiscard]] static const std::shared_ptr<const Origin>& origin(const Device& device) noexcept {
    return device.origin_;
  }
  /// Lives as long as the device or a copy of it.
  [[nodiscard]] static Backend& backend(const Device& device) noexcept { return *device.backend_; }
  [[nodiscard]] static const std::shared_ptr<Backend>& shared_backend(const Device& device) noexcept {
    return device.backend_;
  }
};

}  // namespace weir::device
