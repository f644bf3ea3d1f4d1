// See pytorch_expandable.hpp.
#include "replay/pytorch_expandable.hpp"

#include <cstdint>
#include <limits>
#include <vector>

#include <weir/errors.hpp>

#include "replay/pytorch_blocks.hpp"

namespace weir::replay {

namespace {

using Index = PytorchBlocks::Index;

class Expandable {
 public:
  Expandable(std::uint32_t streams, const device::DriverModel& driver)
      : driver_(driver), blocks_(streams), segments_(std::size_t{2} * streams) {}

  Index allocate(std::uint64_t requested, std::uint32_t stream) {
    const std::uint64_t bytes = PytorchBlocks::rounded(requested);
    const std::size_t pool = PytorchBlocks::pool_of(stream, bytes);
    Segment& segment = segments_[pool];
    Index block = blocks_.take_best_fit(pool, bytes, segment.end);
    if (block == PytorchBlocks::none) block = grow(pool, bytes);
    if (blocks_.bytes(block) - bytes >= PytorchBlocks::smallest_block) remember_end(blocks_.split(block, bytes));
    return block;
  }
  void free(Index block) { remember_end(blocks_.free(block)); }

  [[nodiscard]] std::uint64_t reserved() const noexcept { return reserved_; }
  [[nodiscard]] DriverUse used() const noexcept { return used_; }

 private:
  struct Segment {
    std::uint64_t mapped = 0;         // bytes from its start on
    Index end = PytorchBlocks::none;  // the last block of what is mapped
  };

  /// A block in use at the segment's end, of at least so many bytes: what is free there and the handles that it lacks.
  Index grow(std::size_t pool, std::uint64_t bytes) {
    Segment& segment = segments_[pool];
    const bool continues = segment.end != PytorchBlocks::none && blocks_.is_free(segment.end);
    const std::uint64_t there = continues ? blocks_.bytes(segment.end) : 0;
    const std::uint64_t handle = pool % 2 == 0 ? PytorchBlocks::small_segment : PytorchBlocks::large_segment;
    const std::uint64_t more = PytorchBlocks::round_up(bytes - there, handle);
    if (more > std::numeric_limits<std::uint64_t>::max() - reserved_) {
      throw InvalidArgument("PyTorch's expandable segments would reserve more than 16 EiB for this trace");
    }
    if (segment.mapped == 0) used_.charge(1, driver_.reserve);
    charge(more / handle);
    if (continues) {
      blocks_.take(segment.end);
      blocks_.extend(segment.end, more);
    } else {
      segment.end = blocks_.add(pool, segment.mapped, more, segment.end);
    }
    segment.mapped += more;
    reserved_ += more;
    return segment.end;
  }

  void charge(std::uint64_t handles) {
    used_.charge(handles, driver_.create + driver_.create_handle);
    used_.charge(handles, driver_.map + driver_.map_handle);
    used_.charge(1, driver_.access);
    used_.time += static_cast<double>(handles) * std::chrono::duration<double, std::nano>(driver_.access_handle);
  }

  void remember_end(Index block) {
    if (blocks_.is_last(block)) segments_[blocks_.pool(block)].end = block;
  }

  const device::DriverModel& driver_;
  PytorchBlocks blocks_;
  std::vector<Segment> segments_;  // of each pool
  std::uint64_t reserved_ = 0;
  DriverUse used_;
};

}  // namespace

PolicyResult simulate_pytorch_expandable(const DeviceTrace& trace, const PolicyOptions& options) {
  Expandable model(trace.streams, options.driver);
  return run_policy(trace, options, model);
}

}  // namespace weir::replay
