// What an event costs the thread that it happens to: hits with nobody reading and with a
// reader, in turns of a millisecond in one process, and what handing one out costs the
// reader. By the thread's own time, as the machine may be shared. Started by
// `weir_bench tracking`, or by hand; prints one line of `name value` pairs.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <vector>
#include <weir/weir.hpp>

#include "pairs.hpp"
#include "pool/access.hpp"
#include "track/event_reader.hpp"

namespace {

constexpr int turns = 301;
constexpr std::uint32_t capacity = 1U << 16;  // more than a turn's events

using bench::clock_ns;
using bench::median;

void measure(const char* name, std::size_t blocks) {
  weir::Pool pool(weir::open_device({.backend = "host", .capacity = {}}));
  bench::Pairs work(pool, blocks);
  std::vector<double> off, on, difference, drains;
  std::uint64_t read = 0, dropped = 0;
  for (int turn = -10; turn < turns; ++turn) {
    const double without = work.timed_turn();
    weir::track::EventReader reader({weir::pool::Access::events(pool)}, capacity);
    const double with = work.timed_turn();
    const double began = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    std::uint64_t bytes = 0;
    const std::uint64_t count =
        reader.drain([&](const weir::track::Event& event, const weir::track::EventTap&) { bytes += event.bytes; });
    const double drained =
        (clock_ns(CLOCK_THREAD_CPUTIME_ID) - began) / static_cast<double>(std::max<std::uint64_t>(count, 1));
    if (turn < 0 || bytes == 0) continue;
    off.push_back(without);
    on.push_back(with);
    difference.push_back(with - without);
    drains.push_back(drained);
    read += count;
    dropped += reader.dropped();
  }
  const weir::Statistics seen = pool.statistics();
  std::printf("%s_off_ns %.9g %s_on_ns %.9g %s_event_ns %.9g %s_drain_ns %.9g %s_hit_rate %.9g %s_dropped %.9g ", name,
              median(off), name, median(on), name, median(difference), name, median(drains), name, seen.hit_rate(),
              name, static_cast<double>(dropped) / static_cast<double>(read + dropped));
}

}  // namespace

int main() try {
  measure("lifo_1", 1);
  measure("random_1000", 1000);
  std::printf("\n");
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "weir_bench_events: %s\n", error.what());
  return 1;
}
