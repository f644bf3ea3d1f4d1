// Choosing a device: which of all backends' devices a request means, in what order
// they are tried, and why each was passed over. Knows backends as providers only: what
// opens one, also when it was lost (reopen.hpp), is its provider's `open`.
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

/// What a device was chosen by: enough to open it again, or another one in its place.
struct Origin {
  std::vector<Provider> providers;
  DeviceRequest request;
  std::optional<std::string> wish;  ///< WEIR_DEVICE's, for a request that names no backend
};

/// Calls `take` for each device of the origin's list that fits its request, best first, until that gives true; false
/// where it never does. `by` is by what the list was made. What is passed over is added to `passed` with the reason,
/// also where `take` throws one. InvalidArgument is thrown on: such a request makes no sense on any device.
bool each_that_fits(const Origin& origin, std::string& by, std::vector<std::string>& passed,
                    const std::function<bool(const Provider& backend, const DeviceInfo& device)>& take);

/// The device for `request`, which knows how it can be opened again; where that names no backend, for `wish`, the
/// environment's WEIR_DEVICE.
[[nodiscard]] Device choose(const std::vector<Provider>& providers, const DeviceRequest& request,
                            const std::optional<std::string>& wish);

}  // namespace weir::device
