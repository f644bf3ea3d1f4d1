// Choosing a device: which of all backends' devices a request means, in what order
// they are tried, and why each was passed over. Knows backends as providers only.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <weir/device.hpp>

#include "device/backend.hpp"

namespace weir::device {

/// One backend: what it has here, and how that is opened.
struct Provider {
  std::string name;
  BackendKind kind = BackendKind::host;
  bool only_by_name = false;  ///< never chosen unless asked for
  /// Its devices, `index` filled in, and why there are none. With `with_free`, numbers that a device has to be opened
  /// for are found too. Throws nothing.
  std::function<std::vector<DeviceInfo>(bool with_free, std::string& why_none)> list;
  /// Throws the reason where it cannot.
  std::function<std::shared_ptr<Backend>(std::size_t index, const DeviceRequest& request)> open;
};

/// The device for `request`; where that names no backend, for `wish`, the environment's WEIR_DEVICE.
[[nodiscard]] Device choose(const std::vector<Provider>& providers, const DeviceRequest& request,
                            const std::optional<std::string>& wish);

}  // namespace weir::device
