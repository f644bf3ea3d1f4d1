// Memory pressure: buffers that are spilled to the host while the device is full, and a program's own handler.
#include <cstdio>
#include <string>
#include <vector>
#include <weir/weir.hpp>
using namespace weir::literals;

int main() {
  // [spill]
  weir::MemoryManager memory(weir::open_device({.backend = "host"}),
                             {.pool = {.limit = 64_MiB}, .transfers = {.spill_limit = 256_MiB}});
  std::vector<weir::BufferHandle<float>> layers;
  for (int i = 0; i < 6; ++i) {  // 96 MiB in all
    layers.push_back(memory.create<float>("layer " + std::to_string(i), std::vector<float>(4'194'304, float(i))));
  }
  float sum = 0;
  for (const auto& layer : layers) {
    const auto use = layer.use();  // brings it back, and keeps it on the device while `use` lives
    sum += memory.download(layer, weir::StreamId::legacy_default, {.offset = 4'194'303})[0];
  }
  const auto moved = memory.statistics().transfers;
  const auto text = [](std::uint64_t bytes) { return weir::format_bytes(bytes); };
  std::printf("sum %g; to the host: %s in %d buffers, back: %s, there now: %s\n", sum,
              text(moved.bytes_spilled).c_str(), int(moved.spills), text(moved.bytes_returned).c_str(),
              text(moved.spilled).c_str());
  // [/spill]
  if (sum != 15 || moved.spilled != 32_MiB) return 1;

  // [handler]
  weir::Pool pool(weir::open_device({.backend = "host"}), {.name = "textures", .limit = 64_MiB});
  std::vector<void*> cached{pool.allocate(30_MiB), pool.allocate(30_MiB)};
  const weir::PressureRegistration handler = pool.on_pressure([&](const weir::MemoryPressure& pressure) {
    if (cached.empty()) return false;  // nothing more to give
    std::printf("%s are missing: a texture goes\n", weir::format_bytes(pressure.bytes).c_str());
    pool.deallocate(cached.back());
    cached.pop_back();
    return true;
  });
  void* block = pool.allocate(20_MiB);
  // [/handler]
  pool.deallocate(block);
  if (cached.size() != 1) return 1;
  for (void* each : cached) pool.deallocate(each);
  return 0;
}
