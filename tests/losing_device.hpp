// A device that can be lost and opened again: a list of backends, each opened anew with faults to be had, as a
// program's device is by open_device(). For tests of recovery.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "device/choose.hpp"
#include "open_backend.hpp"

namespace weir {

class LosingDevice {
 public:
  using Faulty = std::shared_ptr<device::FaultyBackend>;

  /// The names of backends, best first; one that is there twice is two devices.
  explicit LosingDevice(std::vector<std::string> backends) {
    for (std::size_t i = 0; i < backends.size(); ++i) providers_.push_back(provider(i, backends[i]));
  }
  explicit LosingDevice(const std::string& backend) : LosingDevice(std::vector{backend}) {}

  /// Called with each device that is opened and how many were before it, to plan its faults; may throw.
  std::function<void(device::FaultyBackend& device, std::size_t opened_before)> on_open;

  /// The number of the backend in the list that cannot be opened any more.
  std::optional<std::size_t> refuse;

  /// The first of the list.
  [[nodiscard]] Device open() {
    std::vector<std::string> names;
    for (const device::Provider& each : providers_) names.push_back(each.name);
    return device::choose(providers_, {.preference = std::move(names)}, std::nullopt);
  }
  /// Those that were opened and still live.
  [[nodiscard]] std::vector<Faulty> living() const {
    std::vector<Faulty> all;
    for (const auto& each : *opened_) {
      if (Faulty there = each.lock()) all.push_back(std::move(there));
    }
    return all;
  }
  /// How many were opened.
  [[nodiscard]] std::size_t count() const noexcept { return opened_->size(); }
  /// The one opened last, which lives.
  [[nodiscard]] Faulty newest() const { return opened_->back().lock(); }

 private:
  device::Provider provider(std::size_t number, const std::string& backend) {
    const auto facts = [backend] { return open_backend(backend)->facts(); };
    return {.name = "list" + std::to_string(number),
            .kind = facts().backend,
            .list = [facts](bool, std::string&) { return std::vector{facts()}; },
            .open = [this, backend, number](std::size_t, const DeviceRequest&) -> std::shared_ptr<device::Backend> {
              if (refuse == number) throw DriverError("it is gone", {.name = backend});
              Faulty made = open_backend(backend);
              const std::size_t before = opened_->size();
              opened_->push_back(made);
              if (on_open) on_open(*made, before);
              return made;
            }};
  }

  std::shared_ptr<std::vector<std::weak_ptr<device::FaultyBackend>>> opened_ =
      std::make_shared<std::vector<std::weak_ptr<device::FaultyBackend>>>();
  std::vector<device::Provider> providers_;
};

}  // namespace weir
