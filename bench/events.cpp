// What an event costs the thread that it happens to: hits with nobody reading and with a
// reader, in turns of a millisecond in one process, and what handing one out costs the
// reader. By the thread's own time, as the machine may be shared. Started by
// `weir_bench tracking`, or by hand; prints one line of `name value` pairs.
#include <ctime>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <random>
#include <vector>
#include <weir/weir.hpp>

#include "pool/access.hpp"
#include "track/event_reader.hpp"

namespace {

constexpr int turns = 301;
constexpr std::uint64_t pairs = 20'000;
constexpr std::uint32_t capacity = 1U << 16;  // more than a turn's events

double thread_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return 1e9 * static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec);
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Replaces one of some blocks each time: of one, as a stack would; of many, at random.
class Work {
 public:
  Work(weir::Pool& pool, std::size_t count) : pool_(pool), blocks_(count), sizes_(1024), order_(1024) {
    std::mt19937_64 dice(1);
    for (auto& size : sizes_) size = count == 1 ? 1000 : 512 * (dice() % 16 + 1);
    for (auto& index : order_) index = dice() % count;
    for (auto& block : blocks_) block = pool_.allocate(1000);
  }
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  ~Work() {
    for (void* block : blocks_) pool_.deallocate(block);
  }
  /// Nanoseconds an operation, of which a pair has two.
  double turn() {
    const double began = thread_ns();
    for (std::uint64_t i = 0; i < pairs; ++i) {
      void*& block = blocks_[order_[i % order_.size()]];
      pool_.deallocate(block);
      block = pool_.allocate(sizes_[i % sizes_.size()]);
    }
    return (thread_ns() - began) / (2 * pairs);
  }

 private:
  weir::Pool& pool_;
  std::vector<void*> blocks_;
  std::vector<std::size_t> sizes_;
  std::vector<std::size_t> order_;
};

void measure(const char* name, std::size_t blocks) {
  weir::Pool pool(weir::open_device({.backend = "host", .capacity = {}}));
  Work work(pool, blocks);
  std::vector<double> off, on, difference, drains;
  std::uint64_t read = 0, dropped = 0;
  for (int turn = -10; turn < turns; ++turn) {
    const double without = work.turn();
    weir::track::EventReader reader({weir::pool::Access::events(pool)}, capacity);
    const double with = work.turn();
    const double began = thread_ns();
    std::uint64_t bytes = 0;
    const std::uint64_t count =
        reader.drain([&](const weir::track::Event& event, const weir::track::EventTap&) { bytes += event.bytes; });
    const double drained = (thread_ns() - began) / static_cast<double>(std::max<std::uint64_t>(count, 1));
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
