// Memory that a pool has from its driver, as ranges of addresses of which none overlap. Two that touch
// stay two. Used by what reads and writes snapshots.
#pragma once

#include <cstdint>
#include <map>

namespace weir::replay {

class AddressRanges {
 public:
  using Map = std::map<std::uint64_t, std::uint64_t>;  ///< bytes, by address

  [[nodiscard]] bool has(std::uint64_t address, std::uint64_t bytes) const {
    auto at = ranges_.upper_bound(address);
    if (at == ranges_.begin()) return false;
    --at;
    std::uint64_t reached = at->first;
    for (; at != ranges_.end() && at->first <= reached; ++at) {
      reached = at->first + at->second;
      if (address + bytes <= reached) return true;
    }
    return false;
  }
  void add(std::uint64_t address, std::uint64_t bytes) {
    remove(address, bytes);
    ranges_[address] = bytes;
  }
  void remove(std::uint64_t address, std::uint64_t bytes) {
    const std::uint64_t end = address + bytes;
    auto at = ranges_.upper_bound(address);
    if (at != ranges_.begin()) --at;
    while (at != ranges_.end() && at->first < end) {
      const auto [from, size] = *at;
      if (from + size <= address) {
        ++at;
        continue;
      }
      at = ranges_.erase(at);
      if (from < address) ranges_[from] = address - from;
      if (from + size > end) ranges_[end] = from + size - end;
    }
  }
  /// Ranges that touch, as one.
  [[nodiscard]] Map joined() const {
    Map all;
    for (const auto& [from, size] : ranges_) {
      if (!all.empty() && all.rbegin()->first + all.rbegin()->second == from) {
        all.rbegin()->second += size;
      } else {
        all[from] = size;
      }
    }
    return all;
  }

  [[nodiscard]] const Map& by_address() const noexcept { return ranges_; }

 private:
  Map ranges_;
};

}  // namespace weir::replay
