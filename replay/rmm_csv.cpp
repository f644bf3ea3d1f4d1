// See rmm_csv.hpp.
#include "replay/rmm_csv.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include <weir/errors.hpp>

#include "files/excerpt.hpp"
#include "replay/csv.hpp"
#include "replay/trace_builder.hpp"

namespace weir::replay {

namespace {

constexpr std::chrono::hours day{24};
constexpr std::chrono::hours half_a_day{12};
constexpr std::chrono::hours max_days = 36'500 * day;  // a century: times that jump to and fro add up to no overflow

/// "HH:MM:SS.ffffff", or with a colon before the fraction as older logs have it; nothing for anything else.
std::optional<std::chrono::nanoseconds> read_time_of_day(std::string_view text) {
  constexpr std::array<std::uint64_t, 3> most{24, 60, 61};  // hours, minutes, seconds with one that leaps
  constexpr std::size_t max_digits = 9;                     // of the fraction: nanoseconds
  std::array<std::uint64_t, 3> parts{};
  const auto number = [&text](std::uint64_t& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const auto digits = static_cast<std::size_t>(end - text.data());
    text.remove_prefix(digits);
    return error == std::errc() && digits <= max_digits ? digits : 0;
  };
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i != 0) {
      if (!text.starts_with(':')) return std::nullopt;
      text.remove_prefix(1);
    }
    if (number(parts[i]) == 0 || parts[i] >= most[i]) return std::nullopt;
  }
  std::uint64_t fraction = 0;
  if (text.starts_with('.') || text.starts_with(':')) {
    text.remove_prefix(1);
    const std::size_t digits = number(fraction);
    if (digits == 0) return std::nullopt;
    for (std::size_t i = digits; i < max_digits; ++i) fraction *= 10;
  }
  if (!text.empty()) return std::nullopt;
  return std::chrono::hours(parts[0]) + std::chrono::minutes(parts[1]) + std::chrono::seconds(parts[2]) +
         std::chrono::nanoseconds(fraction);
}

class RmmLog {
 public:
  explicit RmmLog(CsvReader csv)
      : csv_(std::move(csv)),
        action_(csv_.column("Action")),
        pointer_(csv_.column("Pointer")),
        size_(csv_.column("Size")),
        stream_(csv_.find_column("Stream")),
        thread_(csv_.find_column("Thread")),
        time_(csv_.find_column("Time")) {}

  Trace read() && {
    while (csv_.next_row()) row();
    trace_.cut_lines = csv_.cut_lines();
    trace_.is_cut = csv_.is_cut();
    settle_missing_frees();
    if (builder_.empty()) {
      csv_.fail(trace_.is_cut ? "the log is cut before its first allocation; copy it again"
                              : "the log has no allocation");
    }
    trace_.format = TraceFormat::rmm_csv;
    trace_.devices.push_back(std::move(builder_).finish());
    return std::move(trace_);
  }

 private:
  struct Live {
    std::uint32_t block = 0;
    std::size_t line = 0;
    std::uint64_t bytes = 0;
    std::uint64_t stream = 0;
  };
  /// A block that ended because its pointer was allocated again; its free is still to be told.
  struct Ended {
    Live block;
    std::size_t line = 0;   ///< of the later allocation
    std::size_t event = 0;  ///< of its end
  };

  void row() {
    const std::string_view action = csv_.text(action_);
    const std::uint64_t pointer = csv_.address(pointer_);
    const std::uint64_t bytes = csv_.bytes(size_);
    const std::uint64_t stream = stream_ ? csv_.address(*stream_) : 0;
    builder_.at(thread_ ? csv_.text(*thread_) : std::string_view(), time_ ? time_of(csv_.text(*time_)) : std::nullopt);
    if (action == "allocate") {
      allocate(pointer, bytes, stream);
    } else if (action == "free" || action == "deallocate") {
      free(pointer, bytes, stream);
    } else if (action == "allocate failure") {
      ++trace_.failures;
    } else {
      csv_.fail("action " + files::excerpt(action) + " is not allocate, free or allocate failure");
    }
    if (thread_) last_line_.insert_or_assign(std::string(csv_.text(*thread_)), csv_.line());
  }

  /// The time of a row, as spdlog writes the time of day; one that is far before the row above is of the next day.
  std::optional<std::chrono::nanoseconds> time_of(std::string_view text) {
    const auto read = read_time_of_day(text);
    if (!read || days_ > max_days) return std::nullopt;
    auto time = *read + days_;
    if (last_ && time < *last_ - half_a_day) {
      time += day;
      days_ += day;
    }
    last_ = time;
    return time;
  }

  void allocate(std::uint64_t pointer, std::uint64_t bytes, std::uint64_t stream) {
    if (bytes == 0) {
      empty_[pointer].push_back(builder_.allocate(0, stream, {.address = pointer, .line = csv_.line()}));
      return;
    }
    const auto [live, added] = live_.try_emplace(pointer);
    if (!added) {
      const std::size_t event = builder_.free(live->second.block, live->second.stream);
      ended_[pointer].push_back({live->second, csv_.line(), event});
    }
    live->second = {builder_.allocate(bytes, stream, {.address = pointer, .line = csv_.line()}), csv_.line(), bytes,
                    stream};
  }

  void free(std::uint64_t pointer, std::uint64_t bytes, std::uint64_t stream) {
    const auto empty = bytes == 0 ? empty_.find(pointer) : empty_.end();
    const auto live = live_.find(pointer);
    if (empty != empty_.end()) {
      builder_.free(empty->second.back(), stream);
      empty->second.pop_back();
      if (empty->second.empty()) empty_.erase(empty);
    } else if (was_late(pointer, bytes, live == live_.end() ? nullptr : &live->second)) {
      ++trace_.late_frees;
    } else if (live != live_.end()) {
      builder_.free(live->second.block, stream);
      live_.erase(live);
    } else {
      ++trace_.unmatched_frees;
    }
  }

  /// Whether this free is that of a block that ended already, which is then forgotten. Its thread was between
  /// the free and the log when the pointer was allocated again, so it has told nothing since.
  bool was_late(std::uint64_t pointer, std::uint64_t bytes, const Live* live) {
    const auto ended = ended_.find(pointer);
    if (ended == ended_.end() || !thread_) return false;
    const auto last = last_line_.find(csv_.text(*thread_));
    const std::size_t before = last == last_line_.end() ? 0 : last->second;
    const auto found = std::find_if(ended->second.begin(), ended->second.end(), [&](const Ended& each) {
      const bool other_size = live != nullptr && each.block.bytes != bytes && live->bytes == bytes;
      return before < each.line && !other_size;
    });
    if (found == ended->second.end()) return false;
    builder_.reassign(found->event);
    ended->second.erase(found);
    if (ended->second.empty()) ended_.erase(ended);
    return true;
  }

  /// Blocks that ended without a free are refused; but behind the cut of a log there may be the next record of each
  /// thread, so that as many are taken for late as there are threads that told nothing since.
  void settle_missing_frees() {
    struct Missing {
      Ended ended;
      std::uint64_t pointer = 0;
    };
    std::vector<Missing> missing;
    for (const auto& [pointer, all] : ended_) {
      for (const Ended& each : all) missing.push_back({each, pointer});
    }
    std::sort(missing.begin(), missing.end(),
              [](const Missing& a, const Missing& b) { return a.ended.line < b.ended.line; });
    std::vector<std::size_t> last_lines;
    if (trace_.is_cut) {
      for (const auto& [thread, line] : last_line_) last_lines.push_back(line);
    }
    std::sort(last_lines.begin(), last_lines.end());
    // Threads that are silent since an early line are so since a later one, too: each block takes the next of them.
    for (std::size_t i = 0; i < missing.size(); ++i) {
      if (i >= last_lines.size() || last_lines[i] >= missing[i].ended.line)
        refuse(missing[i].ended, missing[i].pointer);
    }
    trace_.incomplete_blocks += missing.size();
  }

  [[noreturn]] static void refuse(const Ended& ended, std::uint64_t pointer) {
    char digits[16];
    const std::string_view hex(digits, std::to_chars(digits, digits + sizeof(digits), pointer, 16).ptr);
    throw ParseError("line " + std::to_string(ended.line) + ": allocates at 0x" + std::string(hex) + ", which line " +
                     std::to_string(ended.block.line) +
                     " allocated and no line freed: a free is missing, or the log mixes devices; replay each device's "
                     "log by itself");
  }

  CsvReader csv_;
  std::size_t action_;
  std::size_t pointer_;
  std::size_t size_;
  std::optional<std::size_t> stream_;
  std::optional<std::size_t> thread_;
  std::optional<std::size_t> time_;
  std::optional<std::chrono::nanoseconds> last_;  // of the rows' times
  std::chrono::hours days_{0};                    // that passed since the first row
  Trace trace_;
  TraceBuilder builder_{0};
  std::unordered_map<std::uint64_t, Live> live_;
  std::unordered_map<std::uint64_t, std::vector<Ended>> ended_;          // no entry without a block, oldest first
  std::map<std::string, std::size_t, std::less<>> last_line_;            // of each thread
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> empty_;  // no entry without a block
};

}  // namespace

Trace read_rmm_csv(CsvReader csv) { return RmmLog(std::move(csv)).read(); }

}  // namespace weir::replay
