// Contents of a buffer in memory of the host, and who keeps them. Implemented by the transfers, which have that memory;
// used by buffers when they are spilled and when they come back.
#pragma once

#include <cstdint>
#include <memory>

#include <weir/stream.hpp>

#include "device/fence.hpp"

namespace weir::detail {

/// At its end the host memory is freed, once no copy uses it.
class HostCopy {
 public:
  HostCopy() = default;
  HostCopy(const HostCopy&) = delete;
  HostCopy& operator=(const HostCopy&) = delete;
  virtual ~HostCopy() = default;
  /// Queues the copy back to device memory. Throws what the driver says; then the contents are kept.
  virtual void restore(std::uint64_t address, StreamId stream) = 0;
};

class HostStore {
 public:
  virtual ~HostStore() = default;
  /// Copies `bytes` of device memory to the host once `users` are done, and returns when that is done too. Null where
  /// there is no host memory for them, or the work does not end in time; nothing has changed then. Throws what the
  /// driver says.
  [[nodiscard]] virtual std::unique_ptr<HostCopy> keep(std::uint64_t address, std::uint64_t bytes,
                                                       const device::Fence& users) = 0;
};

}  // namespace weir::detail
