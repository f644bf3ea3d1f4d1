// Reading the numbers: statistics, live blocks, leaks and the log.
#include <cstdio>
#include <string>
#include <weir/weir.hpp>
using namespace weir::literals;

namespace {

// [sink]
/// Prints what the pool has to say. Must be thread-safe and must not throw.
class Printer : public weir::LogSink {
 public:
  void write(const weir::LogRecord& record) noexcept override {
    std::printf("[%s] %s: %.*s %llu B\n", std::string(weir::name(record.level)).c_str(),
                std::string(weir::name(record.event)).c_str(), static_cast<int>(record.text.size()), record.text.data(),
                static_cast<unsigned long long>(record.bytes));
  }
};
// [/sink]

void print(const char* name, std::uint64_t bytes) {
  std::printf("%-16s %12s\n", name, weir::format_bytes(bytes).c_str());
}

}  // namespace

int main() {
  Printer printer;
  // [statistics]
  weir::Pool pool(weir::open_device({.backend = "dry"}), {.name = "numbers", .call_sites = true, .log = &printer});
  void* large = pool.allocate(5_MiB + 100, weir::StreamId::legacy_default, {.tag = pool.tag("weights")});
  void* small = pool.allocate(1000);
  pool.deallocate(small);

  const weir::Statistics now = pool.statistics();
  print("requested", now.requested.live);
  print("allocated", now.allocated.live);
  print("reserved", now.reserved.live);
  print("  live", now.live);
  print("  cached", now.cached);
  print("  pending", now.pending);
  print("  mapped_free", now.mapped_free);
  print("  held", now.held);
  // [/statistics]
  // [latencies]
  const auto show = [](const char* what, const weir::LatencySummary& times) {
    std::printf("%-8s %3llu times, p50 %lld ns, p99 %lld ns, longest %lld ns, mean %lld ns\n", what,
                static_cast<unsigned long long>(times.count), static_cast<long long>(times.p50.count()),
                static_cast<long long>(times.p99.count()), static_cast<long long>(times.max.count()),
                static_cast<long long>(times.mean.count()));
  };
  show("growth", now.growth_latency);
  show("mapping", now.mapping_latency);
  show("waits", now.wait_latency);
  // [/latencies]
  if (now.live + now.cached + now.pending + now.mapped_free + now.held != now.reserved.live) return 1;

  // [leaks]
  const weir::LeakCount count = pool.check_leaks();  // counts only, cheap enough for every frame
  std::printf("%llu live, %llu B\n", static_cast<unsigned long long>(count.blocks),
              static_cast<unsigned long long>(count.bytes));
  for (const weir::LiveBlock& block : pool.live_blocks()) {  // largest first; stops other threads for a moment
    const std::size_t folder = block.call_site.rfind('/');
    std::printf("%llu B, owner %s, from %s\n", static_cast<unsigned long long>(block.requested), block.tag.c_str(),
                block.call_site.substr(folder + 1).c_str());
  }
  // [/leaks]
  if (count.blocks != 1 || count.bytes != 5_MiB + 100) return 1;
  pool.deallocate(large);
  return 0;
}
