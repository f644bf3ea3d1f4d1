// What a pool knows of its own recording: that it begins with the pool and ends with it.
// Declared here so that a pool needs nothing above it; src/monitor defines it, where the
// recorder hangs on the pool's event tap. Called by the pool.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <weir/recording.hpp>
#include <weir/statistics.hpp>

#include "track/event_tap.hpp"

namespace weir::track {

/// What a recording says of a pool beside its events.
struct PoolFacts {
  std::string name;
  std::string device;
  std::string backend;
  std::string mode;
  std::uint64_t limit = 0;       ///< bytes
  std::uint64_t page_bytes = 0;  ///< 0 where memory comes in segments
  std::uint64_t granule_bytes = 0;
};

class Recording {
 public:
  Recording() = default;
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;
  virtual ~Recording() = default;

  /// The pool has ended, and `last` are its counts. Waits until its last events are written. Returns why the recording
  /// is not whole, or an empty text.
  virtual std::string end(const Statistics& last) noexcept = 0;
};

/// Begins to record a pool, where the options or WEIR_RECORD ask for it; else null. What `options` ask for and cannot
/// be done throws InvalidArgument or DriverError; what the environment asks for is told on stderr, and nothing is
/// recorded.
[[nodiscard]] std::unique_ptr<Recording> begin_recording(const std::shared_ptr<EventTap>& tap, const PoolFacts& facts,
                                                         const RecordOptions& options);

}  // namespace weir::track
