// What spilling costs; prints one line of names and numbers; weir_bench runs it:
//   weir_bench_spill
// Work on a buffer of 16 MiB reads and writes it once, as a host function. The device's limit is 128 MiB. Of two
// managers one has a working set of 96 MiB, the other of 192 MiB; they run in turn, and the least of a few rounds
// counts.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include <weir/weir.hpp>

namespace {

using namespace weir::literals;
using Seconds = std::chrono::duration<double>;

constexpr std::uint64_t limit = 128_MiB;
constexpr std::size_t elements = 16_MiB / sizeof(float);

struct Set {
  Set(const weir::Device& device, std::size_t count)
      : memory(device, {.pool = {.limit = limit}, .transfers = {.spill_limit = 1_GiB}}) {
    const std::vector<float> ones(elements, 1.0F);
    for (std::size_t i = 0; i < count; ++i) buffers.push_back(memory.create<float>("b" + std::to_string(i), ones));
  }
  weir::MemoryManager memory;
  std::vector<weir::BufferHandle<float>> buffers;
};

/// The time of one use of each buffer, `repeats` times before the next. Of one use.
double seconds_a_use(Set& set, weir::Device& device, const weir::Stream& stream, int repeats) {
  const auto began = std::chrono::steady_clock::now();
  for (const auto& buffer : set.buffers) {
    for (int i = 0; i < repeats; ++i) {
      const auto use = buffer.use(stream);
      device.run(stream, [to = use.data()] {
        for (std::size_t at = 0; at < elements; ++at) to[at] = 0.5F * to[at] + 1.0F;
      });
    }
  }
  device.synchronize(stream);
  const Seconds took = std::chrono::steady_clock::now() - began;
  return took.count() / static_cast<double>(set.buffers.size() * static_cast<std::size_t>(repeats));
}

/// One copy of a buffer from the device to pinned memory.
double seconds_a_copy(Set& set, const weir::Stream& stream) {
  auto pinned = set.memory.pinned<float>(elements);
  const auto began = std::chrono::steady_clock::now();
  set.memory.download(set.buffers.front(), std::span<float>(pinned.begin(), pinned.end()), stream);
  return Seconds(std::chrono::steady_clock::now() - began).count();
}

int measure() {
  weir::Device device = weir::open_device({.backend = "host"});
  const weir::Stream stream = device.stream();
  Set fits(device, 6);
  Set spills(device, 12);
  double fitting = 1e9, spilling = 1e9, reused = 1e9, copy = 1e9, spills_a_use = 0;
  for (int round = 0; round < 6; ++round) {
    const double one = seconds_a_use(fits, device, stream, 4);
    const std::uint64_t before = spills.memory.statistics().transfers.spills;
    const double other = seconds_a_use(spills, device, stream, 1);
    const std::uint64_t moved = spills.memory.statistics().transfers.spills - before;
    const double third = seconds_a_use(spills, device, stream, 4);
    const double copied = seconds_a_copy(fits, stream);
    if (round == 0) continue;  // whose memory is touched for the first time
    fitting = std::min(fitting, one);
    spilling = std::min(spilling, other);
    reused = std::min(reused, third);
    copy = std::min(copy, copied);
    spills_a_use = static_cast<double>(moved) / static_cast<double>(spills.buffers.size());
  }
  if (fits.memory.statistics().transfers.spills != 0) {
    std::fprintf(stderr, "weir_bench_spill: what should fit was spilled\n");
    return 1;
  }
  std::printf(
      "fits_us %.6g spills_us %.6g ratio %.6g ratio_to_copies %.6g spills_a_use %.6g reused_us %.6g "
      "reused_ratio %.6g\n",
      fitting * 1e6, spilling * 1e6, spilling / fitting, spilling / (2 * copy), spills_a_use, reused * 1e6,
      reused / fitting);
  return 0;
}

}  // namespace

int main() {
  try {
    return measure();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "weir_bench_spill: %s\n", error.what());
    return 1;
  }
}
