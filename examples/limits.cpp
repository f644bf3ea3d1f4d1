// Limits and trimming: what bounds a pool, how it gives memory back, and when.
#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>
#include <weir/weir.hpp>
using namespace weir::literals;

int main() {
  // [limit]
  weir::Pool pool(weir::open_device({.backend = "dry", .capacity = 8_GiB}), {.name = "limited", .limit = 64_MiB});
  const weir::Tag images = pool.tag("images");
  std::vector<void*> blocks;
  while (auto block = pool.try_allocate(10_MiB, weir::StreamId::legacy_default, {.tag = images})) {
    blocks.push_back(*block);
  }
  std::printf("%zu blocks fitted\n", blocks.size());
  try {
    (void)pool.allocate(10_MiB);
  } catch (const weir::LimitExceeded& error) {
    std::printf("%s\n", error.what());
    std::printf("asked %s, free %s\n", weir::format_bytes(*error.facts().bytes_asked).c_str(),
                weir::format_bytes(*error.facts().free).c_str());
  }
  // [/limit]
  if (blocks.size() != 6) return 1;

  // [trim]
  for (void* block : blocks) pool.deallocate(block);
  const auto held = [&] { return weir::format_bytes(pool.statistics().reserved.live); };
  std::printf("all freed, still reserved: %s\n", held().c_str());
  pool.trim(20_MiB);
  std::printf("trimmed to 20 MiB: %s\n", held().c_str());
  pool.trim();
  std::printf("trimmed: %s\n", held().c_str());
  // [/trim]
  if (pool.statistics().reserved.live != 0) return 1;

  // [soft]
  weir::Device shared = weir::open_device({.backend = "dry", .capacity = 100_MiB});
  weir::Pool mine(shared, {.name = "mine", .limit = 80_MiB, .leave_free = 20_MiB});
  const auto soft_limit = [&] { return weir::format_bytes(mine.statistics().soft_limit.value_or(0)); };
  void* first = mine.allocate(8_MiB);
  std::printf("soft limit: %s\n", soft_limit().c_str());
  weir::Pool theirs(shared, {.name = "theirs"});  // as another program would
  void* taken = theirs.allocate(40_MiB);
  std::this_thread::sleep_for(std::chrono::milliseconds(150));
  mine.maintain();
  std::printf("after another program took 40 MiB: %s\n", soft_limit().c_str());
  // [/soft]
  if (mine.statistics().soft_limit != 40_MiB) return 1;
  mine.deallocate(first);
  theirs.deallocate(taken);

  // [external]
  {
    const weir::ExternalBytes booked = pool.book_external(60_MiB);
    std::printf("10 MiB beside 60 MiB of another library: %s\n",
                pool.try_allocate(10_MiB).has_value() ? "fits" : "refused");
  }
  // [/external]

  // [ageing]
  weir::PoolOptions options;
  options.name = "ageing";
  options.idle_age = std::chrono::milliseconds(1);  // default: 30 s
  options.keep_free = 4_MiB;                        // default: 0
  weir::Pool ageing(weir::open_device({.backend = "dry"}), options);
  ageing.deallocate(ageing.allocate(32_MiB));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  ageing.maintain();
  std::printf("after maintain(): %s\n", weir::format_bytes(ageing.statistics().reserved.live).c_str());
  // [/ageing]

  // [off]
  weir::Pool unpooled(weir::open_device(), {.name = "unpooled", .mode = weir::PoolMode::off});
  // [/off]
  unpooled.deallocate(unpooled.allocate(1_MiB));
  return unpooled.statistics().reserved.live == 0 ? 0 : 1;
}
