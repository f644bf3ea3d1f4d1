// A run over a cloud: chunks with halos through two sets of buffers in turn, so that reading one chunk, computing
// another and writing a third overlap. Results do not depend on chunks, threads or kernels. The device and its memory
// are the caller's, who may use them for other work too; open_memory.hpp has some for a program that has none.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <weir/weir.hpp>

#include "workloads/lidar/features/feature_set.hpp"
#include "workloads/lidar/features/sink.hpp"
#include "workloads/lidar/files/cloud.hpp"
#include "workloads/lidar/run/chunk_computer.hpp"
#include "workloads/lidar/run/remedies.hpp"

namespace weir::lidar {

struct RunSettings {
  FeatureSet features;
  std::uint32_t k = 20;  ///< 1 to 128; not used with a radius
  double radius = 0;     ///< above 0: all neighbours within it
  GroundSearch ground = {};
  std::size_t chunk = 0;     ///< points of a chunk; 0: as free memory allows
  unsigned threads = 0;      ///< of a computation; 0: one a core
  bool reuse = true;         ///< else buffers are made for each chunk: only to compare
  bool overlap = true;       ///< else a chunk is written before the next is read: only to compare
  std::string kernel = {};   ///< as choose_kernel
  std::string scratch = {};  ///< folder for what does not fit; default: the current one
  std::function<void(std::uint64_t done, std::uint64_t all)> progress = {};
  /// Called with what a user should know of a device that became slow, a line. On the same thread as progress.
  std::function<void(const std::string& line)> told = {};
  /// Gives memory of another device for the rest of a run whose device is slow, or none. It must give the same bits as
  /// the run's own, and outlive run(). Called once at most; empty where there is none.
  std::function<MemoryManager*()> next_device = {};
};

struct StageTime {
  double seconds = 0;
  [[nodiscard]] double points_per_second(std::uint64_t points) const noexcept {
    return seconds > 0 ? static_cast<double>(points) / seconds : 0;
  }
};

struct RunReport {
  std::uint64_t points = 0;
  std::uint64_t coincident = 0;   ///< points with least_neighbours or more, all at their own place
  std::uint64_t beyond_halo = 0;  ///< points whose neighbours had to be looked for outside their chunk's halo
  std::size_t chunks = 0, chunk_points = 0;
  std::string device, kernel, height;
  unsigned threads = 1;
  StageTime read, compute, write,
      total;  ///< busy time of each stage; stages overlap. total does not count what runs before run()
  double compute_processor_seconds = 0;  ///< of computing, of the thread that began each: all of it with one thread
  double allocation_seconds = 0;         ///< making and freeing buffers
  // --- Of the manager's whole life ---
  std::uint64_t memory_high_water = 0;  ///< of device memory, reserved; bytes
  std::uint64_t pinned_high_water = 0;
  double reuse_rate = 0;                             ///< of feature buffers, over all scopes
  double hit_rate = 0;                               ///< of the pool
  double fragmentation = 0;                          ///< 1 − peak requested ÷ peak reserved
  std::uint64_t driver_calls_after_first_chunk = 0;  ///< about memory
  std::string scopes;                                ///< summaries, a line each
  PaceReport pace;                                   ///< of its streams
  // --- Of this run ---
  std::uint64_t recoveries = 0;     ///< times that the device was lost and opened again, or another in its place
  std::uint64_t lost_bytes = 0;     ///< as RecoveryReport has them, by these: none of the run's, which it makes anew
  std::uint64_t spilled_bytes = 0;  ///< moved to the host for lack of device memory
};

/// Computes on the memory's device. Throws InvalidArgument for settings that make no sense, Unsupported where the
/// device has no kernels for the cloud, and what memory, files and the sink throw; then the sink has got some of the
/// rows. Where the device is lost it recovers the memory and goes on with the first chunk that was not written, as
/// compute::Losses says: the same rows come of it, and the sink may get some twice. All memory is given back before it
/// returns or throws. One run at a time on a manager, whose buffers have other names than the run's: "workspace",
/// "columns", and those that begin with "even " or "odd ".
[[nodiscard]] RunReport run(const Cloud& cloud, const RunSettings& settings, MemoryManager& memory, Sink& sink);

/// Throws what run() would before it computes anything: takes the memory that the run's chunks would, and gives it
/// back.
void check(const Cloud& cloud, const RunSettings& settings, MemoryManager& memory);

}  // namespace weir::lidar
