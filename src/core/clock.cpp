#include <weir/clock.hpp>

namespace weir {
namespace {

class SystemClock final : public Clock {
 public:
  [[nodiscard]] std::chrono::nanoseconds now() const noexcept override {
    return std::chrono::steady_clock::now().time_since_epoch();
  }
};

}  // namespace

const Clock& Clock::system() noexcept {
  // Never destroyed: pools may outlive static destruction.
  static const Clock& clock = *new SystemClock;
  return clock;
}

}  // namespace weir
