// Small uploads from any memory. The driver would take the bytes along only where
// the memory is not pinned, and may then wait for the stream; so they go through
// pinned slots of weir's own, parts of slabs, as each pinned allocation costs the driver much. A slot serves again
// once its copy is done; one that a graph replays stays until the capture's end. Called by CudaBackend::write().
#pragma once

#include <cstddef>
#include <mutex>
#include <span>
#include <vector>

#include "backend/cuda/memory.hpp"
#include "backend/cuda/streams.hpp"

namespace weir::backend::cuda {

class Writes {
 public:
  Writes(const Context& context, Memory& memory, Streams& streams)
      : context_(context), memory_(memory), streams_(streams) {}
  Writes(const Writes&) = delete;
  Writes& operator=(const Writes&) = delete;
  ~Writes();

  void write(StreamId stream, device::Address to, std::span<const std::byte> bytes);
  /// The graph that a capture's stream was captured into is released.
  void end_capture(StreamId stream) noexcept;

 private:
  struct Slot {
    device::Address pinned = 0;
    device::EventId done = device::EventId::none;
    StreamId captured{};  // the capture whose graph reads it; 0 for none
  };

  [[nodiscard]] Slot take();
  [[nodiscard]] Slot new_slot();
  void put(const Slot& slot) noexcept;
  void put_back(const Slot& slot) noexcept;

  const Context& context_;
  Memory& memory_;
  Streams& streams_;
  std::mutex mutex_;
  std::vector<Slot> slots_;  // those that nobody has in hand; the oldest first
  std::vector<device::Address> slabs_;
  std::size_t made_ = 0;
};

}  // namespace weir::backend::cuda
