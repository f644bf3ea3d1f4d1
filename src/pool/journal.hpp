// Passes on what a pool's parts report: to the program's log at once, on the thread of the
// operation; to readers of the pool's events (track/event_tap.hpp) later. Nothing is logged
// where there is no log, nor where a pool ends that was handed over: the log may have ended
// with its owner then.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <weir/errors.hpp>
#include <weir/log.hpp>
#include <weir/stream.hpp>

#include "core/elsewhere.hpp"
#include "track/event_tap.hpp"

namespace weir::pool {

class Journal {
 public:
  /// The sink may be null; it outlives the pool. Events go to `events`; where that is null, to a tap of its own.
  Journal(std::string pool_name, LogSink* sink, std::shared_ptr<track::EventTap> events = {})
      : pool_(std::move(pool_name)),
        sink_(sink),
        level_(sink == nullptr ? LogLevel::error : sink->level()),
        events_(events ? std::move(events) : std::make_shared<track::EventTap>(pool_)) {}

  [[nodiscard]] const std::string& pool_name() const noexcept { return pool_; }
  [[nodiscard]] const std::shared_ptr<track::EventTap>& events() const noexcept { return events_; }
  [[nodiscard]] bool keeps(LogLevel level) const noexcept { return sink_ != nullptr && level >= level_; }

  void note(LogLevel level, LogEvent event, std::string_view text, std::uint64_t bytes = 0, std::uint64_t address = 0,
            StreamId stream = {}) const noexcept {
    if (event == LogEvent::refuse) tap(track::EventKind::refuse, bytes, stream);
    if (event == LogEvent::fallback) tap(track::EventKind::fall_back, bytes, stream);
    if (!keeps(level) || core::ends_elsewhere()) return;
    sink_->write({.level = level,
                  .event = event,
                  .pool = pool_,
                  .text = text,
                  .bytes = bytes,
                  .address = address,
                  .stream = static_cast<std::uint32_t>(stream)});
  }
  /// Something failed that the pool has another way for.
  void note_fallback(const Error& error, StreamId stream = {}) const noexcept {
    if (error.code() == ErrorCode::device_lost) saw_loss_.store(true, std::memory_order_relaxed);
    note(LogLevel::warning, LogEvent::fallback, error.message(), 0, 0, stream);
  }

  /// Whether something failed because the device was lost.
  [[nodiscard]] bool saw_loss() const noexcept { return saw_loss_.load(std::memory_order_relaxed); }

  /// The log's line of a block that was handed out or came back.
  void log(const track::Event& event, std::uint64_t address) const noexcept {
    const LogEvent what = event.kind == track::EventKind::free  ? LogEvent::free
                          : event.way == track::EventWay::cache ? LogEvent::reuse
                                                                : LogEvent::allocate;
    note(LogLevel::debug, what, {}, event.bytes, address, StreamId{event.stream});
  }

 private:
  void tap(track::EventKind kind, std::uint64_t bytes, StreamId stream) const noexcept {
    events_->note({.bytes = bytes, .stream = static_cast<std::uint32_t>(stream), .kind = kind});
  }

  const std::string pool_;
  LogSink* const sink_;
  const LogLevel level_;
  mutable std::atomic<bool> saw_loss_{false};
  const std::shared_ptr<track::EventTap> events_;  // which transfers and readers share
};

}  // namespace weir::pool
