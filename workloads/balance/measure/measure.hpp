// How fast robots and networks are here: rates of the bench that `weir balance bench` prints. Rates and
// update_us are the best of several repeats, so that what else the machine does counts little; the ratio is the median
// of rounds in turn (on the host of processor time), the round trip's figures are quantiles.
#pragma once

#include <cstdint>
#include <string>

#include <weir/weir.hpp>

#include "workloads/balance/device/runners.hpp"
#include "workloads/balance/learning/trainer.hpp"

namespace weir::balance {

struct Measured {
  std::string kernels;          ///< who computed
  double physics = 0;           ///< steps of robots a second, physics alone
  double full = 0;              ///< with observation, reward and a new start after each fall
  double looped = 0;            ///< with the network between observation and action
  double forward_ns = 0;        ///< one observation through 2-8-3, in the host's registers and caches; 0 off the host
  double roundtrip_p50_ms = 0;  ///< an observation to device memory, through 2-8-3, and its outputs back
  double roundtrip_p99_ms = 0;
  double update_us = 0;           ///< one update of the network, with pooled memory
  double pooled_over_driver = 0;  ///< an update's time by the driver's own allocations ÷ by the pool; the median
  double pooled_spread = 0;       ///< from the lower to the upper quartile of that ratio
};

struct MeasureSettings {
  std::string backend = {};  ///< as DeviceRequest
  std::uint32_t robots = 4096;
  std::string network = "4-32-3";
  HostChoice host = {};
  double seconds = 1;  ///< of each figure, about
};

[[nodiscard]] Measured measure(const MeasureSettings& settings);

}  // namespace weir::balance
