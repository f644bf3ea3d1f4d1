#include "buffers.hpp"

#include <fmt/format.h>

#include "figures.hpp"
#include "hot.hpp"

namespace bench {

BuffersReport run_buffers(unsigned rounds) {
  Series series;
  for (unsigned round = 0; round < rounds; ++round) {
    series.rounds.push_back(run_for_numbers(sibling("weir_bench_buffers"), {}));
  }
  using Bar = Figure::Bar;
  const auto figure = [&](const char* what, const char* name, Bar bar = Bar::none, double limit = 0) {
    return Figure{what, series.values(name), bar, limit};
  };
  const std::vector<Figure> figures{
      figure("1,000 named buffers of 4 KiB from a warm pool, ms", "create_1000_ms", Bar::at_most, 1),
      figure("  less time than with the pool off, percent", "create_1000_less_percent", Bar::at_least, 70),
      figure("  one of them, us (earlier: 100)", "allocation_us", Bar::at_most, 100),
      figure("copying resize of 1,000 elements, us (earlier: 500)", "resize_small_us", Bar::at_most, 500),
      figure("copying resize of 1,000,000 elements, ms (earlier: 5)", "resize_1m_ms", Bar::at_most, 5),
      figure("64 MiB made and ended in turn, us", "large_made_us", Bar::at_most, 1),
      figure("  driver calls of 2,000 such", "large_made_calls", Bar::at_most, 0),
      figure("first growth of 1 GiB by 10 %, by remapping, us", "first_growth_us"),
      figure("  time / of allocate + copy + free", "first_growth_to_reallocation", Bar::at_most, 0.1),
      figure("growth of 1 GiB by 10 % in place, us", "grow_1gib_us"),
      figure("  memory that became resident, MiB", "grow_resident_mib", Bar::at_most, 1),
      figure("  time / of the same growth of 256 MiB", "grow_1gib_to_256mib", Bar::at_most, 2),
      figure("  time / of allocate + copy + free, millionths", "grow_to_reallocation_ppm", Bar::at_most, 100'000),
      figure("asynchronous uploads of 1 MiB / memcpy, rate", "async_to_memcpy_1mib", Bar::at_least, 0.9),
      figure("asynchronous uploads of 4 MiB / memcpy, rate", "async_to_memcpy_4mib", Bar::at_least, 0.9),
      figure("asynchronous uploads of 16 MiB / memcpy, rate", "async_to_memcpy_16mib", Bar::at_least, 0.9),
      figure("overlap of two equal stages / one after the other", "overlap_2", Bar::at_least, 1.8),
      figure("overlap of three equal stages / one after the other", "overlap_3"),
      figure("upload of 10 MB, ms (earlier: 1000)", "upload_10mb_ms", Bar::at_most, 1000),
      figure("uploads of 10 x 1 MB, ms (earlier: 2000)", "upload_10x1mb_ms", Bar::at_most, 2000),
      figure("start of a download, us (earlier: 50)", "async_start_us", Bar::at_most, 50),
      figure("wait for a download of 1 MiB, ms (earlier: 2)", "async_wait_ms", Bar::at_most, 2),
      figure("validation of a window, us (earlier: 1000)", "validate_us", Bar::at_most, 1000),
      figure("refusal of 7 GiB of 6, us (earlier: 1000)", "refusal_us", Bar::at_most, 1000),
      figure("memory overhead of 1,000 buffers, percent (earlier: 10)", "overhead_percent", Bar::at_most, 10),
      figure("count of leaks at 1,000 buffers, us", "count_us", Bar::at_most, 10),
      figure("full report at 1,000 buffers, ms", "report_ms", Bar::at_most, 1),
  };
  BuffersReport report;
  report.text = fmt::format("{} rounds, each a fresh process; ratios are taken within a round.\n\n", rounds) +
                figures_text(figures);
  report.rows = figures_json(figures);
  report.raw = series.rounds;
  return report;
}

}  // namespace bench
