// See direct_policy.hpp.
#include "replay/direct_policy.hpp"

#include <cstdint>

namespace weir::replay {

namespace {

class Direct {
 public:
  explicit Direct(const device::DriverModel& driver) : driver_(driver) {}

  std::uint64_t allocate(std::uint64_t bytes, std::uint32_t /*stream*/) {
    constexpr std::uint64_t page = std::uint64_t{2} << 20;
    const std::uint64_t rounded = (bytes + page - 1) / page * page;
    reserved_ += rounded;
    used_.charge(1, driver_.allocate);
    return rounded;
  }
  void free(std::uint64_t rounded) {
    reserved_ -= rounded;
    used_.charge(1, driver_.allocate);
  }
  [[nodiscard]] std::uint64_t reserved() const { return reserved_; }
  [[nodiscard]] DriverUse used() const { return used_; }

 private:
  const device::DriverModel& driver_;
  std::uint64_t reserved_ = 0;
  DriverUse used_;
};

}  // namespace

PolicyResult simulate_direct_policy(const DeviceTrace& trace, const PolicyOptions& options) {
  Direct model(options.driver);
  return run_policy(trace, options, model);
}

}  // namespace weir::replay
