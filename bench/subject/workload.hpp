// A workload: what one thread does in one case, in batches between two looks at the clock. Sizes and
// indices are drawn when it is made, from a fixed seed, so that no generator runs while the clock does.
// Blocks are never read nor written, since a device allocator's are not: the same for every subject.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

namespace bench::subject {

class Workload {
 public:
  Workload() = default;
  Workload(const Workload&) = delete;
  Workload& operator=(const Workload&) = delete;
  /// Gives every block back.
  virtual ~Workload() = default;
  /// Allocates and frees for some tens of microseconds or more; the pairs done.
  virtual std::uint64_t batch() = 0;
  /// Pairs until the allocator is in its steady state; slow subjects are cut short by the driver.
  [[nodiscard]] virtual std::uint64_t warm_up_pairs() const = 0;
};

/// The workload of a case for its thread `index`; blocks that live throughout are allocated here.
/// Throws std::invalid_argument for a case that is none, such as the rmm one.
[[nodiscard]] std::unique_ptr<Workload> make_workload(std::string_view name, unsigned index);

/// A block of the current subject. Throws std::bad_alloc where the subject gives none.
[[nodiscard]] void* take(std::size_t bytes);

}  // namespace bench::subject
