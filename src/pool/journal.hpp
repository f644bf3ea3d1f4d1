// What a pool's parts tell the log that the program gave: nothing where there is none, nor
// where a pool ends that was handed over, for then the log may have ended with its owner.
#pragma once

#include <string>
#include <string_view>

#include <weir/errors.hpp>
#include <weir/log.hpp>
#include <weir/stream.hpp>

#include "core/elsewhere.hpp"

namespace weir::pool {

class Journal {
 public:
  /// The sink may be null; it outlives the pool.
  Journal(std::string pool_name, LogSink* sink)
      : pool_(std::move(pool_name)), sink_(sink), level_(sink == nullptr ? LogLevel::error : sink->level()) {}

  [[nodiscard]] const std::string& pool_name() const noexcept { return pool_; }
  [[nodiscard]] bool keeps(LogLevel level) const noexcept { return sink_ != nullptr && level >= level_; }

  void note(LogLevel level, LogEvent event, std::string_view text, std::uint64_t bytes = 0, std::uint64_t address = 0,
            StreamId stream = {}) const noexcept {
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
    note(LogLevel::warning, LogEvent::fallback, error.message(), 0, 0, stream);
  }

 private:
  const std::string pool_;
  LogSink* const sink_;
  const LogLevel level_;
};

}  // namespace weir::pool
