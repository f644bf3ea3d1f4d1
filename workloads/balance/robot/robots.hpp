// Many robots on a device, in memory of a manager: all start together, and each that falls or whose episode ends starts
// anew by itself. The caller says what each does, from the host or by a network that writes its outputs beside their
// observations.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <weir/weir.hpp>

#include "compute/runner.hpp"
#include "workloads/balance/robot/model.hpp"
#include "workloads/balance/robot/thread.hpp"

namespace weir::balance {

class Robots {
 public:
  using Runner = compute::Runner<robots::Kernels>;

  /// `runner` outlives the result. Memory is made on `stream`, and named after `name`. Throws as Model::check and
  /// MemoryManager::create, and InvalidArgument for no robots or more than 16,777,216.
  Robots(MemoryManager& memory, Runner& runner, const Model& model, std::uint32_t count, std::uint32_t seed,
         StreamId stream, const std::string& name = "robots");

  [[nodiscard]] std::uint32_t count() const noexcept { return told_.count; }

  // --- Work in the order of `stream` ---

  /// Puts all robots at the start of their first episode.
  void start(StreamId stream);
  /// Makes `observations` columns of Model::inputs() numbers of each robot, newest first; it has them from the step
  /// before.
  void observe(const DeviceSpan<float>& observations, StreamId stream);
  /// Each robot takes the action of its largest output, of a column of `outputs` for each action.
  void decide(const DeviceSpan<float>& outputs, StreamId stream);
  /// Moves all by their actions, and nothing else: no reward, no new episode.
  void move(StreamId stream);
  void advance(StreamId stream);

  [[nodiscard]] const BufferHandle<float>& motion() const noexcept { return motion_; }
  [[nodiscard]] const BufferHandle<std::uint32_t>& actions() const noexcept { return actions_; }
  [[nodiscard]] const BufferHandle<float>& rewards() const noexcept { return rewards_; }
  /// 0: goes on; 1: came to the end of its episode; 2: fell.
  [[nodiscard]] const BufferHandle<std::uint32_t>& dones() const noexcept { return dones_; }
  /// How often each robot fell so far. Waits for the stream.
  [[nodiscard]] std::vector<std::uint32_t> falls(StreamId stream);

 private:
  void queue(robots::Body body, const DeviceSpan<float>& values, StreamId stream);

  MemoryManager& memory_;
  Runner& runner_;
  robots::Parameters told_{};
  Buffer<float> motion_;
  Buffer<std::uint32_t> tallies_;
  Buffer<std::uint32_t> actions_;
  Buffer<float> rewards_;
  Buffer<std::uint32_t> dones_;
};

}  // namespace weir::balance
