// Work that writes and checks patterns on a device, in the order of its streams. Each piece first takes a while, so
// that work that did not wait for it is seen. On a CUDA device it is kernels; on the host, and on the driver that needs
// no GPU, host functions do the same, so that the cases are tried where no GPU is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include <weir/device.hpp>

#if defined(__CUDACC__)
#define WEIR_TEST_DEVICE __host__ __device__
#else
#define WEIR_TEST_DEVICE
#endif

namespace weir::contents {

/// The word at `index` of the pattern of `seed`.
WEIR_TEST_DEVICE inline std::uint64_t pattern_word(std::uint64_t seed, std::uint64_t index) {
  std::uint64_t word = seed * 0x9e3779b97f4a7c15u + index * 0xd1b54a32d192ed03u;
  word ^= word >> 29;
  return word * 0xbf58476d1ce4e5b9u;
}

/// What all checks found so far.
struct Findings {
  std::uint64_t checked = 0;       ///< words
  std::uint64_t wrong = 0;         ///< words
  std::uint64_t gates_missed = 0;  ///< works that gave up waiting for the gate
};

/// Not thread-safe but for queueing work. The memory is words of 8 bytes at a device address.
class Kernels {
 public:
  Kernels() = default;
  Kernels(const Kernels&) = delete;
  Kernels& operator=(const Kernels&) = delete;
  virtual ~Kernels() = default;

  /// Queues writing the pattern of `seed`.
  virtual void fill(StreamId stream, std::uint64_t address, std::size_t words, std::uint64_t seed) = 0;
  /// Queues counting the words that differ from the pattern of `seed`.
  virtual void check(StreamId stream, std::uint64_t address, std::size_t words, std::uint64_t seed) = 0;
  /// Queues a wait for open_gate(), ten seconds at most.
  virtual void wait_for_gate(StreamId stream) = 0;
  /// Once, for good.
  virtual void open_gate() = 0;
  /// To be called when all queued work is done.
  [[nodiscard]] virtual Findings findings() = 0;
  /// Memory that weir does not know of.
  [[nodiscard]] virtual std::shared_ptr<void> memory(std::size_t bytes) = 0;

  /// Whether there are graphs; what follows is for devices that have them.
  [[nodiscard]] virtual bool graphs() const = 0;
  virtual void begin_capture(StreamId stream) = 0;
  virtual void end_capture(StreamId stream) = 0;
  virtual void launch_graph(StreamId stream) = 0;
};

/// For a device of that backend, "host", "cuda_fake" or "cuda".
[[nodiscard]] std::unique_ptr<Kernels> make_kernels(const std::string& backend, const Device& device);
[[nodiscard]] std::unique_ptr<Kernels> make_device_kernels(const Device& device);
[[nodiscard]] std::unique_ptr<Kernels> make_host_kernels(const std::string& backend, const Device& device);

}  // namespace weir::contents
