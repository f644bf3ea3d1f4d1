// Paths on one device: the kernels that move them, and what a set of paths has there, which is a tensor of launches and
// a tensor of states, columns of a number a path. Numbers have 32 or 64 bits, as the kernels have them. Used by runs,
// and by whoever follows single paths. One thread at a time, unless something else is said.
#pragma once

#include <chrono>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include <weir/weir.hpp>

#include "workloads/trajectory/flight/columns.hpp"
#include "workloads/trajectory/run/runners.hpp"
#include "workloads/trajectory/run/settings.hpp"

namespace weir::trajectory {

/// Waits for chunks have no shorter deadline: they take what they take.
inline constexpr std::chrono::hours patience{24};

/// Of up to as many paths as the tensors have space for.
struct Paths {
  Tensor launches, states;
  Pinned<std::byte> staging;  ///< of launches on their way to the device
  std::size_t count = 0;
};

class PathDevice {
 public:
  /// `memory` outlives it. Throws as make_runner.
  PathDevice(MemoryManager& memory, const RunSettings& settings);
  PathDevice(const PathDevice&) = delete;
  PathDevice& operator=(const PathDevice&) = delete;
  ~PathDevice() { finish(); }

  [[nodiscard]] const Device& device() const noexcept { return device_; }
  [[nodiscard]] std::string kernels() const { return chosen_.runner->name(); }
  [[nodiscard]] bool host() const { return device_.facts().backend == BackendKind::host; }
  /// Of one number in the columns.
  [[nodiscard]] std::size_t number_bytes() const noexcept { return element_bytes(dtype_); }
  /// Of a step's error, as these numbers can have it.
  [[nodiscard]] double tolerance() const noexcept { return tolerance_; }
  [[nodiscard]] TensorCounts tensors() const { return tensors_.statistics(); }

  /// Takes memory for `rows` paths and queues these launches at their start. Throws LimitExceeded and OutOfMemory; give
  /// the paths back then, too.
  void start(Paths& paths, std::span<const Launch> launches, std::size_t rows);
  /// Queues so many attempts at a step of each path, `rounds` times. From any thread.
  void advance(const Paths& paths, std::uint32_t attempts, std::uint32_t rounds);
  /// Starts a download of all states, as start_download. From any thread; likewise those below.
  void download(const Paths& paths, bool snapshot);
  /// Waits for the oldest download, and gives what it read to `read`, as a pointer to numbers of 32 or 64 bits.
  template <class Read>
  auto downloaded(const Paths& paths, Read read) {
    if (dtype_ == DType::float64)
      return read(memory_.wait_for_download(paths.states.buffer<double>(), patience).data());
    return read(memory_.wait_for_download(paths.states.buffer<float>(), patience).data());
  }
  /// Gives the tensors back, in the order of the work that uses them. The staging memory stays.
  void give_back(Paths& paths) noexcept;
  /// Waits for all that is queued.
  void finish() noexcept;

 private:
  void queue(const Paths& paths, std::span<const compute::Step<Body, Parameters>> plan);
  [[nodiscard]] Parameters parameters(const Paths& paths, std::uint32_t attempts) const noexcept;

  MemoryManager& memory_;
  Device device_;
  ChosenRunner chosen_;
  DType dtype_;
  Physics physics_;
  double tolerance_;
  Stream stream_;
  TensorPool tensors_;
  std::mutex queueing_;  // a runner is for one thread at a time
};

/// Each step of each launch, from its start to its end, as the device takes it: the state of all paths is downloaded
/// after each attempt, while the next one is made. Throws as run().
[[nodiscard]] std::vector<std::vector<Place>> follow(std::span<const Launch> launches, const RunSettings& settings,
                                                     MemoryManager& memory);

}  // namespace weir::trajectory
