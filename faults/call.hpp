// The calls of the backend contract, as what stands before a backend sees them. Used by the forwarding backend and by
// what is made of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <weir/stream.hpp>

namespace weir::faults {

enum class CallKind : std::uint8_t {
  reserve,
  unreserve,
  create,
  destroy,
  map,
  unmap,
  allocate_segment,
  free_segment,
  allocate_pinned,
  free_pinned,
  create_stream,
  destroy_stream,
  record,
  query,
  wait,
  stream_wait,
  release,
  fill,
  copy,
  upload,
  download,
  write,
  run,
  copy_from,
  foreign_work,  ///< kernels of the program's own go to a stream past the backend
};
inline constexpr std::size_t call_kinds = static_cast<std::size_t>(CallKind::foreign_work) + 1;

/// The name of the function, as the contract has it.
[[nodiscard]] std::string_view name(CallKind kind) noexcept;
/// Whether the call takes memory from the driver.
[[nodiscard]] bool takes_memory(CallKind kind) noexcept;
/// Whether the call queues work that a stream computes or copies: an operation of the stream.
[[nodiscard]] bool submits(CallKind kind) noexcept;

/// A call that may throw.
struct Call {
  CallKind kind;
  std::optional<StreamId> stream = {};  ///< whose order it is in, where there is one
};

}  // namespace weir::faults
