// Takes the events of pools and writes them, block by block, to a file or a ring in memory.
// It has one thread, which the program or WEIR_RECORD asked for: it sleeps until a ring of a
// tap is half full, 20 ms at most. Where blocks cannot be written any more, it lets go of the
// taps and says why; the program goes on. Invariant: events of one pool are in order, and a
// block that was begun is written after a fifth of a second at the latest.
//
// Thread-safe. Its lock is held while it writes: a pool that begins or ends waits for that,
// and allocations do not, but for one whose ring is full.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include <weir/recording.hpp>

#include "monitor/block_sink.hpp"
#include "monitor/block_writer.hpp"
#include "track/event_reader.hpp"
#include "track/recording.hpp"

namespace weir::monitor {

class Recorder : public std::enable_shared_from_this<Recorder> {
 public:
  /// `aloud`: that it ended early is told on stderr.
  Recorder(std::unique_ptr<BlockSink> sink, bool aloud);
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;
  ~Recorder();

  /// Records this pool too. Null where the recording has ended. Throws InvalidArgument where the tap has a reader,
  /// DriverError where there is no thread.
  [[nodiscard]] std::unique_ptr<track::Recording> add(const std::shared_ptr<track::EventTap>& tap,
                                                      const track::PoolFacts& facts);
  /// Writes what has happened until now.
  void flush();
  /// The last of it: writes all that there is, and the end. The taps are free then.
  void finish() noexcept;
  [[nodiscard]] RecordingStatus status() const;
  /// Calls `use(sink)` with all written that has happened, under the lock.
  template <class Use>
  void with_sink(Use use) {
    flush();
    const std::lock_guard lock(mutex_);
    use(*sink_);
  }

 private:
  class OfPool;
  struct Source {
    std::uint16_t number = 0;
    std::shared_ptr<track::EventTap> tap;
    std::unique_ptr<track::EventReader> reader;
    BlockWriter block;
    std::unordered_map<std::uint32_t, std::string> names;
  };

  [[nodiscard]] std::string end(const Source& source, const Statistics& last) noexcept;
  void start();
  void run() noexcept;
  void drain(Source& source);
  void drain_all();
  void write_block(Source& source);
  void write(BlockKind kind, std::uint16_t pool, BlockWriter& block);
  void stop_reading(std::string error) noexcept;

  const bool aloud_;
  const std::shared_ptr<track::Wakeup> wakeup_;
  std::atomic<bool> stop_{false};

  mutable std::mutex mutex_;  // all below
  std::unique_ptr<BlockSink> sink_;
  std::vector<std::unique_ptr<Source>> sources_;
  std::uint32_t blocks_ = 0;
  std::uint32_t pools_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t lost_ = 0;  // of pools that have ended
  std::string error_;
  bool finished_ = false;
  std::thread thread_;
};

}  // namespace weir::monitor
