// Events that need no table: a stream and a position in it, packed into one number. For backends that count each
// stream's work. Invariant: `none` is position 0, which every stream has reached. Called by the host and Vulkan.
#pragma once

#include "device/backend.hpp"

namespace weir::device {

/// Room for 2^40 items of a stream, and for 2^24 streams.
inline constexpr unsigned position_bits = 40;

[[nodiscard]] constexpr EventId event_at(StreamId stream, std::uint64_t position) noexcept {
  if (position == 0) return EventId::none;
  return static_cast<EventId>((std::uint64_t{static_cast<std::uint32_t>(stream)} << position_bits) | position);
}

[[nodiscard]] constexpr StreamId stream_of(EventId event) noexcept {
  return static_cast<StreamId>(static_cast<std::uint64_t>(event) >> position_bits);
}

[[nodiscard]] constexpr std::uint64_t position_of(EventId event) noexcept {
  return static_cast<std::uint64_t>(event) & ((std::uint64_t{1} << position_bits) - 1);
}

}  // namespace weir::device
