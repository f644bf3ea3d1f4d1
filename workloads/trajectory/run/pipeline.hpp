// A run over launches: chunks through tensors of the device, of which two sets are in use at a time, so that one chunk
// is computed while the one before it is downloaded and written. Results do not depend on chunks, threads or the host's
// kernels. The device and its memory are the caller's; open_memory.hpp has some for a program that has none.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include <weir/weir.hpp>

#include "workloads/trajectory/flight/columns.hpp"
#include "workloads/trajectory/flight/launch.hpp"
#include "workloads/trajectory/run/settings.hpp"

namespace weir::trajectory {

/// Launches of one run.
inline constexpr std::uint64_t max_launches = 10'000'000;

struct RunReport {
  std::uint64_t launches = 0, steps = 0;
  std::uint64_t out_of_time = 0;               ///< paths that did not end on the ground
  std::size_t chunks = 0, chunk_launches = 0;  ///< as they were done; launches of the largest
  std::uint64_t retries = 0;                   ///< times that a chunk was halved, for lack of memory
  std::string device, kernels;
  unsigned real_bits = 64;
  double tolerance = 0;  ///< of a step, as it was used
  double seconds = 0;
  // --- Memory, of this run ---
  std::uint64_t requests = 0;      ///< of device and pinned memory, to the pools
  std::uint64_t hits = 0;          ///< of those, served by a pool's caches and arenas
  std::uint64_t driver_calls = 0;  ///< about memory, from the run's start to its end
  std::optional<std::uint64_t> driver_calls_after_second_chunk = {};  ///< of those; empty without a third chunk, or
                                                                      ///< where the device was lost
  std::uint64_t tensors = 0;                                          ///< that were acquired
  std::uint64_t tensors_reused = 0;  ///< of those, in memory where one of the same shape had lain
  std::uint64_t recoveries = 0;      ///< times that the device was lost and opened again, or another in its place
  std::uint64_t lost_bytes = 0;      ///< as RecoveryReport has them, by these: none of the run's, which it makes anew
  std::uint64_t spilled_bytes = 0;   ///< moved to the host for lack of device memory
  // --- Of the manager's whole life ---
  std::uint64_t memory_high_water = 0, pinned_high_water = 0;  ///< reserved; bytes

  [[nodiscard]] double hit_rate() const noexcept {
    return requests == 0 ? 0.0 : static_cast<double>(hits) / static_cast<double>(requests);
  }
  [[nodiscard]] double steps_per_second() const noexcept {
    return seconds > 0 ? static_cast<double>(steps) / seconds : 0.0;
  }
};

/// Takes what came of launches, in their order.
class Sink {
 public:
  virtual ~Sink() = default;
  /// Of launches `first`, `first` + 1, …. Called by one thread at a time, not the caller's; what it throws ends the
  /// run.
  virtual void take(std::uint64_t first, std::span<const Launch> launches, std::span<const Flight> flights) = 0;
};

/// Follows `launches` paths, of which `launch` gives each by its number, on the calling thread. Throws InvalidArgument
/// for 0 launches or more than max_launches, and for settings or a launch out of range, before the chunk of that launch
/// is computed; LimitExceeded and OutOfMemory where there is no memory for one launch; what `launch` and the sink
/// throw. `launch` is asked again for the launches of a chunk that was refused memory. Where the device is lost it
/// recovers the memory and goes on with the first launch that was not written, as compute::Losses says, and asks again
/// for the launches from there.
RunReport run(std::uint64_t launches, const std::function<Launch(std::uint64_t number)>& launch,
              const RunSettings& settings, MemoryManager& memory, Sink& sink);

}  // namespace weir::trajectory
