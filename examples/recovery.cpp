// Going on when a device is lost: a state that is kept on the host after each step, a buffer that can be filled again,
// and a loop that recovers and continues. Nothing is lost here unless the device is.
#include <cstdio>
#include <vector>
#include <weir/weir.hpp>

namespace {

// Stands for a kernel.
void add_to_all(weir::MemoryManager& memory, const weir::BufferHandle<float>& values, const float amount) {
  std::vector<float> now = memory.download(values);
  for (float& each : now) each += amount;
  memory.upload(values, now);
}

}  // namespace

int main() {
  // [keep]
  weir::MemoryManager memory(weir::open_device());
  auto sums = memory.create<float>("sums", std::vector<float>(1000));
  auto table = memory.create<float>("table", std::vector<float>(1000, 2.0F));
  memory.on_restore(table, [&](const weir::AnyBuffer&, weir::StreamId stream) {
    memory.upload(table, std::vector<float>(1000, 2.0F), stream);
  });
  memory.keep_host_copy(sums);  // the state before the first step
  int steps = 0;
  // [/keep]

  // [go-on]
  while (steps < 3) {
    try {
      add_to_all(memory, sums, memory.download(table)[0]);
      memory.keep_host_copy(sums);
      ++steps;  // the kept state has this step
    } catch (const weir::DeviceLost&) {
      const weir::RecoveryReport report = memory.recover();
      if (report.attempts == 0) throw;  // no device was lost
      std::printf("%s: %llu buffers came back, %llu B are lost\n", report.device.c_str(),
                  static_cast<unsigned long long>(report.restored_buffers),
                  static_cast<unsigned long long>(report.lost_bytes));
    }
  }
  std::printf("after %d steps: %g\n", steps, double{memory.download(sums)[0]});
  // [/go-on]
  return memory.download(sums)[999] == 6 ? 0 : 1;
}
