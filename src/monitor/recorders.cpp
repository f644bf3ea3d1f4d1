// All recorders of the process, one for each file and one for the ring: where a pool's
// wish to be recorded arrives (track/recording.hpp), and the functions of
// <weir/recording.hpp>. They live to the end of the process, so that pools that follow one
// another share a file; at its end what is left is written. A child of fork() has its own.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <weir/errors.hpp>
#include <weir/recording.hpp>

#include "core/environment.hpp"
#include "core/process.hpp"
#include "monitor/block_ring.hpp"
#include "monitor/recorder.hpp"
#include "monitor/recording_file.hpp"
#include "track/recording.hpp"

namespace weir {

namespace monitor {
namespace {

class Recorders {
 public:
  [[nodiscard]] std::shared_ptr<Recorder> to_file(const std::string& path, bool aloud) {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<Recorder>& recorder = files_[with_process(path)];
    if (!recorder) recorder = make(std::make_unique<RecordingFile>(path), aloud);
    return recorder;
  }
  [[nodiscard]] std::shared_ptr<Recorder> to_ring(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    if (!ring_) ring_ = make(std::make_unique<BlockRing>(bytes), false);
    ring_->with_sink([&](BlockSink& sink) { static_cast<BlockRing&>(sink).make_room(bytes); });
    return ring_;
  }
  [[nodiscard]] std::shared_ptr<Recorder> ring() const {
    const std::lock_guard lock(mutex_);
    return ring_;
  }
  [[nodiscard]] std::vector<std::shared_ptr<Recorder>> all() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<Recorder>> all;
    for (const auto& [path, recorder] : files_) {
      if (recorder) all.push_back(recorder);
    }
    if (ring_) all.push_back(ring_);
    return all;
  }
  /// Whether the environment's path is refused for the first time.
  [[nodiscard]] bool tell_refusal() {
    const std::lock_guard lock(mutex_);
    return !std::exchange(told_, true);
  }

 private:
  static std::shared_ptr<Recorder> make(std::unique_ptr<BlockSink> sink, bool aloud);

  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Recorder>> files_;  // by the path that was asked for
  std::shared_ptr<Recorder> ring_;
  bool told_ = false;
};

Recorders& recorders() { return core::one_a_process<Recorders>(); }

std::shared_ptr<Recorder> Recorders::make(std::unique_ptr<BlockSink> sink, bool aloud) {
  static const bool at_end = [] {
    return std::atexit([] {
             for (const auto& each : recorders().all()) each->finish();
           }) == 0;
  }();
  static_cast<void>(at_end);
  return std::make_shared<Recorder>(std::move(sink), aloud);
}

void check(const RecordOptions& options) {
  if (options.ring_bytes == 0) return;
  if (!options.file.empty()) {
    throw InvalidArgument("record: a file and ring_bytes are both set; leave one of them out", {.name = "record"});
  }
  if (options.ring_bytes < BlockRing::min_bytes) {
    throw InvalidArgument("record.ring_bytes is " + std::to_string(options.ring_bytes) + "; it must be 65536 at least",
                          {.name = "record.ring_bytes", .limit = BlockRing::min_bytes});
  }
}

}  // namespace
}  // namespace monitor

std::unique_ptr<track::Recording> track::begin_recording(const std::shared_ptr<EventTap>& tap, const PoolFacts& facts,
                                                         const RecordOptions& options) {
  using monitor::recorders;
  monitor::check(options);
  if (options.ring_bytes != 0) return recorders().to_ring(options.ring_bytes)->add(tap, facts);
  if (!options.file.empty()) return recorders().to_file(options.file, false)->add(tap, facts);
  const auto wished = core::environment().record;
  if (!wished) return nullptr;
  try {
    return recorders().to_file(*wished, true)->add(tap, facts);
  } catch (const std::exception& error) {
    if (recorders().tell_refusal()) {
      std::fprintf(stderr, "weir: WEIR_RECORD: %s; the program goes on, and nothing is recorded\n", error.what());
    }
    return nullptr;
  }
}

std::vector<RecordingStatus> recordings() {
  std::vector<RecordingStatus> all;
  for (const auto& each : monitor::recorders().all()) all.push_back(each->status());
  return all;
}

void flush_recordings() {
  for (const auto& each : monitor::recorders().all()) each->flush();
}

void save_recording(const std::string& file) {
  const auto ring = monitor::recorders().ring();
  if (!ring) {
    throw NotFound("save_recording: this process has no recording in memory; set PoolOptions::record.ring_bytes",
                   {.name = file});
  }
  ring->with_sink([&](monitor::BlockSink& sink) { static_cast<monitor::BlockRing&>(sink).save(file); });
}

}  // namespace weir
