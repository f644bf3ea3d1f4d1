// A simulation's frames: a buffer that grows, downloads that overlap the next step.
#include <cstdio>
#include <vector>
#include <weir/weir.hpp>
using namespace weir::literals;
using namespace std::chrono_literals;

namespace {
// [step]
struct Vec3 {
  float x, y, z;
};

// Stands for a kernel: queued on the stream, run later.
void step(weir::Device& device, weir::DeviceSpan<Vec3> positions, weir::StreamId stream) {
  device.run(stream, [positions] {
    for (std::size_t i = 0; i < positions.size(); ++i) positions[i].x += 1;
  });
}
// [/step]
}  // namespace

int main() {
  // [frames]
  auto device = weir::open_device();
  weir::MemoryManager memory(device, {.pool = {.limit = 6_GiB}});

  const std::vector<Vec3> start(200'000);
  auto positions = memory.create<Vec3>("positions", start, weir::presets::positions);
  positions.ensure_capacity(250'000);  // contents kept

  const auto stream = device.stream();
  float last = 0;
  for (int frame = 0; frame < 5; ++frame) {
    step(device, positions.access(stream), stream);
    memory.start_download(positions, stream);  // a snapshot in stream order; does not block
    if (frame == 0) continue;
    const std::span<const Vec3> before = memory.wait_for_download(positions, 10s);  // of the frame before
    last = before.back().x;
  }
  std::printf("frame 4 of %zu particles: x = %g\n", positions.size(), static_cast<double>(last));
  // [/frames]

  // [report]
  const weir::Report report = memory.report();
  for (const weir::BufferStatistics& buffer : report.buffers) {
    std::printf(
        "%s: %zu of %zu %s, %.0f %% full, %llu resizes, %llu of them in place, %llu downloads\n", buffer.name.c_str(),
        buffer.size, buffer.capacity, buffer.type.substr(buffer.type.rfind(':') + 1).c_str(), 100 * buffer.fill(),
        static_cast<unsigned long long>(buffer.resizes), static_cast<unsigned long long>(buffer.resizes_in_place),
        static_cast<unsigned long long>(buffer.downloads));
  }
  // [/report]
  return last == 4 ? 0 : 1;
}
