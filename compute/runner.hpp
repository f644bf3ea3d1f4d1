// What runs a workload's plans on one kind of device, in the order of a stream. `Kernels` is a struct of the workload
// with the types Buffers, Parameters and Body, both former copied with each launch, and with
//   template <Body body> static void run(const Buffers&, const Parameters&, uint item);
//   static constexpr std::size_t bindings = 2;                  // the buffers that the shader binds
//   static Buffers buffers(const std::array<void*, bindings>&); // in their order
// Called by workloads, which make one for their device; loop_runner.hpp, vulkan_runner.hpp and cuda_runner.cuh have
// those that any workload can use, and a workload may have a faster one of its own for the host.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>

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

/// Memory of any type as a runner takes it.
template <class T>
[[nodiscard]] DeviceSpan<std::byte> bytes_of(const DeviceSpan<T>& span) noexcept {
  return {span.address(), span.bytes()};
}

/// The kernels' buffers, on devices with pointers. Throws InvalidArgument for memory that is not one for each binding.
template <class Kernels>
[[nodiscard]] typename Kernels::Buffers buffers_at(Bindings memory) {
  std::array<void*, Kernels::bindings> addresses{};
  if (memory.size() != addresses.size()) {
    throw InvalidArgument("kernels: memory for " + std::to_string(memory.size()) + " bindings; they have " +
                              std::to_string(addresses.size()),
                          {.name = "bindings"});
  }
  for (std::size_t i = 0; i < addresses.size(); ++i) addresses[i] = memory[i].data();
  return Kernels::buffers(addresses);
}

}  // namespace weir::compute
