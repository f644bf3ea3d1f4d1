// Steps whose contents are known by their number, in two buffers as the feed takes them, and a sink that checks each
// frame whole. Host functions of the stream draw them where the device has pointers, uploads in its order elsewhere, so
// that every backend and every failing or late device can run them. Shared by the tests of frames.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <vector>

#include <weir/weir.hpp>

#include "workloads/graph/frames/feed.hpp"

namespace weir::graph::test {

inline Position drawn(std::uint64_t step, std::size_t node, bool velocity) {
  const auto value = static_cast<float>(step) + (velocity ? 0.5F : 0.0F);
  return {value, static_cast<float>(node), -value};
}

class Drawing {
 public:
  explicit Drawing(MemoryManager& memory, std::size_t nodes)
      : memory_(memory), device_(memory.device()), stream_(device_.stream()) {
    BufferOptions options = presets::positions;
    options.download_slots = frame_slots;
    options.min_elements = 16;
    positions_ = memory.scoped<Position>("positions", nodes, options, stream_);
    velocities_ = memory.scoped<Position>("velocities", nodes, options, stream_);
  }
  Drawing(const Drawing&) = delete;
  Drawing& operator=(const Drawing&) = delete;
  ~Drawing() {
    try {
      device_.synchronize(stream_, std::chrono::minutes(1));
    } catch (const Error&) {
      return;  // a lost device runs nothing any more
    }
  }

  [[nodiscard]] Feed::Buffers buffers() const { return {positions_, velocities_}; }
  [[nodiscard]] const Stream& stream() const { return stream_; }
  [[nodiscard]] Device& device() { return device_; }
  void resize(std::size_t nodes) {
    positions_.resize(nodes, stream_);
    velocities_.resize(nodes, stream_);
  }
  /// Queues step `step`.
  void draw(std::uint64_t step) {
    for (const bool velocity : {false, true}) {
      const BufferHandle<Position>& buffer = velocity ? velocities_ : positions_;
      if (device_.facts().pointers) {
        device_.run(stream_, [to = buffer.access(stream_), step, velocity] {
          for (std::size_t i = 0; i < to.size(); ++i) to.data()[i] = drawn(step, i, velocity);
        });
        continue;
      }
      std::vector<Position> data(buffer.size());
      for (std::size_t i = 0; i < data.size(); ++i) data[i] = drawn(step, i, velocity);
      static_cast<void>(memory_.start_upload(buffer, data, stream_));
    }
  }

 private:
  MemoryManager& memory_;
  Device device_;
  Stream stream_;
  Buffer<Position> positions_, velocities_;
};

/// Each element of a frame that is not what its step drew, counted.
inline std::size_t torn(const Frame& frame) {
  std::size_t wrong = frame.positions.size() == frame.velocities.size() ? 0 : 1;
  for (std::size_t i = 0; i < frame.positions.size(); ++i) {
    if (!(frame.positions[i] == drawn(frame.step, i, false))) ++wrong;
    if (!(frame.velocities[i] == drawn(frame.step, i, true))) ++wrong;
  }
  return wrong;
}

/// Checks each frame before and after `pause`, which may be empty, and keeps what came.
class Checking : public FrameSink {
 public:
  explicit Checking(std::function<void(const Frame&)> pause = {}) : pause_(std::move(pause)) {}
  void take(const Frame& frame) override {
    EXPECT_EQ(torn(frame), 0U) << frame.step;
    if (pause_) pause_(frame);
    EXPECT_EQ(torn(frame), 0U) << frame.step << ", while it is read";
    steps.push_back(frame.step);
    sizes.push_back(frame.positions.size());
    taken.store(steps.size());
  }
  std::vector<std::uint64_t> steps;
  std::vector<std::size_t> sizes;
  std::atomic<std::size_t> taken{0};

 private:
  std::function<void(const Frame&)> pause_;
};

}  // namespace weir::graph::test
