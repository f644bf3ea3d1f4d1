// Contents of a buffer in memory of the host, and who keeps them. Implemented by the transfers, which have that memory;
// used by buffers when they are spilled and when they come back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <weir/stream.hpp>

#include "core/deadline.hpp"

namespace weir::detail {

/// At its end the host memory is freed, once no copy uses it.
class HostCopy {
 public:
  HostCopy() = default;
  HostCopy(const HostCopy&) = delete;
  HostCopy& operator=(const HostCopy&) = delete;
  virtual ~HostCopy() = default;
  /// What it has, for the host to read.
  [[nodiscard]] virtual std::span<const std::byte> contents() const noexcept = 0;
  /// Queues the copy of the first `bytes`, or of all there are, back to device memory. Throws what the driver says;
  /// then the contents are kept.
  virtual void restore(std::uint64_t address, std::uint64_t bytes, StreamId stream) = 0;
};

class HostStore {
 public:
  virtual ~HostStore() = default;
  /// The stream on which contents are copied to the host.
  [[nodiscard]] virtual StreamId stream() const noexcept = 0;
  /// Copies `bytes` of device memory that no work uses to the host, and returns when that is done. Null where there is
  /// no host memory for them, or the copy does not end in time and goes on. Throws what the driver says.
  [[nodiscard]] virtual std::unique_ptr<HostCopy> keep(std::uint64_t address, std::uint64_t bytes,
                                                       const core::Deadline& deadline) = 0;
};

}  // namespace weir::detail
