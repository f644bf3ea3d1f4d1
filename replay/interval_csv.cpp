// See interval_csv.hpp.
#include "replay/interval_csv.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "replay/csv.hpp"
#include "replay/trace_builder.hpp"

namespace weir::replay {

namespace {

/// One end of a row's interval. Sorted stably by time, and frees first at equal times.
struct End {
  std::int64_t time = 0;
  std::size_t row = 0;
  bool begins = false;

  [[nodiscard]] bool operator<(const End& other) const {
    return time != other.time ? time < other.time : begins < other.begins;
  }
};

}  // namespace

Trace read_interval_csv(CsvReader csv) {
  const std::size_t lower = csv.column("lower");
  const std::size_t upper = csv.column("upper");
  const std::size_t size = csv.column("size");

  const auto id = csv.find_column("id");

  constexpr std::uint64_t only_stream = 0;
  TraceBuilder builder(0);
  std::vector<std::uint64_t> bytes;
  std::vector<BlockOrigin> origins;
  std::vector<End> ends;
  while (csv.next_row()) {
    const std::int64_t from = csv.integer(lower);
    const std::int64_t to = csv.integer(upper);
    if (from >= to) {
      csv.fail("lower is " + std::to_string(from) + " and upper " + std::to_string(to) +
               "; lower must be less than upper");
    }
    ends.push_back({from, bytes.size(), true});
    ends.push_back({to, bytes.size(), false});
    bytes.push_back(csv.bytes(size));
    origins.push_back({.line = csv.line(), .label = id ? builder.label(csv.text(*id)) : 0});
  }
  if (bytes.empty()) {
    csv.fail(csv.is_cut() ? "the file is cut in its first row; copy it again" : "no row follows the header");
  }
  std::stable_sort(ends.begin(), ends.end());

  builder.reserve(ends.size());
  std::vector<std::uint32_t> blocks(bytes.size());
  for (const End& end : ends) {
    if (end.begins) {
      blocks[end.row] = builder.allocate(bytes[end.row], only_stream, origins[end.row]);
    } else {
      builder.free(blocks[end.row], only_stream);
    }
  }
  Trace trace;
  trace.format = TraceFormat::interval_csv;
  trace.cut_lines = csv.cut_lines();
  trace.is_cut = csv.is_cut();
  trace.devices.push_back(std::move(builder).finish());
  return trace;
}

}  // namespace weir::replay
