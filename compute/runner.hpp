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

/// Memory of kernels, in the order of the shader's bindings: for each set of a plan's memory one for each binding, and
/// a set after the other. What a plan does not use may be anything but empty.
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

/// Throws InvalidArgument for memory that is not one for each binding of `set` and those before it.
template <class Kernels>
void require_set(Bindings memory, std::size_t set) {
  if (memory.size() % Kernels::bindings == 0 && set < memory.size() / Kernels::bindings) return;
  throw InvalidArgument("kernels: set " + std::to_string(set) + " of memory for " + std::to_string(memory.size()) +
                            " bindings; a set has " + std::to_string(Kernels::bindings),
                        {.name = "bindings"});
}

/// The kernels' buffers of one set, on devices with pointers. Throws as require_set.
template <class Kernels>
[[nodiscard]] typename Kernels::Buffers buffers_at(Bindings memory, std::size_t set = 0) {
  require_set<Kernels>(memory, set);
  std::array<void*, Kernels::bindings> addresses{};
  for (std::size_t i = 0; i < addresses.size(); ++i) addresses[i] = memory[set * addresses.size() + i].data();
  return Kernels::buffers(addresses);
}

}  // namespace weir::compute
