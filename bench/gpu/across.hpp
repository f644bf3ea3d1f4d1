// The bench of blocks that two streams use, apart from the allocator: the streams of a thread, the work on a block, and
// the threads that repeat it. Streams and threads are there before the clock starts. Included by streams.cu and
// torch_peer.cpp.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "measure.hpp"

namespace weir::bench::gpu {

inline constexpr std::size_t across_bytes = std::size_t{2} << 20;

/// Two streams of one thread, and an event between them. The streams are not owned, but for those of own_streams(),
/// which live as long as the program.
class TwoStreams {
 public:
  TwoStreams(cudaStream_t first, cudaStream_t second) : first_(first), second_(second) {
    check(cudaEventCreateWithFlags(&between_, cudaEventDisableTiming), "cudaEventCreate");
  }
  TwoStreams(TwoStreams&& other) noexcept
      : first_(other.first_), second_(other.second_), between_(std::exchange(other.between_, nullptr)) {}
  TwoStreams& operator=(TwoStreams&&) = delete;
  ~TwoStreams() {
    if (between_ != nullptr) cudaEventDestroy(between_);
  }

  /// Writes the block on the first stream, then on the second.
  void work(void* block) const {
    check(cudaMemsetAsync(block, 1, across_bytes, first_), "cudaMemsetAsync");
    check(cudaEventRecord(between_, first_), "cudaEventRecord");
    check(cudaStreamWaitEvent(second_, between_, 0), "cudaStreamWaitEvent");
    for (int i = 0; i < 4; ++i) check(cudaMemsetAsync(block, i, across_bytes, second_), "cudaMemsetAsync");
  }
  void synchronize() const {
    check(cudaStreamSynchronize(first_), "cudaStreamSynchronize");
    check(cudaStreamSynchronize(second_), "cudaStreamSynchronize");
  }
  [[nodiscard]] cudaStream_t first() const { return first_; }
  [[nodiscard]] cudaStream_t second() const { return second_; }

 private:
  cudaStream_t first_;
  cudaStream_t second_;
  cudaEvent_t between_ = nullptr;
};

inline std::vector<TwoStreams> own_streams(std::size_t threads) {
  const auto made = [] {
    cudaStream_t stream = nullptr;
    check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate");
    return stream;
  };
  std::vector<TwoStreams> all;
  for (std::size_t i = 0; i < threads; ++i) all.emplace_back(made(), made());
  return all;
}

/// One round by all threads at a time, `blocks` blocks each; nanoseconds for a block, from the start until all work is
/// done.
template <class Block>
double across_round(const std::vector<TwoStreams>& streams, const Block& block, int blocks) {
  std::atomic<std::size_t> ready{0};
  std::atomic<bool> go{false};
  std::atomic<bool> bad{false};
  std::vector<std::thread> crew;
  for (std::size_t thread = 0; thread < streams.size(); ++thread) {
    crew.emplace_back([&, thread] {
      try {
        for (int i = 0; i < 50; ++i) block(thread, streams[thread]);
        streams[thread].synchronize();
        ++ready;
        while (!go) std::this_thread::yield();
        for (int i = 0; i < blocks; ++i) block(thread, streams[thread]);
        streams[thread].synchronize();
      } catch (const std::exception& error) {
        std::fprintf(stderr, "a thread failed: %s\n", error.what());
        bad = true;
        ++ready;
      }
    });
  }
  while (ready != streams.size()) std::this_thread::yield();
  const double start = seconds();
  go = true;
  for (std::thread& each : crew) each.join();
  const double spent = seconds() - start;
  if (bad) throw std::runtime_error("a thread of the bench across streams failed");
  return spent * 1e9 / (static_cast<double>(streams.size()) * blocks);
}

/// `block` takes, uses and frees one, given its thread's number and streams.
template <class Block>
void report_across(const std::string& allocator, const std::vector<TwoStreams>& streams, const Block& block) {
  report("across/" + allocator + "/" + std::to_string(streams.size()), "ns", 7,
         [&] { return across_round(streams, block, 2'000); });
}

}  // namespace weir::bench::gpu
