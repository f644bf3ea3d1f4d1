// What the buffers of one manager share, and may outlive it with: its name, whether it
// is still there, what it and they refused, and where that is logged. Counts are the
// manager's to add to its pool's. Thread-safe, without locks; with no log, or one that
// does not want the record, no text is made.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include <weir/errors.hpp>
#include <weir/log.hpp>
#include <weir/pool.hpp>
#include <weir/stream.hpp>

#include "track/event_tap.hpp"

namespace weir::detail {

/// How a buffer's capacity changed.
enum class Change : std::uint8_t { in_place, by_remapping, by_copy };

class ManagerLink {
 public:
  /// `log` outlives the manager; nullptr for silence. What is refused is told by `events`.
  ManagerLink(std::string manager, LogSink* log, std::shared_ptr<track::EventTap> events);

  [[nodiscard]] const std::string& manager() const noexcept { return manager_; }
  /// False once the manager has ended.
  [[nodiscard]] bool open() const noexcept { return open_.load(std::memory_order_acquire); }
  void close() noexcept { open_.store(false, std::memory_order_release); }

  /// Counts and logs a request that is refused above the pool, which counts its own; for a manager that has ended it
  /// does nothing. Gives the error, to be thrown.
  template <class Refusal>
  [[nodiscard]] Refusal refused(Refusal error) {
    note(error);
    return error;
  }
  void note(const Error& error) noexcept;
  /// Logs a change of capacity.
  void resized(const std::string& buffer, std::uint64_t before, std::uint64_t after, Change change,
               std::uint64_t address, StreamId stream) const noexcept;

  /// Logs that a buffer's contents moved to the host, or back.
  void spilled(const std::string& buffer, Tag tag, std::uint64_t bytes, bool back) const noexcept;

  /// Requests that memory or a limit refused.
  [[nodiscard]] std::uint64_t refusals() const noexcept { return refusals_.load(std::memory_order_relaxed); }
  /// All others: misuse that was caught.
  [[nodiscard]] std::uint64_t errors() const noexcept { return errors_.load(std::memory_order_relaxed); }

 private:
  [[nodiscard]] bool wants(LogLevel level) const noexcept { return log_ != nullptr && level >= level_; }

  const std::string manager_;
  LogSink* const log_;
  const LogLevel level_;
  const std::shared_ptr<track::EventTap> events_;
  std::atomic<bool> open_{true};
  std::atomic<std::uint64_t> refusals_{0};
  std::atomic<std::uint64_t> errors_{0};
};

}  // namespace weir::detail
