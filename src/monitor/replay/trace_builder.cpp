// See trace_builder.hpp.
#include "monitor/replay/trace_builder.hpp"

#include <limits>
#include <string>
#include <utility>

#include <weir/errors.hpp>

namespace weir::replay {

std::uint32_t TraceBuilder::stream_index(std::uint64_t stream) {
  const auto next = static_cast<std::uint32_t>(streams_.size());
  const auto [known, added] = streams_.try_emplace(stream, next);
  if (added) trace_.stream_keys.push_back(stream);
  return known->second;
}

std::uint32_t TraceBuilder::allocate(std::uint64_t bytes, std::uint64_t stream, const BlockOrigin& origin) {
  if (bytes > max_live_bytes - live_bytes_) {
    throw ParseError("more than 1 EiB would be live at once; a size in the trace must be wrong");
  }
  if (live_.size() == std::numeric_limits<std::uint32_t>::max()) {
    throw ParseError("the trace has more than 2^32 - 1 blocks");
  }
  const auto block = static_cast<std::uint32_t>(live_.size());
  const TraceEvent event{block, stream_index(stream), TraceEvent::Kind::allocate};
  trace_.events.push_back(event);
  trace_.block_bytes.push_back(bytes);
  trace_.origins.push_back(origin);
  live_.push_back(true);
  live_bytes_ += bytes;
  return block;
}

void TraceBuilder::free(std::uint32_t block, std::uint64_t stream) {
  if (block >= live_.size() || !live_[block]) {
    throw ParseError("the trace frees block " + std::to_string(block) + ", which is not live");
  }
  trace_.events.push_back({block, stream_index(stream), TraceEvent::Kind::free});
  live_[block] = false;
  live_bytes_ -= trace_.block_bytes[block];
}

DeviceTrace TraceBuilder::finish() && {
  trace_.streams = static_cast<std::uint32_t>(streams_.size());
  trace_.labels = std::move(labels_).take();
  return std::move(trace_);
}

}  // namespace weir::replay
