// Every kind of pool on every backend: the parameters of the contract suite, and
// the fixture its cases stand on. A backend that cannot be opened here, and a
// kind that a device cannot have, is skipped with the reason. Where the environment
// variable WEIR_REQUIRE, a list with commas, names a backend, its absence is a failure;
// what a device of it lacks is still skipped.
// After each case the fixture verifies every pool, finds no live block in it,
// destroys it, and finds that the driver has everything back.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <weir/weir.hpp>

#include "contract/fake_clock.hpp"
#include "support/faulty_backend.hpp"

namespace weir::contract {

/// A backend that this suite knows of.
struct KnownBackend {
  std::string name;
  std::string absent;  ///< why it cannot be opened here; empty if it can
};
[[nodiscard]] const std::vector<KnownBackend>& known_backends();

struct Kind {
  std::string backend;
  std::string name;
  PoolMode mode = PoolMode::automatic;
  bool cached = true;                ///< with thread caches
  std::chrono::nanoseconds late{0};  ///< every event is done so much later than its record, as a GPU's are

  friend std::ostream& operator<<(std::ostream& out, const Kind& kind) {
    return out << kind.backend << ' ' << kind.name;
  }
};
/// The kinds for all backends that can be opened. Those whose names end in "late" have late events: by 5 µs, or by what
/// the environment variable WEIR_LATE says ("5ms", "50us"), which makes the suite slow.
[[nodiscard]] std::vector<Kind> kinds();
/// For test names.
[[nodiscard]] std::string name_of(const testing::TestParamInfo<Kind>& kind);

/// Whether two statistics differ in nothing but refusals, errors and driver calls.
testing::AssertionResult same_but_refusals(const Statistics& before, const Statistics& after);
/// Whether every sum that the statistics promise holds.
testing::AssertionResult coherent(const Statistics& statistics);

class PoolContract : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override;
  void TearDown() override;

  /// A new pool of the case's kind, on `device_`, with the fake clock; the fixture owns it.
  Pool& make_pool(PoolOptions options = {});
  /// A deadline for those who will not wait: 0, but where events are late, for what ends then is not given up.
  [[nodiscard]] std::chrono::nanoseconds no_patience() const {
    const auto late = GetParam().late;
    return late.count() == 0 ? late : 20 * late + std::chrono::milliseconds(20);
  }
  /// Maintains the pool; where events are late, once more when those are past that are recorded by then.
  void maintain(Pool& pool) const;
  /// Destroys the pool early, with the checks of the end.
  void end_pool(Pool& pool);

  [[nodiscard]] bool pooling() const { return GetParam().mode != PoolMode::off; }
  [[nodiscard]] bool caching() const { return pooling() && GetParam().cached; }
  /// Whether the host can read and write blocks, and streams run host functions.
  [[nodiscard]] bool pointers() const { return info_.pointers; }

  FakeClock clock_;
  std::shared_ptr<device::FaultyBackend> backend_;
  std::optional<Device> device_;
  DeviceInfo info_;

 private:
  std::vector<std::unique_ptr<Pool>> pools_;
};

}  // namespace weir::contract
