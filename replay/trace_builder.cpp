// See trace_builder.hpp.
#include "replay/trace_builder.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include <weir/errors.hpp>

namespace weir::replay {

namespace {

/// The number of one more, where there are `count` already.
std::uint32_t next_number(std::size_t count, std::string_view of) {
  constexpr auto max_count = std::numeric_limits<std::uint32_t>::max();
  if (count >= max_count) {
    throw ParseError("the trace has more than 2^32 - 1 " + std::string(of) + "; record a shorter part of the program");
  }
  return static_cast<std::uint32_t>(count);
}

}  // namespace

std::uint32_t TraceBuilder::stream_index(std::uint64_t stream) {
  const auto known = streams_.find(stream);
  if (known != streams_.end()) return known->second;
  const std::uint32_t next = next_number(streams_.size(), "streams");
  streams_.emplace(stream, next);
  trace_.stream_keys.push_back(stream);
  return next;
}

void TraceBuilder::at(std::string_view thread, std::optional<std::chrono::nanoseconds> time) {
  thread_ = thread;
  time_ = time;
}

std::uint32_t TraceBuilder::thread_index() {
  const auto known = threads_.find(thread_);
  if (known != threads_.end()) return known->second;
  return threads_.emplace(thread_, next_number(threads_.size(), "threads")).first->second;
}

void TraceBuilder::add(const TraceEvent& event) {
  trace_.events.push_back(event);
  has_times_ = has_times_ && time_.has_value();
  if (!has_times_) return;
  auto& times = trace_.times;
  times.push_back(times.empty() ? *time_ : std::max(*time_, times.back()));
}

std::uint32_t TraceBuilder::allocate(std::uint64_t bytes, std::uint64_t stream, const BlockOrigin& origin) {
  if (bytes > max_live_bytes - live_bytes_) {
    throw ParseError("more than 1 EiB would be live at once; a size in the trace is wrong");
  }
  const std::uint32_t block = next_number(live_.size(), "blocks");
  add({block, stream_index(stream), TraceEvent::Kind::allocate, thread_index()});
  trace_.block_bytes.push_back(bytes);
  trace_.origins.push_back(origin);
  live_.push_back(true);
  live_bytes_ += bytes;
  return block;
}

std::size_t TraceBuilder::free(std::uint32_t block, std::uint64_t stream) {
  if (block >= live_.size() || !live_[block]) {
    throw ParseError("the trace frees block " + std::to_string(block) + ", which is not live");
  }
  add({block, stream_index(stream), TraceEvent::Kind::free, thread_index()});
  live_[block] = false;
  live_bytes_ -= trace_.block_bytes[block];
  return trace_.events.size() - 1;
}

DeviceTrace TraceBuilder::finish() && {
  trace_.streams = static_cast<std::uint32_t>(streams_.size());
  trace_.threads = std::max(std::uint32_t{1}, static_cast<std::uint32_t>(threads_.size()));
  if (!has_times_) trace_.times = {};
  trace_.labels = std::move(labels_).take();
  return std::move(trace_);
}

}  // namespace weir::replay
