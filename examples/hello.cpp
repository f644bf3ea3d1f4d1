// The smallest program: a pool, a block, and what is left of it. The README shows it whole.

#include <cstdio>
#include <weir/weir.hpp>
using namespace weir::literals;

int main() {
  weir::Pool pool(weir::open_device(), {.name = "demo", .limit = 1_GiB});
  void* block = pool.allocate(24_MiB);  // device memory; the host's, where there is no GPU
  pool.deallocate(block);               // kept for the next request
  std::printf("%s reserved\n", weir::format_bytes(pool.statistics().reserved.live).c_str());
}
