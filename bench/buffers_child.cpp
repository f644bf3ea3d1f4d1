// What buffers and transfers take, in a fresh process: prints one line of `name value`
// pairs, which `weir_bench buffers` sets against the bars. Peers run here too, in turn
// with what they are compared to: memcpy, the pool switched off, allocate + copy + free,
// the synchronous loop.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>
#include <weir/weir.hpp>

#include "resident.hpp"

namespace {

using weir::MemoryManager;
using weir::bench::resident_bytes;
using namespace weir::literals;

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

void print(const char* name, double value) { std::printf("%s %.9g ", name, value); }

double seconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The median of a few runs, after one that warms up.
double median_seconds(int runs, const std::function<void()>& work) {
  work();
  std::vector<double> times;
  for (int i = 0; i < runs; ++i) times.push_back(seconds(work));
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

MemoryManager open(weir::PoolMode mode = weir::PoolMode::automatic) {
  return MemoryManager(weir::open_device({.backend = "host", .capacity = {}}),
                       {.name = "bench", .pool = {.mode = mode, .limit = 6_GiB}});
}

// --- Creation ---

double create_thousand(weir::PoolMode mode) {
  MemoryManager memory = open(mode);
  std::vector<std::string> names;
  for (int i = 0; i < 1000; ++i) names.push_back("buffer " + std::to_string(i));
  double spent = 0;
  for (int round = 0; round < 5; ++round) {  // the first warms the pool, the last counts
    spent = seconds([&] {
      for (const std::string& name : names) memory.create<float>(name, kib);
    });
    memory.free_all();
  }
  return spent;
}

void creation() {
  const double pooled = create_thousand(weir::PoolMode::automatic);
  print("create_1000_ms", 1e3 * pooled);
  print("create_1000_less_percent", 100 * (1 - pooled / create_thousand(weir::PoolMode::off)));
  print("allocation_us", 1e6 * pooled / 1000);
}

// --- Resizing ---

void copying_resize() {
  MemoryManager memory = open(weir::PoolMode::segments);  // has no way to grow in place
  const auto resize = [&](std::size_t count) {
    return median_seconds(21, [&] {
      auto buffer = memory.scoped<float>("grows", count);
      buffer.ensure_capacity(2 * count);
    });
  };
  print("resize_small_us", 1e6 * resize(1000));
  MemoryManager timed = open(weir::PoolMode::segments);
  auto buffer = timed.scoped<float>("large", 1'000'000);
  print("resize_1m_ms", 1e3 * seconds([&] {
                          buffer.ensure_capacity(2'000'000);
                          weir::Device device = timed.device();
                          device.synchronize(weir::StreamId::legacy_default);
                        }));
}

/// A large buffer that is made and ends, again and again: it is an ordinary block of the pool.
void made_and_ended() {
  MemoryManager memory = open();
  const auto make = [&] { static_cast<void>(memory.scoped<char>("large", 64 * mib)); };
  make();
  constexpr int rounds = 2000;
  const auto calls = memory.statistics().pool.driver_calls;
  const double spent = seconds([&] {
    for (int i = 0; i < rounds; ++i) make();
  });
  print("large_made_us", 1e6 * spent / rounds);
  print("large_made_calls", static_cast<double>(memory.statistics().pool.driver_calls - calls));
}

/// Growth of `bytes`, which has grown before, by 102 MiB, in place; with how much became resident by it.
double grow(std::size_t bytes, double* resident = nullptr) {
  MemoryManager memory = open();
  auto buffer = memory.scoped<char>("grows", bytes, {.growth = 1.0, .max_bytes = 2_GiB});
  buffer.ensure_capacity(bytes + 2 * mib);  // it moves into a range of its own
  const double before = resident_bytes();
  const double spent = seconds([&] { buffer.ensure_capacity(bytes + 102 * mib); });
  if (resident != nullptr) *resident = resident_bytes() - before;
  return buffer.statistics().resizes_in_place == 1 ? spent : -1;
}

/// The first growth of 1 GiB that was written, by 102 MiB: it moves, by remapping.
double first_growth() {
  MemoryManager memory = open();
  auto buffer = memory.scoped<char>("grows", kib * mib, {.growth = 1.0, .max_bytes = 2_GiB});
  weir::Device device = memory.device();
  device.run({}, [address = buffer.access().data()] { std::memset(address, 1, kib * mib); });
  device.synchronize({});
  const double spent = seconds([&] { buffer.ensure_capacity((kib + 102) * mib); });
  return buffer.statistics().bytes_moved == 0 ? spent : -1;
}

/// What growing by 10 % is where a buffer cannot grow in place: of contents that were written.
double reallocate() {
  MemoryManager memory = open();
  weir::Device device = memory.device();
  const auto old_block = memory.pool().acquire(1_GiB);
  device.run({}, [address = memory.pool().address(old_block)] {
    std::memset(reinterpret_cast<void*>(address), 1, 1_GiB);  // NOLINT(performance-no-int-to-ptr)
  });
  device.synchronize({});
  return seconds([&] {
    const auto larger = memory.pool().acquire(1_GiB + 102 * mib);
    device.run({}, [to = memory.pool().address(larger), from = memory.pool().address(old_block)] {
      std::memcpy(reinterpret_cast<void*>(to), reinterpret_cast<void*>(from),
                  1_GiB);  // NOLINT(performance-no-int-to-ptr)
    });
    device.synchronize({});
    memory.pool().release(old_block);
    memory.pool().release(larger);
  });
}

void growth_in_place() {
  grow(256 * mib);
  double resident = 0;
  const double small = grow(256 * mib);
  const double large = grow(kib * mib, &resident);
  print("grow_1gib_us", 1e6 * large);
  print("grow_resident_mib", resident / mib);
  print("grow_1gib_to_256mib", large / small);
  const double copied = reallocate();
  print("grow_to_reallocation_ppm", 1e6 * large / copied);
  const double first = first_growth();
  print("first_growth_us", 1e6 * first);
  print("first_growth_to_reallocation", first / copied);
}

// --- Transfers ---

/// Copies of `bytes` through start_upload, sixteen under way at a time, to memcpy's rate in the same run.
double upload_rate(std::size_t bytes) {
  constexpr std::size_t copies = 16;
  MemoryManager memory = open();
  auto buffer = memory.scoped<char>("to", bytes * copies, {.max_bytes = 2_GiB});
  auto source = memory.pinned<char>(bytes * copies);
  std::vector<char> plain(bytes * copies);
  std::memset(source.data(), 1, source.size());
  const auto weir_copies = [&] {
    weir::Transfer last;
    for (std::size_t i = 0; i < copies; ++i) {
      last = memory.start_upload(buffer, std::span<const char>(source.data() + i * bytes, bytes),
                                 weir::StreamId::legacy_default, {.offset = i * bytes});
    }
    last.wait();
  };
  const auto plain_copies = [&] {
    for (std::size_t i = 0; i < copies; ++i) std::memcpy(plain.data() + i * bytes, source.data() + i * bytes, bytes);
  };
  weir_copies();
  plain_copies();
  std::vector<double> ratios;
  for (int i = 0; i < 11; ++i) {
    const double plain_time = seconds(plain_copies);
    ratios.push_back(plain_time / seconds(weir_copies));
  }
  std::sort(ratios.begin(), ratios.end());
  return ratios[ratios.size() / 2];
}

void transfers() {
  for (const std::size_t size : {1, 4, 16}) {
    print(("async_to_memcpy_" + std::to_string(size) + "mib").c_str(), upload_rate(size * mib));
  }
  MemoryManager memory = open();
  const std::vector<char> data(10'000'000, 'x');
  auto buffer = memory.scoped<char>("ten", data.size());
  print("upload_10mb_ms", 1e3 * median_seconds(5, [&] { memory.upload(buffer, data); }));
  print("upload_10x1mb_ms", 1e3 * median_seconds(5, [&] {
                              for (std::size_t i = 0; i < 10; ++i) {
                                memory.upload(buffer, std::span(data).subspan(i * 1'000'000, 1'000'000),
                                              weir::StreamId::legacy_default, {.offset = i * 1'000'000});
                              }
                            }));
  weir::BufferOptions options;
  options.downloads = true;
  auto frame = memory.scoped<char>("frame", mib, options);
  std::vector<double> starts;
  std::vector<double> waits;
  for (int i = 0; i < 51; ++i) {
    starts.push_back(seconds([&] { memory.start_download(frame); }));
    waits.push_back(seconds([&] { static_cast<void>(memory.wait_for_download(frame)); }));
  }
  std::sort(starts.begin(), starts.end());
  std::sort(waits.begin(), waits.end());
  print("async_start_us", 1e6 * starts[starts.size() / 2]);
  print("async_wait_ms", 1e3 * waits[waits.size() / 2]);
}

// --- Overlap ---

/// Frames of three stages of equal time: work on the device, the copy of its result, work of the host.
struct Stages {
  static constexpr int frames = 40;
  static constexpr std::size_t bytes = 32 * mib;
  MemoryManager memory = open();
  weir::Device device = memory.device();
  weir::Stream stream = device.stream();
  weir::Buffer<char> ping = memory.scoped<char>("ping", bytes, {.downloads = true});
  weir::Buffer<char> pong = memory.scoped<char>("pong", bytes, {.downloads = true});
  // As many of each as the overlapped way has, so that the caches see the same.
  weir::Pinned<char> results[2] = {memory.pinned<char>(bytes), memory.pinned<char>(bytes)};
  std::uint64_t steps = 0;  ///< of work that takes as long as the copy of a frame
  std::atomic<std::uint64_t> sink{0};

  Stages() {
    for (auto* each : {&ping, &pong}) memory.upload(*each, std::vector<char>(bytes, 'x'));
    int frame = 0;
    const double copy = median_seconds(9, [&] { download(frame++); });
    constexpr std::uint64_t trial = 10'000'000;
    steps = static_cast<std::uint64_t>(copy / median_seconds(9, [&] { work(trial); }) * double{trial});
  }
  /// Arithmetic only: what overlaps is then not bounded by the memory's bandwidth.
  void work(std::uint64_t count) {
    std::uint64_t state = 1;
    for (std::uint64_t i = 0; i < count; ++i) state = state * 6364136223846793005U + 1442695040888963407U;
    sink += state;
  }

  weir::Buffer<char>& buffer(int frame) { return frame % 2 == 0 ? ping : pong; }
  void compute(int frame) {
    device.run(stream, [to = buffer(frame).access(stream).data(), frame, this] {
      work(steps);
      *to = static_cast<char>(frame);
    });
  }
  void download(int frame) { memory.download(buffer(frame), std::span(results[frame % 2].data(), bytes), stream); }
  void consume(int number, const char* frame) {
    if (*frame != static_cast<char>(number)) throw std::runtime_error("a frame is not the one that was computed");
    work(steps);
  }

  double synchronous(bool with_host) {
    return seconds([&] {
      for (int frame = 0; frame < frames; ++frame) {
        compute(frame);
        download(frame);
        if (with_host) consume(frame, results[frame % 2].data());
      }
    });
  }
  double overlapped(bool with_host) {
    return seconds([&] {
      compute(0);
      memory.start_download(buffer(0), stream, {.snapshot = false});
      for (int frame = 1; frame <= frames; ++frame) {
        if (frame < frames) {
          compute(frame);
          memory.start_download(buffer(frame), stream, {.snapshot = false});
        }
        const auto done = memory.wait_for_download(buffer(frame - 1));
        if (with_host) consume(frame - 1, done.data());
      }
    });
  }
};

void overlap() {
  Stages stages;
  for (const bool with_host : {false, true}) {
    stages.synchronous(with_host);
    stages.overlapped(with_host);
    std::vector<double> ratios;
    for (int i = 0; i < 5; ++i) {
      const double one_by_one = stages.synchronous(with_host);
      ratios.push_back(one_by_one / stages.overlapped(with_host));
    }
    std::sort(ratios.begin(), ratios.end());
    print(with_host ? "overlap_3" : "overlap_2", ratios[ratios.size() / 2]);
  }
}

// --- Reports, refusals, overhead ---

void reports() {
  MemoryManager memory = open();
  std::mt19937_64 random(1);
  double requested = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::size_t count = 4 * kib + random() % (252 * kib);
    memory.create<char>("buffer " + std::to_string(i), count);
    requested += static_cast<double>(count);
  }
  print("overhead_percent", 100 * (static_cast<double>(memory.statistics().pool.reserved.live) / requested - 1));
  print("count_us", 1e6 * median_seconds(101, [&] { static_cast<void>(memory.check_leaks()); }));
  print("report_ms", 1e3 * median_seconds(11, [&] { static_cast<void>(memory.report()); }));
  print("validate_us", 1e6 * median_seconds(101, [&] { static_cast<void>(memory.find("buffer 7").validate(1, 2)); }));
  print("refusal_us", 1e6 * median_seconds(11, [&] {
                        try {
                          memory.create<char>("too much", 7_GiB, {.max_bytes = 8_GiB});
                        } catch (const weir::LimitExceeded&) {
                          return;
                        }
                        throw std::runtime_error("7 GiB were not refused");
                      }));
}

}  // namespace

int main() {
  try {
    creation();
    copying_resize();
    made_and_ended();
    growth_in_place();
    transfers();
    overlap();
    reports();
    std::puts("");
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "weir_bench_buffers: %s\n", error.what());
    return 1;
  }
}
