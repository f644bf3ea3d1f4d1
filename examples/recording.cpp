// Recordings: every event of a pool's memory in a file, and the newest of them in memory.
#include <cstdio>
#include <weir/weir.hpp>

int main() {
  {
    // [file]
    weir::MemoryManager memory(weir::open_device({.backend = "host"}), {.pool = {.record = {.file = "scene.weir"}}});
    // [/file]
    const auto positions = memory.create<float>("positions", 100'000);
  }

  // [ring]
  weir::Pool pool(weir::open_device({.backend = "host"}), {.record = {.ring_bytes = 16 << 20}});
  try {
    for (int i = 0; i < 1000; ++i) pool.deallocate(pool.allocate(4096));
    throw weir::Timeout("step 1000 takes too long");
  } catch (const weir::Error& error) {
    std::fprintf(stderr, "%s\n", error.message().c_str());
    weir::save_recording("before-the-error.weir");
  }
  // [/ring]

  // [status]
  for (const weir::RecordingStatus& each : weir::recordings()) {
    std::printf("%s: %llu events, %llu lost\n", each.file.c_str(), static_cast<unsigned long long>(each.events),
                static_cast<unsigned long long>(each.lost));
  }
  // [/status]
  const auto all = weir::recordings();
  const bool recorded = all.size() == 2 && all[0].events > 1 && all[1].events > 2000;
  std::remove("scene.weir");
  std::remove("before-the-error.weir");
  return recorded ? 0 : 1;
}
