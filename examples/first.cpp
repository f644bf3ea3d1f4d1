// The first allocation: the device, blocks by address and by handle, and what goes wrong.
// Parts of it are shown on the guide's first page.
#include <cstdint>
#include <cstdio>
#include <weir/weir.hpp>
using namespace weir::literals;

int main() {
  // [device]
  const weir::Device device = weir::open_device({.backend = "host"});
  const weir::DeviceInfo info = device.info();
  std::printf("%s (%s), pages of %s\n", info.name.c_str(), device.why().c_str(),
              weir::format_bytes(info.page_bytes).c_str());
  // [/device]

  // [pool]
  weir::Pool pool(device, {.name = "demo", .limit = 1_GiB});
  // [/pool]

  // [handles]
  const weir::BlockHandle handle = pool.acquire(4_KiB);
  const std::uint64_t address = pool.address(handle);
  pool.release(handle);
  try {
    pool.release(handle);
  } catch (const weir::StaleHandle& error) {
    std::printf("%s\n", error.what());
  }
  // [/handles]
  if (address % weir::Pool::granule != 0) return 1;

  // [empty]
  void* nothing = pool.allocate(0);  // nullptr, a valid empty block
  pool.deallocate(nothing);
  // [/empty]

  // [errors]
  try {
    (void)pool.allocate(2_GiB);
  } catch (const weir::LimitExceeded& error) {  // also a std::bad_alloc and a weir::Error
    std::printf("%s\n", error.what());
  }
  // [/errors]

  // [alignment]
  void* page = pool.allocate(3_MiB, weir::StreamId::legacy_default, {.alignment = 64_KiB});
  pool.deallocate(page);
  // [/alignment]
  return nothing == nullptr && pool.check_leaks().blocks == 0 ? 0 : 1;
}
