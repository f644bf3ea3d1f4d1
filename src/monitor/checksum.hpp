// CRC-32 as zlib, PNG and gzip have it (polynomial 0xEDB88320, reflected, inverted at both
// ends), so that any language's library can check a recording.
#pragma once

#include <cstdint>
#include <span>

namespace weir::monitor {

/// `before`: the sum of what comes before these bytes.
[[nodiscard]] std::uint32_t checksum(std::span<const char> bytes, std::uint32_t before = 0) noexcept;

}  // namespace weir::monitor
