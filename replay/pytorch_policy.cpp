// See pytorch_policy.hpp.
#include "replay/pytorch_policy.hpp"

#include <cstdint>
#include <limits>

#include <weir/errors.hpp>

#include "replay/pytorch_blocks.hpp"

namespace weir::replay {

namespace {

using Index = PytorchBlocks::Index;

constexpr std::uint64_t smallest_own = std::uint64_t{10} << 20;     // kMinLargeAlloc
constexpr std::uint64_t segment_rounding = std::uint64_t{2} << 20;  // kRoundLarge

constexpr std::uint64_t segment_bytes(std::uint64_t rounded) {
  if (PytorchBlocks::is_small(rounded)) return PytorchBlocks::small_segment;
  if (rounded < smallest_own) return PytorchBlocks::large_segment;
  return PytorchBlocks::round_up(rounded, segment_rounding);
}

class Native {
 public:
  Native(std::uint32_t streams, const device::DriverModel& driver) : driver_(driver), blocks_(streams) {}

  Index allocate(std::uint64_t requested, std::uint32_t stream) {
    const std::uint64_t bytes = PytorchBlocks::rounded(requested);
    const std::size_t pool = PytorchBlocks::pool_of(stream, bytes);
    Index block = blocks_.take_best_fit(pool, bytes);
    if (block == PytorchBlocks::none) block = new_segment(pool, segment_bytes(bytes));
    const std::uint64_t remains = blocks_.bytes(block) - bytes;
    const bool splits = PytorchBlocks::is_small(bytes) ? remains >= PytorchBlocks::smallest_block
                                                       : remains > PytorchBlocks::largest_small;
    if (splits) blocks_.split(block, bytes);
    return block;
  }
  void free(Index block) { blocks_.free(block); }

  [[nodiscard]] std::uint64_t reserved() const noexcept { return reserved_; }
  [[nodiscard]] DriverUse used() const noexcept { return used_; }

 private:
  Index new_segment(std::size_t pool, std::uint64_t bytes) {
    if (bytes > std::numeric_limits<std::uint64_t>::max() - reserved_) {
      throw InvalidArgument("PyTorch's policy would reserve more than 16 EiB for this trace");
    }
    const std::uint64_t address = reserved_;
    reserved_ += bytes;
    used_.charge(1, driver_.allocate);
    return blocks_.add(pool, address, bytes);
  }

  const device::DriverModel& driver_;
  PytorchBlocks blocks_;
  std::uint64_t reserved_ = 0;
  DriverUse used_;
};

}  // namespace

PolicyResult simulate_pytorch_policy(const DeviceTrace& trace, const PolicyOptions& options) {
  Native model(trace.streams, options.driver);
  return run_policy(trace, options, model);
}

}  // namespace weir::replay
