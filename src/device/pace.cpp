#include <weir/pace.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <mutex>

#include <weir/errors.hpp>
#include <weir/log.hpp>

#include "core/environment.hpp"
#include "core/stderr_log.hpp"
#include "device/pace_history.hpp"

namespace weir {
namespace {

constexpr std::size_t min_first = 4, max_history = 4096;

PaceOptions checked(PaceOptions options) {
  const auto require = [](bool holds, const std::string& what) {
    if (!holds) throw InvalidArgument("pace: " + what, {.name = "pace"});
  };
  require(std::isfinite(options.factor) && options.factor > 1,
          "the factor is " + std::to_string(options.factor) + "; it must be above 1");
  require(options.history >= min_first && options.history <= max_history,
          "the history is " + std::to_string(options.history) + " operations; 4 to 4096 can be remembered");
  require(options.min_history >= min_first && options.min_history <= options.history,
          "min_history is " + std::to_string(options.min_history) + "; it must be 4 to the history's " +
              std::to_string(options.history));
  require(options.min_operations != 0, "min_operations is 0; it must be 1 or more");
  if (options.log == nullptr) {
    if (const auto wished = core::environment().log) options.log = &core::stderr_log(*wished);
  }
  return options;
}

}  // namespace

class Pace::Streams {
 public:
  explicit Streams(const PaceOptions& options) : options_(checked(options)) {}

  std::optional<PaceChange> note(StreamId stream, double work, double seconds) {
    std::optional<PaceChange> found;
    {
      const std::lock_guard lock(mutex_);
      found = histories_.try_emplace(stream, options_).first->second.note(work, seconds);
      if (!found) return std::nullopt;
      found->stream = stream;
      for (const auto& [id, history] : histories_) {
        found->slow_streams += history.slow() ? 1 : 0;
        found->judged_streams += history.judged() ? 1 : 0;
      }
    }
    log(*found);
    return found;
  }
  bool slow(StreamId stream) {
    const std::lock_guard lock(mutex_);
    const auto found = histories_.find(stream);
    return found != histories_.end() && found->second.slow();
  }
  void forget(StreamId stream) {
    const std::lock_guard lock(mutex_);
    histories_.erase(stream);
  }

 private:
  void log(const PaceChange& change) const {
    const LogLevel level = change.slower ? LogLevel::warning : LogLevel::info;
    if (options_.log == nullptr || options_.log->level() > level) return;
    const std::string text = change.text();
    options_.log->write({.level = level,
                         .event = LogEvent::slow,
                         .pool = {},
                         .text = text,
                         .stream = static_cast<std::uint32_t>(change.stream)});
  }

  const PaceOptions options_;
  std::mutex mutex_;
  std::map<StreamId, device::PaceHistory> histories_;
};

Pace::Pace(const PaceOptions& options) : streams_(std::make_unique<Streams>(options)) {}
Pace::~Pace() = default;

std::optional<PaceChange> Pace::note(StreamId stream, double work, std::chrono::nanoseconds duration) {
  if (!std::isfinite(work) || work <= 0) {
    throw InvalidArgument("pace: an operation of " + std::to_string(work) + " units of work; it must be above 0",
                          {.name = "work"});
  }
  if (duration.count() < 0) throw InvalidArgument("pace: an operation took less than no time", {.name = "duration"});
  constexpr double tick = 1e-9;  // what took no time that a clock tells
  return streams_->note(stream, work, std::max(tick, std::chrono::duration<double>(duration).count()));
}

bool Pace::slow(StreamId stream) const { return streams_->slow(stream); }
void Pace::forget(StreamId stream) { streams_->forget(stream); }

std::string PaceChange::text() const {
  std::string text = "stream " + std::to_string(static_cast<std::uint32_t>(stream)) + " is ";
  char times[32];
  std::snprintf(times, sizeof times, "%.2g", factor);
  text += slower ? std::string(times) + " times slower than its own history" : std::string("as fast as before");
  text += " since operation " + std::to_string(since) + " (noticed at " + std::to_string(operation) + ")";
  if (slower && slow_streams > 1) {
    text += "; so are " + std::to_string(slow_streams - 1) + " of the other " + std::to_string(judged_streams - 1);
  }
  return text;
}

}  // namespace weir
