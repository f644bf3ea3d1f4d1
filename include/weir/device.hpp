// Devices: what there is, and a handle to one of them. A Device is the ground a
// pool stands on; copies share the same device.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <weir/stream.hpp>

namespace weir {

namespace device {
class Backend;
}

/// What a device is and can do. A number that cannot be known is empty, never 0.
struct DeviceInfo {
  std::string name;
  std::string backend;                              ///< "host", "dry", "vulkan", later "cuda"
  std::optional<std::uint64_t> memory_total;        ///< bytes
  std::optional<std::uint64_t> memory_free;         ///< bytes, when asked
  std::uint64_t page_bytes = 0;                     ///< the smallest unit of physical memory mapped at once
  bool virtual_memory = false;                      ///< reserve, map and unmap by page; else plain segments
  bool pointers = false;                            ///< addresses can be read and written by the host
  bool unified_memory = false;                      ///< the host writes device memory in place, without copies
  std::optional<std::uint64_t> address_space = {};  ///< bytes that pools can reserve in all; empty: as good as no bound
  std::uint64_t largest_range = UINT64_MAX;         ///< bytes of one address range, at most
  std::uint64_t default_limit = UINT64_MAX;         ///< bytes a pool takes at most when the program sets no limit
};

/// What to open. Defaults take the best device there is.
struct DeviceRequest {
  std::string backend = {};                    ///< "" any, "host", "dry", "vulkan"
  std::optional<std::uint64_t> capacity = {};  ///< bytes; the dry device's size, else an error
};

/// A device in use. Cheap to copy; thread-safe; the device closes with its last user.
class Device {
 public:
  explicit Device(std::shared_ptr<device::Backend> backend, std::string why = {});

  [[nodiscard]] DeviceInfo info() const;
  /// Which device this is and why it was chosen, one line.
  [[nodiscard]] const std::string& why() const noexcept;

  /// A new stream. On the host each stream with work runs on a thread of its own.
  [[nodiscard]] Stream stream();
  /// Waits until all work queued on `stream` so far is done; throws Timeout past the deadline.
  void synchronize(StreamId stream, std::chrono::nanoseconds deadline = std::chrono::seconds(10));
  /// Queues a host function in the order of `stream`. Host devices only; throws Unsupported elsewhere.
  void run(StreamId stream, std::function<void()> work);

  [[nodiscard]] device::Backend& backend() const noexcept { return *backend_; }
  [[nodiscard]] const std::shared_ptr<device::Backend>& shared_backend() const noexcept { return backend_; }

 private:
  std::shared_ptr<device::Backend> backend_;
  std::shared_ptr<const std::string> why_;
};

/// Every device that can be opened here, best first.
[[nodiscard]] std::vector<DeviceInfo> devices();

/// Opens the best device that fits the request. Throws NotFound naming what was
/// asked and what there is, InvalidArgument for a request that makes no sense.
[[nodiscard]] Device open_device(const DeviceRequest& request = {});

}  // namespace weir
