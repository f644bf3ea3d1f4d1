// The errors of the guide's troubleshooting page, one after the other: each is provoked,
// caught by its type and printed. Fails if one does not come.
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <thread>
#include <weir/weir.hpp>
using namespace weir::literals;

namespace {

int missing = 0;

/// Runs what must fail with the error of that code.
void expect(weir::ErrorCode code, const std::function<void()>& what) {
  try {
    what();
  } catch (const weir::Error& error) {
    if (error.code() == code) {
      std::printf("%s: %s\n", std::string(weir::name(code)).c_str(), error.message().c_str());
      return;
    }
  }
  std::printf("%s did not come\n", std::string(weir::name(code)).c_str());
  ++missing;
}

}  // namespace

int main() {
  using weir::ErrorCode;
  weir::Device device = weir::open_device();
  weir::Pool pool(device, {.name = "demo", .limit = 64_MiB});
  weir::Pool full(weir::open_device({.backend = "dry", .capacity = 16_MiB}), {.name = "full"});
  auto* block = static_cast<char*>(pool.allocate(4_KiB));
  void* most = full.allocate(14_MiB, weir::StreamId::legacy_default, {.tag = full.tag("weights")});

  expect(ErrorCode::invalid_argument, [&] { pool.deallocate(block + 512); });
  expect(ErrorCode::invalid_argument, [&] { full.deallocate(block); });
  expect(ErrorCode::invalid_argument, [&] {
    pool.deallocate(block);
    pool.deallocate(block);
  });
  expect(ErrorCode::invalid_argument,
         [&] { (void)pool.allocate(1_KiB, weir::StreamId::legacy_default, {.alignment = 3}); });
  expect(ErrorCode::stale_handle, [&] {
    const weir::BlockHandle handle = pool.acquire(1_KiB);
    pool.release(handle);
    (void)pool.address(handle);
  });
  expect(ErrorCode::limit_exceeded, [&] { (void)pool.allocate(1_GiB); });
  expect(ErrorCode::limit_exceeded, [&] { auto booked = pool.book_external(65_MiB); });
  expect(ErrorCode::out_of_memory, [&] { (void)full.allocate(8_MiB); });
  expect(ErrorCode::not_found, [] { (void)weir::open_device({.backend = "cuda"}); });
  expect(ErrorCode::invalid_argument, [] { (void)weir::open_device({.backend = "host", .capacity = 1_GiB}); });
  expect(ErrorCode::timeout, [&] {
    weir::Stream slow = device.stream();
    device.run(slow, [] { std::this_thread::sleep_for(std::chrono::milliseconds(50)); });
    device.synchronize(slow, std::chrono::milliseconds(1));
  });
  full.deallocate(most);
  return missing;
}
