// The patterns as host functions: Device::run's on the host, and the fake driver's own on that one, whose functions
// stay as long as this lives, since a graph calls them again.
#include <atomic>
#include <chrono>
#include <cstring>
#include <deque>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "cuda/kernels.hpp"
#include "open_backend.hpp"

namespace weir::contents {
namespace {

using namespace std::chrono_literals;

class HostKernels : public Kernels {
 public:
  explicit HostKernels(const Device& device) : device_(device) {}

  void fill(StreamId stream, std::uint64_t address, std::size_t words, std::uint64_t seed) override {
    queue(stream, [=] {
      take_a_while();
      for (std::size_t i = 0; i < words; ++i) {
        const std::uint64_t word = pattern_word(seed, i);
        std::memcpy(reinterpret_cast<void*>(address + 8 * i), &word, 8);
      }
    });
  }
  void check(StreamId stream, std::uint64_t address, std::size_t words, std::uint64_t seed) override {
    queue(stream, [=, this] {
      take_a_while();
      std::uint64_t wrong = 0;
      for (std::size_t i = 0; i < words; ++i) {
        const std::uint64_t word = pattern_word(seed, i);
        wrong += std::memcmp(reinterpret_cast<const void*>(address + 8 * i), &word, 8) != 0;
      }
      checked_ += words;
      wrong_ += wrong;
    });
  }
  void wait_for_gate(StreamId stream) override {
    queue(stream, [this] {
      const auto end = std::chrono::steady_clock::now() + 10s;
      while (!open_ && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(100us);
      if (!open_) ++gates_missed_;
    });
  }
  void open_gate() override { open_ = true; }
  Findings findings() override { return {checked_, wrong_, gates_missed_}; }
  std::shared_ptr<void> memory(std::size_t bytes) override {
    auto taken = std::make_shared<std::vector<std::byte>>(bytes);
    return {taken, taken->data()};
  }

  bool graphs() const override { return false; }
  void begin_capture(StreamId) override { throw std::logic_error("the host has no graphs"); }
  void end_capture(StreamId) override { throw std::logic_error("the host has no graphs"); }
  void launch_graph(StreamId) override { throw std::logic_error("the host has no graphs"); }

 protected:
  virtual void queue(StreamId stream, std::function<void()> work) { device_.run(stream, std::move(work)); }
  Device device_;

 private:
  static void take_a_while() { std::this_thread::sleep_for(50us); }

  std::atomic<std::uint64_t> checked_{0};
  std::atomic<std::uint64_t> wrong_{0};
  std::atomic<std::uint64_t> gates_missed_{0};
  std::atomic<bool> open_{false};
};

class FakeDriversKernels final : public HostKernels {
 public:
  using HostKernels::HostKernels;

  bool graphs() const override { return true; }
  void begin_capture(StreamId stream) override { shared_fake().begin_capture(native(stream)); }
  void end_capture(StreamId stream) override { graph_ = shared_fake().end_capture(native(stream)); }
  void launch_graph(StreamId stream) override { shared_fake().launch(graph_, native(stream)); }

 private:
  [[nodiscard]] CUstream native(StreamId stream) const {
    return reinterpret_cast<CUstream>(device_.native_stream(stream));  // NOLINT(performance-no-int-to-ptr)
  }
  void queue(StreamId stream, std::function<void()> work) override {
    std::function<void()>* kept = nullptr;
    {
      const std::lock_guard lock(mutex_);
      kept = &works_.emplace_back(std::move(work));
    }
    const CUhostFn call = [](void* function) { (*static_cast<std::function<void()>*>(function))(); };
    const backend::cuda::Current current(fake_context());
    if (const CUresult code = fake_cuda::Fake::table().launch_host(native(stream), call, kept); code != CUDA_SUCCESS) {
      throw std::runtime_error("the fake driver refused work with code " + std::to_string(code));
    }
  }

  std::mutex mutex_;
  std::deque<std::function<void()>> works_;
  fake_cuda::Graph graph_;
};

}  // namespace

std::unique_ptr<Kernels> make_host_kernels(const std::string& backend, const Device& device) {
  if (backend == cuda_fake) return std::make_unique<FakeDriversKernels>(device);
  return std::make_unique<HostKernels>(device);
}

std::unique_ptr<Kernels> make_kernels(const std::string& backend, const Device& device) {
  return backend == "cuda" ? make_device_kernels(device) : make_host_kernels(backend, device);
}

}  // namespace weir::contents
