// Columns of many rows in chunks: one scope, the same memory for every chunk.
#include <cstdio>
#include <span>
#include <vector>
#include <weir/weir.hpp>
using namespace weir::literals;

int main() {
  std::vector<float> heights(1'000'000);
  for (std::size_t i = 0; i < heights.size(); ++i) heights[i] = static_cast<float>(i % 100);
  // [chunks]
  weir::MemoryManager memory(weir::open_device(), {.name = "cloud", .pool = {.limit = 1_GiB}});
  const std::vector<weir::ScopeColumn> columns{weir::scope_column<float>("height"), weir::scope_column<float>("above")};
  weir::PoolingScope scope = memory.scope("features", 130'000, columns);
  std::size_t above = 0;
  for (const weir::ChunkRange& chunk : weir::chunks(heights.size(), 100'000)) {
    scope.begin_chunk(chunk.count);  // the same memory again
    memory.upload(scope.memory(), std::as_bytes(std::span(heights).subspan(chunk.first, chunk.count)),
                  weir::StreamId::legacy_default, {.offset = scope.offset("height")});
    const auto height = scope.access<float>("height");
    const auto result = scope.access<float>("above");  // a kernel of yours; here the host is the device
    for (std::size_t i = 0; i < chunk.count; ++i) result[i] = height[i] > 50 ? 1.0F : 0.0F;
    for (std::size_t i = 0; i < chunk.count; ++i) above += result[i] > 0 ? 1 : 0;
  }
  std::printf("%zu points above\n%s\n", above, scope.statistics().summary().c_str());
  // [/chunks]
  return above == 490'000 ? 0 : 1;
}
