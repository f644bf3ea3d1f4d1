// Where released tensors of one kind lay, in the order in which they were left: each is found, and the oldest
// forgotten, in constant time. Called by TensorBooks, under its lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <list>
#include <new>
#include <unordered_map>

namespace weir::detail {

class PlacesLeft {
 public:
  /// Forgets the oldest where there are `max_count`, and this one where the host has no memory: only a count of reuses
  /// depends on it.
  void leave(std::uint64_t address, std::size_t max_count) noexcept {
    if (max_count == 0) return;
    static_cast<void>(take(address));
    if (order_.size() >= max_count) static_cast<void>(take(order_.front()));
    try {
      order_.push_back(address);
      try {
        at_.emplace(address, std::prev(order_.end()));
      } catch (const std::bad_alloc&) {
        order_.pop_back();
      }
    } catch (const std::bad_alloc&) {
    }
  }
  /// Whether it was there; it no longer is.
  [[nodiscard]] bool take(std::uint64_t address) noexcept {
    const auto found = at_.find(address);
    if (found == at_.end()) return false;
    order_.erase(found->second);
    at_.erase(found);
    return true;
  }
  void clear() noexcept {
    at_.clear();
    order_.clear();
  }
  [[nodiscard]] std::size_t size() const noexcept { return order_.size(); }

 private:
  std::list<std::uint64_t> order_;
  std::unordered_map<std::uint64_t, std::list<std::uint64_t>::iterator> at_;
};

}  // namespace weir::detail
