// See rmm_csv.hpp.
#include "monitor/replay/rmm_csv.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "monitor/replay/csv.hpp"
#include "monitor/replay/excerpt.hpp"
#include "monitor/replay/trace_builder.hpp"

namespace weir::replay {

namespace {

class RmmLog {
 public:
  explicit RmmLog(std::string_view text)
      : csv_(text),
        action_(csv_.column("Action")),
        pointer_(csv_.column("Pointer")),
        size_(csv_.column("Size")),
        stream_(csv_.find_column("Stream")) {}

  Trace read() && {
    while (csv_.next_row()) row();
    if (builder_.empty()) csv_.fail("the log ends without one allocation");
    trace_.format = TraceFormat::rmm_csv;
    trace_.devices.push_back(std::move(builder_).finish());
    return std::move(trace_);
  }

 private:
  struct Live {
    std::uint32_t block = 0;
    std::size_t line = 0;
  };

  void row() {
    const std::string_view action = csv_.text(action_);
    const std::uint64_t pointer = csv_.address(pointer_);
    const std::uint64_t bytes = csv_.bytes(size_);
    const std::uint64_t stream = stream_ ? csv_.address(*stream_) : 0;
    if (action == "allocate") {
      allocate(pointer, bytes, stream);
    } else if (action == "free" || action == "deallocate") {
      free(pointer, bytes, stream);
    } else if (action == "allocate failure") {
      ++trace_.skipped;
    } else {
      csv_.fail("action " + excerpt(action) + " is none of allocate, free and allocate failure");
    }
  }

  void allocate(std::uint64_t pointer, std::uint64_t bytes, std::uint64_t stream) {
    if (bytes == 0) {
      empty_[pointer].push_back(builder_.allocate(0, stream));
      return;
    }
    const auto [live, added] = live_.try_emplace(pointer, Live{0, csv_.line()});
    if (!added) {
      csv_.fail("allocates at " + std::string(csv_.text(pointer_)) + ", which line " +
                std::to_string(live->second.line) +
                " allocated and nothing freed: a free is missing, or the log mixes devices");
    }
    live->second.block = builder_.allocate(bytes, stream);
  }

  void free(std::uint64_t pointer, std::uint64_t bytes, std::uint64_t stream) {
    const auto empty = bytes == 0 ? empty_.find(pointer) : empty_.end();
    const auto live = live_.find(pointer);
    if (empty != empty_.end()) {
      builder_.free(empty->second.back(), stream);
      empty->second.pop_back();
      if (empty->second.empty()) empty_.erase(empty);
    } else if (live != live_.end()) {
      builder_.free(live->second.block, stream);
      live_.erase(live);
    } else {
      ++trace_.skipped;
    }
  }

  CsvReader csv_;
  std::size_t action_;
  std::size_t pointer_;
  std::size_t size_;
  std::optional<std::size_t> stream_;
  Trace trace_;
  TraceBuilder builder_{0};
  std::unordered_map<std::uint64_t, Live> live_;
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> empty_;  // no entry without a block
};

}  // namespace

Trace read_rmm_csv(std::string_view text) { return RmmLog(text).read(); }

}  // namespace weir::replay
