// Recordings: every event of a pool's memory, in a file or in a ring in memory, for
// `weir replay` and `weir convert`. A program switches one on by
// PoolOptions::record, a person by WEIR_RECORD=FILE. docs/recording-format.md has the
// format. Recording starts one thread for each file or ring, and nothing else does.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weir {

/// Where a pool's events are recorded. Pools that name one file, or one ring, share it.
struct RecordOptions {
  /// The recording's path; "%p" in it stands for the process's number. A file that is no recording is never
  /// overwritten; one that another process is recording to is left alone, and ".<process>" is added to the name.
  /// Empty: no file.
  std::string file = {};
  /// Keeps about so many bytes of the newest events in memory, for save_recording(); 0: no ring. 64 KiB at least. Not
  /// beside a file.
  std::uint64_t ring_bytes = 0;
};

/// One recording of this process.
struct RecordingStatus {
  std::string file;          ///< where it goes; empty for a ring
  std::uint64_t events = 0;  ///< recorded
  std::uint64_t lost = 0;    ///< events for which there was no room in time; the recording says where
  std::uint64_t bytes = 0;   ///< written, or in the ring
  std::string error;         ///< why it ended early; empty while it goes on. The program goes on in any case
};

/// Every recording that this process has begun. Thread-safe.
[[nodiscard]] std::vector<RecordingStatus> recordings();

/// Hands what has happened until now to the files, so that they can be read. Returns when it is written. Thread-safe.
void flush_recordings();

/// Writes what the ring has to a file: the newest events, and before them what was live when they begin. Throws
/// NotFound where this process has no ring, InvalidArgument and DriverError as a recording's file. Thread-safe.
void save_recording(const std::string& file);

}  // namespace weir
