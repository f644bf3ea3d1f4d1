#include "monitor/recorder.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <system_error>
#include <utility>

#include <weir/errors.hpp>

#include "monitor/quiet_thread.hpp"
#include "track/event_drain.hpp"
#include "track/ticks.hpp"

namespace weir::monitor {

namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t ring_events = 1U << 15;  // a thread's; 1.5 MB
constexpr std::chrono::nanoseconds nap = 20ms;
constexpr std::chrono::nanoseconds max_block_age = 200ms;
// A thread that allocates faster than a file is written waits for it rather than lose events.
constexpr std::chrono::nanoseconds patience = 20ms;

}  // namespace

/// What a pool has of its recording.
class Recorder::OfPool final : public track::Recording {
 public:
  OfPool(std::shared_ptr<Recorder> recorder, const Source& source) : recorder_(std::move(recorder)), source_(source) {}
  std::string end(const Statistics& last) noexcept override { return recorder_->end(source_, last); }

 private:
  const std::shared_ptr<Recorder> recorder_;
  const Source& source_;
};

Recorder::Recorder(std::unique_ptr<BlockSink> sink, bool aloud)
    : aloud_(aloud), wakeup_(std::make_shared<track::Wakeup>(patience)), sink_(std::move(sink)) {}

Recorder::~Recorder() { finish(); }

std::unique_ptr<track::Recording> Recorder::add(const std::shared_ptr<track::EventTap>& tap,
                                                const track::PoolFacts& facts) {
  const std::lock_guard lock(mutex_);
  if (finished_ || !error_.empty()) return nullptr;
  if (pools_ == UINT16_MAX) {
    throw Unsupported("a recording has at most 65535 pools; record this one elsewhere", {.name = facts.name});
  }
  auto source = std::make_unique<Source>();
  source->number = static_cast<std::uint16_t>(++pools_);
  source->tap = tap;
  source->reader = std::make_unique<track::EventReader>(std::vector{tap}, ring_events, wakeup_);
  tap->keep_namings();
  BlockWriter block;
  put_facts(block, facts);
  write(BlockKind::pool, source->number, block);
  if (!error_.empty()) throw DriverError(error_, {.name = sink_->path()});
  if (!thread_.joinable()) start();
  auto recording = std::make_unique<OfPool>(shared_from_this(), *source);
  sources_.push_back(std::move(source));
  return recording;
}

void Recorder::start() {
  try {
    thread_ = quiet_thread([this] { run(); });
  } catch (const std::system_error& error) {
    throw DriverError(std::string("a recording needs a thread: ") + error.what(),
                      {.name = sink_->path(), .native_code = error.code().value()});
  }
}

void Recorder::run() noexcept {
  while (!stop_.load()) {
    try {
      const std::lock_guard lock(mutex_);
      drain_all();
      const std::uint64_t now = track::steady_nanoseconds();
      for (const auto& source : sources_) {
        const std::uint64_t first = source->block.first_time();
        if (!source->block.empty() && first + static_cast<std::uint64_t>(max_block_age.count()) < now) {
          write_block(*source);
        }
      }
      if (!error_.empty()) {
        stop_reading({});
        return;
      }
    } catch (const std::exception& error) {
      const std::lock_guard lock(mutex_);
      stop_reading(error.what());
    }
    wakeup_->sleep(nap);
  }
}

// --- With the lock held ---

void Recorder::drain_all() {
  for (const auto& source : sources_) {
    if (source->reader) drain(*source);
  }
}

void Recorder::drain(Source& source) {
  BlockWriter& block = source.block;
  events_ += source.reader->drain_into(
      [&](const track::Event& event, const track::EventTap&) {
        if (block.full()) write_block(source);
        block.add(event);
      },
      [&](std::uint32_t tag, const std::string& name, std::uint64_t time) {
        std::string& known = source.names[tag];
        if (known == name) return;
        known = name;
        if (block.full()) write_block(source);
        block.add_name(tag, name, time);
      });
}

void Recorder::write_block(Source& source) {
  if (!source.block.empty()) write(BlockKind::events, source.number, source.block);
  source.block.begin();
}

void Recorder::write(BlockKind kind, std::uint16_t pool, BlockWriter& block) {
  if (!error_.empty()) return;
  std::string error = sink_->write(kind, pool, block.finish(kind, pool, blocks_));
  if (error.empty()) {
    ++blocks_;
  } else {
    error_ = std::move(error);
    if (aloud_) std::fprintf(stderr, "weir: %s; the program goes on without it\n", error_.c_str());
  }
}

// A reader must not end while it drains, so it is asked after.
void Recorder::stop_reading(std::string error) noexcept {
  if (error_.empty()) error_ = std::move(error);
  for (const auto& source : sources_) source->reader.reset();
}

// --- Ends ---

std::string Recorder::end(const Source& source, const Statistics& last) noexcept {
  const std::lock_guard lock(mutex_);
  const auto place =
      std::find_if(sources_.begin(), sources_.end(), [&](const auto& each) { return each.get() == &source; });
  if (place == sources_.end()) return error_;
  try {
    Source& mine = **place;
    if (mine.reader) {
      drain(mine);
      write_block(mine);
      lost_ += mine.reader->dropped();
      BlockWriter counts;
      counts.add_counts(counts_of(last, mine.reader->dropped(), mine.tap->namings_lost(), mine.reader->late()));
      write(BlockKind::pool_end, mine.number, counts);
    }
  } catch (const std::exception& error) {
    stop_reading(error.what());
  }
  sources_.erase(place);
  return error_;
}

void Recorder::flush() {
  const std::lock_guard lock(mutex_);
  drain_all();
  for (const auto& source : sources_) write_block(*source);
}

void Recorder::finish() noexcept {
  stop_ = true;
  wakeup_->wake();
  std::thread ending;
  {
    const std::lock_guard lock(mutex_);
    ending = std::move(thread_);
  }
  if (ending.joinable()) ending.join();
  const std::lock_guard lock(mutex_);
  if (std::exchange(finished_, true)) return;
  try {
    drain_all();
    for (const auto& source : sources_) {
      write_block(*source);
      if (source->reader) lost_ += source->reader->dropped();
    }
    BlockWriter end;
    write(BlockKind::file_end, 0, end);
  } catch (const std::exception& error) {
    stop_reading(error.what());
  }
  sources_.clear();
}

RecordingStatus Recorder::status() const {
  const std::lock_guard lock(mutex_);
  RecordingStatus known{
      .file = sink_->path(), .events = events_, .lost = lost_, .bytes = sink_->bytes(), .error = error_};
  for (const auto& source : sources_) {
    if (source->reader) known.lost += source->reader->dropped();
  }
  return known;
}

}  // namespace weir::monitor
