// What a run has on one device: the computer of chunks, and the streams. A run that goes over to another device makes a
// second one. Called by the pipeline; the memory is the caller's.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include <weir/weir.hpp>

#include "workloads/lidar/run/chunk_computer.hpp"

namespace weir::lidar {

/// The longest wait of a run: chunks take what they take.
inline constexpr std::chrono::hours patience{24};

struct Station {
  Station(MemoryManager& manager, const ComputeSettings& settings);

  /// Uploads of their own where copies take the host's time, and nothing waits for them here; else in the order of the
  /// kernels.
  void use_own_streams();
  /// All on one new stream.
  void use_one_stream();

  /// Whether uploads can be timed by themselves: elsewhere they are in the order of the kernels, and few.
  [[nodiscard]] bool times_uploads() const { return device.facts().backend == BackendKind::host; }
  /// Calls into the driver about memory. On a GPU all work is calls, so those are counted that took or mapped some.
  [[nodiscard]] std::uint64_t memory_calls() const;
  /// Waits for all that was queued. A lost device runs nothing any more.
  void come_to_rest() noexcept;

  MemoryManager& memory;
  Device device;
  std::unique_ptr<ChunkComputer> computer;
  Stream kernels, uploads;
};

}  // namespace weir::lidar
