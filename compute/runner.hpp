// What runs a workload's plans on one kind of device, in the order of a stream. `Kernels` is a struct of the workload
// with the types Buffers, Parameters and Body, both former copied with each launch, and with
//   template <Body body> static void run(const Buffers&, const Parameters&, uint item);
//   static Buffers buffers(std::span<void* const> addresses);   // in the order of the shader's bindings
// Called by workloads, which make one for their device; loop_runner.hpp, vulkan_runner.hpp and cuda_runner.cuh have
// those that any workload can use, and a workload may have a faster one of its own for the host.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <weir/weir.hpp>

#include "compute/step.hpp"

namespace weir::compute {

/// Memory of a kernel, in the order of the shader's bindings. What a plan does not use may be anything but empty.
using Bindings = std::span<const DeviceSpan<std::byte>>;

template <class Kernels>
class Runner {
 public:
  using PlanStep = Step<typename Kernels::Body, typename Kernels::Parameters>;

  Runner() = default;
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;
  virtual ~Runner() = default;

  /// "cuda", "vulkan", or the name of the host's kernels.
  [[nodiscard]] virtual std::string name() const = 0;
  /// Queues all steps, each after the one before it, on `stream`. May return before they are done, and may wait for
  /// what was queued before. The memory has to stay until then. Not thread-safe. Throws what the driver says.
  virtual void queue(std::span<const PlanStep> steps, Bindings memory, StreamId stream) = 0;
};

/// Where the bindings lie, for devices with pointers.
[[nodiscard]] inline std::vector<void*> addresses_of(Bindings memory) {
  std::vector<void*> addresses;
  addresses.reserve(memory.size());
  for (const DeviceSpan<std::byte>& each : memory) addresses.push_back(each.data());
  return addresses;
}

}  // namespace weir::compute
