// See tightest.hpp.
#include "replay/tightest.hpp"

#include <algorithm>

#include "replay/device_replay.hpp"

namespace weir::replay {
namespace {

std::uint64_t peak_requested(const DeviceTrace& trace) {
  std::uint64_t live = 0;
  std::uint64_t peak = 0;
  for (const TraceEvent& event : trace.events) {
    const std::uint64_t bytes = trace.block_bytes[event.block];
    live = event.kind == TraceEvent::Kind::allocate ? live + bytes : live - bytes;
    peak = std::max(peak, live);
  }
  return peak;
}

bool completes(const DeviceTrace& trace, const ReplayOptions& options) {
  DeviceReplay replay(trace, options);
  for (std::uint32_t pass = 0; pass < options.passes; ++pass) {
    if (!replay.run_pass()) return false;
  }
  return true;
}

}  // namespace

void LeastSearch::run(std::uint64_t least, std::uint64_t guess, const Completes& completes, const Progress& progress) {
  constexpr std::uint64_t steps = 64;  // a guess that does not do is raised by one part of so many
  refused_ = least - 1;
  std::uint64_t tried = std::max(least, guess);
  while (!completes(tried)) tried += std::max<std::uint64_t>(1, tried / steps);
  enough_ = tried;
  bisect(completes, progress);
  // The one right below was refused; those a little further below may yet do.
  for (std::uint64_t i = 2; i <= pages_tried_below && enough_ >= least + i; ++i) {
    if (!completes(enough_ - i)) continue;
    enough_ -= i;
    refused_ = least - 1;
    bisect(completes, progress);
    i = 1;
  }
}

void LeastSearch::bisect(const Completes& completes, const Progress& progress) {
  while (enough_ - refused_ > 1) {
    if (progress) progress(refused_, enough_);
    const std::uint64_t middle = refused_ + (enough_ - refused_) / 2;
    (completes(middle) ? enough_ : refused_) = middle;
  }
}

Tightest find_tightest(const Trace& trace, const ReplayOptions& options, std::uint64_t enough,
                       const TightestProgress& progress) {
  Tightest found;
  for (const DeviceTrace& device : trace.devices) {
    ReplayOptions bounded = options;
    bounded.capacity = {};
    const std::uint64_t page = DeviceReplay(device, bounded).page_bytes();
    const auto pages = [page](std::uint64_t bytes) { return bytes / page + (bytes % page != 0 ? 1 : 0); };
    const auto try_one = [&](std::uint64_t limit) {
      bounded.capacity = limit * page;
      return completes(device, bounded);
    };
    const auto tell = [&](std::uint64_t refused, std::uint64_t fits) {
      if (progress) progress(refused * page, fits * page);
    };
    LeastSearch search;
    try {
      const std::uint64_t least = std::max<std::uint64_t>(1, pages(peak_requested(device)));
      if (!found.interrupted) search.run(least, pages(enough), try_one, tell);
    } catch (const Interrupted&) {
      found.interrupted = true;
    }
    const std::uint64_t limit = search.enough() == 0 ? enough : search.enough() * page;
    found.limit = std::max(found.limit, limit);
    found.all += limit;
    found.refused = std::max(found.refused, search.refused() * page);
  }
  return found;
}

}  // namespace weir::replay
