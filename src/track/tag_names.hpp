// Names of owners, by number: taken as often as asked for, forgotten when dropped as
// often, so that short-lived owners leave nothing behind. Number 0 is nobody.
// Thread-safe. Called by the pool.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/string_map.hpp"

namespace weir::track {

class TagNames {
 public:
  /// The number of `name`, the same until it is dropped as often as it was taken.
  [[nodiscard]] std::uint32_t take(std::string_view name);
  void drop(std::uint32_t number) noexcept;
  /// Empty for a number that names nothing.
  [[nodiscard]] std::string name(std::uint32_t number) const;

 private:
  struct Entry {
    std::uint32_t number = 0;
    std::uint32_t uses = 0;
  };
  using Names = core::StringMap<Entry>;

  mutable std::mutex mutex_;
  Names names_;
  std::vector<Names::pointer> by_number_{nullptr};
  std::vector<std::uint32_t> spare_;
};

}  // namespace weir::track
