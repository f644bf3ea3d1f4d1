// Builds one DeviceTrace and keeps its invariant: blocks are allocated once and
// freed at most once after that, streams are numbered by first appearance, and
// live bytes stay far enough below 2^64 that readers of a trace may sum and
// round them without checks. Every reader and the generator write through it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "replay/text_table.hpp"
#include "replay/trace.hpp"

namespace weir::replay {

/// The most bytes a trace may have live at once, and so the largest block: 1 EiB.
inline constexpr std::uint64_t max_live_bytes = std::uint64_t{1} << 60;

class TraceBuilder {
 public:
  explicit TraceBuilder(std::uint32_t device) { trace_.device = device; }

  /// Room for this many events in all; a hint.
  void reserve(std::size_t events) { trace_.events.reserve(events); }

  /// The number of a label, for BlockOrigin; see TextTable.
  std::uint32_t label(std::string_view text) { return labels_.number(text); }

  /// What follows is done by this thread, under the recorder's own name, and at this time of the recorder's clock;
  /// times that fall count as standing still. Without a call there is one thread; a trace keeps its times only where
  /// every event has one. Throws ParseError above 2^32 - 1 threads.
  void at(std::string_view thread, std::optional<std::chrono::nanoseconds> time);

  /// Gives an event to the thread that at() named last, for logs that tell late who freed a block.
  void reassign(std::size_t event) { trace_.events[event].thread = thread_index(); }

  /// Adds a block allocated now and returns its index. `stream` is the
  /// recorder's own key. Throws ParseError above max_live_bytes, and above 2^32 - 1 blocks or streams.
  std::uint32_t allocate(std::uint64_t bytes, std::uint64_t stream, const BlockOrigin& origin = {});

  /// Ends a block's life now and returns the event's index. Throws ParseError unless the block is live.
  std::size_t free(std::uint32_t block, std::uint64_t stream);

  [[nodiscard]] bool empty() const noexcept { return trace_.events.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return trace_.events.size(); }
  [[nodiscard]] std::uint64_t live_bytes() const noexcept { return live_bytes_; }

  /// The finished trace; the builder is spent.
  [[nodiscard]] DeviceTrace finish() &&;

 private:
  std::uint32_t stream_index(std::uint64_t stream);
  std::uint32_t thread_index();
  void add(const TraceEvent& event);

  DeviceTrace trace_;
  std::vector<bool> live_;
  std::unordered_map<std::uint64_t, std::uint32_t> streams_;
  TextTable labels_;
  std::uint64_t live_bytes_ = 0;
  std::map<std::string, std::uint32_t, std::less<>> threads_;
  std::string thread_;
  std::optional<std::chrono::nanoseconds> time_;
  bool has_times_ = true;  // so far
};

}  // namespace weir::replay
