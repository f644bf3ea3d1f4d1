// Which kernels a network runs, one after the other: for its outputs, and for one update of double DQN. The same for
// every device.
#pragma once

#include <cstdint>
#include <vector>

#include "compute/step.hpp"
#include "workloads/balance/network/shape.hpp"
#include "workloads/balance/network/thread.hpp"

namespace weir::balance {

using NetworkStep = compute::Step<nets::Body, nets::Parameters>;

/// How a network learns. Checked by check().
struct LearningSettings {
  float rate = 2e-3F;                   ///< Adam's; 1e-5 to 1e-1
  float discount = 0.98F;               ///< γ; 0 to 1
  std::uint32_t batch = 64;             ///< records of an update; 16 to 256
  std::uint32_t replay = 10'000;        ///< records that are kept; batch to 1,000,000
  std::uint32_t target_updates = 100;   ///< updates from one copy of the target network to the next; 1 to 100,000
  float explore_first = 0.9F;           ///< ε, the share of random actions, at the first step; 0 to 1
  float explore_last = 0.01F;           ///< and from explore_steps on; 0 to 1
  std::uint32_t explore_steps = 2'500;  ///< 1 to 10,000,000
  float max_error = 5;                  ///< of an output, to either side; 0.01 to 1,000
  float huber = 1;                      ///< where the loss turns from a square to a line; 0.01 to 1,000
  float max_gradient = 0.5F;            ///< of a weight, to either side; 1e-4 to 1,000
  float max_weight = 10;                ///< to either side; 0.1 to 1,000

  /// Throws InvalidArgument that names the value and its range.
  void check() const;
};

/// Where things lie for a batch. Numbers of 4 bytes.
class NetworkLayout {
 public:
  NetworkLayout(const NetworkShape& shape, std::uint32_t batch);

  /// Of the replay memory: an observation, the next one, reward, action, whether the robot fell.
  [[nodiscard]] std::uint32_t record() const noexcept { return 2 * shape_.inputs() + 3; }
  [[nodiscard]] std::uint32_t batch() const noexcept { return batch_; }
  [[nodiscard]] const NetworkShape& shape() const noexcept { return shape_; }
  /// Of one way through the network, and where its outputs begin.
  [[nodiscard]] std::uint32_t values() const noexcept { return shape_.values() * batch_; }
  [[nodiscard]] std::uint32_t outputs() const noexcept { return values() - shape_.outputs() * batch_; }
  [[nodiscard]] std::uint32_t facts() const noexcept { return nets::fact_columns * batch_; }

  /// The outputs of the observations that lie at the start of `values`.
  [[nodiscard]] std::vector<NetworkStep> forward() const;
  /// An update from the records that `indices` name: with values for two ways, errors for one. `update` is its number,
  /// 1 for the first; every target_updates-th makes the target network a copy.
  [[nodiscard]] std::vector<NetworkStep> update(const LearningSettings& settings, std::uint64_t update) const;

 private:
  [[nodiscard]] nets::Parameters common() const noexcept;
  void add_forward(std::vector<NetworkStep>& steps, std::uint32_t values, std::uint32_t weights) const;
  void add_backward(std::vector<NetworkStep>& steps, const nets::Parameters& told) const;

  NetworkShape shape_;
  std::uint32_t batch_;
};

}  // namespace weir::balance
