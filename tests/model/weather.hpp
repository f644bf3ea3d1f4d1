// A storm of faults over a device: calls that fail one by one or in a row, memory that is denied, events that are late
// or not, threads that wake for nothing, and a device that is lost and comes back. Drawn anew before each step of a
// random program, from its own dice, so that a seed repeats it; but for the moment of a needless wake-up.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <random>
#include <thread>

#include "support/faulty_backend.hpp"

namespace weir::model {

class Weather {
 public:
  /// With `losses` the device is lost now and then, for some steps.
  Weather(device::FaultyBackend& backend, bool losses)
      : backend_(backend), losses_(losses), wind_([this] { blow(); }) {}
  Weather(const Weather&) = delete;
  Weather& operator=(const Weather&) = delete;
  ~Weather() {
    over_ = true;
    wind_.join();
  }

  void change(std::mt19937_64& random) {
    using enum device::FaultyBackend::Fault;
    const auto roll = [&](std::uint64_t sides) { return random() % sides; };
    if (lost_for_ != 0 && --lost_for_ == 0) backend_.heal();
    if (lost_for_ != 0) return;
    if (denied_for_ != 0 && --denied_for_ == 0) backend_.deny_memory(false);
    switch (roll(12)) {
      case 0: return backend_.fail(1 + roll(10), roll(2) == 0 ? out_of_memory : driver_error, {}, 1 + roll(4));
      case 1: return backend_.fail(1 + roll(4), roll(2) == 0 ? out_of_memory : driver_error, any_kind(random));
      case 2: return backend_.delay_events(std::chrono::microseconds(roll(3) == 0 ? roll(400) : 0));
      case 3: return backend_.heal();
      case 4:
        if (roll(8) != 0) return;
        denied_for_ = 1 + roll(20);
        return backend_.deny_memory(true);
      case 5:
        if (!losses_ || roll(16) != 0) return;
        lost_for_ = 1 + roll(20);
        return backend_.lose(1 + roll(6));
      default: return;
    }
  }

  /// Nothing fails from here on.
  void clear() {
    backend_.heal();
    backend_.deny_memory(false);
    backend_.delay_events({});
    lost_for_ = denied_for_ = 0;
  }

 private:
  static device::CallKind any_kind(std::mt19937_64& random) {
    using enum device::CallKind;
    static constexpr std::array kinds{
        reserve, create, map, unmap, allocate_segment, allocate_pinned, record, query, wait, stream_wait, fill, copy};
    return kinds[random() % kinds.size()];
  }
  // Who waits for an event wakes, finds nothing and must wait on.
  void blow() {
    while (!over_) {
      backend_.let_events_go();
      std::this_thread::sleep_for(std::chrono::microseconds(50));  // others have work to do
    }
  }

  device::FaultyBackend& backend_;
  const bool losses_;
  std::uint64_t lost_for_ = 0, denied_for_ = 0;  // steps
  std::atomic<bool> over_{false};
  std::thread wind_;
};

}  // namespace weir::model
