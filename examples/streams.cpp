// Streams: a free takes its place in the order of a stream, so nobody waits for it.
// On the host every stream is a thread of its own, so the order below is real.
#include <chrono>
#include <cstdio>
#include <thread>
#include <weir/weir.hpp>
using namespace weir::literals;

int main() {
  // [same]
  weir::Device device = weir::open_device();
  weir::Pool pool(device, {.name = "streams"});
  const weir::Stream compute = device.stream();

  auto* first = static_cast<int*>(pool.allocate(1_MiB, compute));
  device.run(compute, [first] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    first[0] = 1;
  });
  pool.deallocate(first, compute);  // returns at once; the work above still runs

  // The same stream may have the memory again at once: what it does next comes after that work.
  auto* second = static_cast<int*>(pool.allocate(1_MiB, compute));
  device.run(compute, [second] { second[0] = 2; });
  device.synchronize(compute);
  std::printf("the same memory: %s, its value: %d\n", second == first ? "yes" : "no", second[0]);
  // [/same]
  if (second[0] != 2) return 1;

  // [shared]
  const weir::Stream transfer = device.stream();
  pool.used_on(second, transfer);  // before the free: another stream reads the block too
  device.run(transfer, [second] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    std::printf("the transfer reads %d\n", second[0]);
  });
  pool.deallocate(second, compute);
  std::printf("waiting for the transfer: %s\n", weir::format_bytes(pool.statistics().pending).c_str());

  device.synchronize(transfer);
  pool.maintain();  // looks at what has finished, without waiting
  std::printf("after it: %s\n", weir::format_bytes(pool.statistics().pending).c_str());
  // [/shared]
  if (pool.statistics().pending != 0) return 1;

  // [pace]
  weir::Pace pace;
  for (int step = 1; step <= 80; ++step) {
    const std::chrono::milliseconds took(step <= 40 ? 2 : 9);  // as your device's time stamps say
    const double work = 1000;                                  // rows, cells: what the time grows with
    if (const auto change = pace.note(compute, work, took)) {
      std::printf("at step %d: %.1f times slower since step %d\n", static_cast<int>(change->operation), change->factor,
                  static_cast<int>(change->since));
    }
  }
  // [/pace]
  if (!pace.slow(compute)) return 1;

  // [other]
  const weir::Stream other = device.stream();
  void* elsewhere = pool.allocate(1_MiB, other);
  pool.deallocate(elsewhere, other);
  pool.retire(other);  // nothing more will be queued on it
  // [/other]
  return pool.check_leaks().blocks == 0 ? 0 : 1;
}
