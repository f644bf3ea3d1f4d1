// Tensors by shape and type: memory that comes back, scopes that tidy up, a network's buffers, work in chunks.
#include <cstdio>
#include <vector>
#include <weir/weir.hpp>
using namespace weir::literals;

int main() {
  // [acquire]
  weir::MemoryManager memory(weir::open_device(), {.name = "training", .pool = {.limit = 128_MiB}});
  weir::TensorPool tensors(memory);
  tensors.preallocate({{.shape = {64, 128}, .dtype = weir::DType::float32, .count = 4}});

  const weir::Tensor weights = tensors.acquire<float>({64, 128});
  memory.upload(weights.buffer<float>(), std::vector<float>(weights.shape().elements(), 0.5F));
  const auto values = weights.access<float>();  // for a kernel; here the host is the device
  std::printf("%s of %zu elements, %s\n", weir::name(weights.dtype()).data(), values.size(),
              weir::format_bytes(weights.bytes()).c_str());
  // [/acquire]
  // [tidy]
  const weir::Tensor sum = weir::tidy(tensors, [&] {
    const weir::Tensor doubled = tensors.acquire<float>({64, 128});  // released at the end of this call
    weir::Tensor result = tensors.acquire<float>({1});
    const auto from = weights.access<float>(), to = doubled.access<float>();
    const auto all = result.access<float>();
    memory.upload(result.buffer<float>(), std::vector<float>{0});
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = 2 * from[i];
    for (std::size_t i = 0; i < to.size(); ++i) all[0] += to[i];
    return result;  // what is returned stays
  });
  std::printf("the sum is %.0f; %llu tensors are live\n", static_cast<double>(memory.download(sum.buffer<float>())[0]),
              static_cast<unsigned long long>(tensors.statistics().live));
  // [/tidy]
  // [release]
  tensors.release(weights);
  try {
    tensors.release(weights);
  } catch (const weir::StaleHandle& error) {
    std::printf("%s\n", error.what());
  }
  for (const weir::ShapeStatistics& each : tensors.statistics().by_shape) {
    std::printf("%s%s: %llu acquired, %llu of them reused\n", weir::name(each.dtype).data(), each.shape.text().c_str(),
                static_cast<unsigned long long>(each.acquired), static_cast<unsigned long long>(each.reused));
  }
  // [/release]
  // [network]
  weir::NetworkBuffers network =
      weir::create_network_buffers(memory, {.input = 2, .hidden = 128, .output = 3, .batch = 64}, "policy/");
  network.set_batch(32);  // the same memory
  std::printf("%zu rewards, %s\n", network.rewards.size(), weir::format_bytes(network.bytes()).c_str());
  // [/network]
  // [chunks]
  const weir::ChunkedRun run =
      weir::process_in_chunks(10'000, {.chunk_items = 4000}, [&](const weir::ChunkRange& chunk) {
        const auto work = memory.scoped<std::byte>("work", chunk.count * 64_KiB);  // 4,000 do not fit
        // launch a kernel over items chunk.first to chunk.first + chunk.count
      });
  std::printf("%zu chunks of up to %zu items\n", run.chunks.size(), run.chunks.front().count);
  // [/chunks]
  return run.retries == 1 && tensors.statistics().live == 1 ? 0 : 1;
}
