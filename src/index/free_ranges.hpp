// The free ranges of one owner, by size: near-best fit in constant time.
// Ranges live in a table of records owned by the caller; this keeps only list
// heads and two levels of bit sets over them. Invariant: a bin's bit is set
// exactly when its list is not empty, and a doubling's bit when any of its bins
// is. Called by the arena, under the arena's lock.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "core/relaxed.hpp"
#include "index/size_bins.hpp"

namespace weir::index {

/// What a record must have to be kept in a list of free ranges.
/// Ranges cover [start, start + size) granules; `previous` and `next` are the neighbours by address.
struct Range {
  core::Relaxed<std::uint64_t> start;  ///< first granule, counted from address 0
  std::uint32_t size = 0;              ///< granules
  std::uint32_t previous = 0;          ///< the record before this one by address; 0 = none
  std::uint32_t next = 0;              ///< the record after this one by address; 0 = none
  std::uint32_t list_next = 0;
  std::uint32_t list_previous = 0;
};

/// `Table` maps an id (never 0) to a record derived from Range, `table[id]`; cheap to copy: a pointer.
template <class Table>
class FreeRanges {
 public:
  /// How many ranges of the request's own bin are looked at before a larger bin is taken.
  static constexpr int own_bin_looks = 8;

  void insert(Table table, std::uint32_t id) noexcept {
    auto& range = table[id];
    const unsigned bin = bin_of(range.size);
    const std::uint32_t head = heads_[bin];
    range.list_previous = 0;
    range.list_next = head;
    std::uint32_t nowhere = 0;
    *choose(head != 0, &table[head].list_previous, &nowhere) = id;
    heads_[bin] = id;
    bins_[bin / bins_per_doubling] |= 1u << (bin % bins_per_doubling);
    doublings_ |= 1u << (bin / bins_per_doubling);
  }

  void erase(Table table, std::uint32_t id) noexcept {
    const auto& range = table[id];
    const std::uint32_t next = range.list_next;
    const std::uint32_t previous = range.list_previous;
    const unsigned bin = bin_of(range.size);
    const unsigned doubling = bin / bins_per_doubling;
    std::uint32_t nowhere = 0;
    *choose(next != 0, &table[next].list_previous, &nowhere) = previous;
    *choose(previous != 0, &table[previous].list_next, &heads_[bin]) = next;
    bins_[doubling] &= ~(std::uint32_t{heads_[bin] == 0} << (bin % bins_per_doubling));
    doublings_ &= ~(std::uint32_t{bins_[doubling] == 0} << doubling);
  }

  /// A range of at least `size` granules, or 0. It stays in its list.
  [[nodiscard]] std::uint32_t find(Table table, std::uint32_t size) const noexcept {
    const unsigned bin = bin_of(size);
    std::uint32_t id = heads_[bin];
    std::uint32_t best = 0;
    std::uint32_t best_size = UINT32_MAX;
    for (int look = 0; id != 0 && look < own_bin_looks; ++look) {
      const auto& range = table[id];
      if (range.size == size) return id;
      if (range.size > size && range.size < best_size) {
        best = id;
        best_size = range.size;
      }
      id = range.list_next;
    }
    if (best != 0) return best;
    const unsigned larger = next_bin(bin + 1);
    return larger == bin_count ? 0 : heads_[larger];
  }

  /// The first range of `size` granules or more for which `wanted(id)` holds, smaller bins first; or 0.
  template <class Wanted>
  [[nodiscard]] std::uint32_t find_if(Table table, std::uint32_t size, Wanted wanted) const {
    for (unsigned bin = next_bin(bin_of(size)); bin != bin_count; bin = next_bin(bin + 1)) {
      for (std::uint32_t id = heads_[bin]; id != 0; id = table[id].list_next) {
        if (table[id].size >= size && wanted(id)) return id;
      }
    }
    return 0;
  }

  /// The same, larger bins first, and some ranges a little smaller.
  template <class Wanted>
  [[nodiscard]] std::uint32_t find_if_down(Table table, std::uint32_t size, Wanted wanted) const {
    const unsigned least = bin_of(size);
    for (unsigned bin = last_bin(bin_count); bin != bin_count && bin >= least; bin = last_bin(bin)) {
      for (std::uint32_t id = heads_[bin]; id != 0; id = table[id].list_next) {
        if (wanted(id)) return id;
      }
    }
    return 0;
  }

  /// Calls `visit(id)` for every range of `size` granules or more (and some a little smaller),
  /// smaller bins first. `visit` must not change the lists.
  template <class Visit>
  void for_each_from(Table table, std::uint32_t size, Visit visit) const {
    for (unsigned bin = next_bin(bin_of(size)); bin != bin_count; bin = next_bin(bin + 1)) {
      for (std::uint32_t id = heads_[bin]; id != 0; id = table[id].list_next) visit(id);
    }
  }
  template <class Visit>
  void for_each(Table table, Visit visit) const {
    for_each_from(table, 1, visit);
  }

  [[nodiscard]] bool empty() const noexcept { return doublings_ == 0; }

  /// Whether there is a range of a size whose bin is that of `size`, or larger.
  [[nodiscard]] bool holds(std::uint32_t size) const noexcept { return next_bin(bin_of(size)) != bin_count; }

  /// One of the largest ranges, or 0: none is in a larger bin, and of its own bin a few are looked at.
  [[nodiscard]] std::uint32_t find_largest(Table table) const noexcept {
    if (empty()) return 0;
    std::uint32_t best = heads_[last_bin(bin_count)];
    std::uint32_t id = best;
    for (int look = 0; id != 0 && look < own_bin_looks; ++look) {
      if (table[id].size > table[best].size) best = id;
      id = table[id].list_next;
    }
    return best;
  }

 private:
  /// One of two, without a branch: where a range stands in its list is beyond prediction.
  [[nodiscard]] static std::uint32_t* choose(bool first, std::uint32_t* one, std::uint32_t* other) noexcept {
    const auto bits = [](std::uint32_t* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); };
    const std::uintptr_t mask = -static_cast<std::uintptr_t>(first);
    return reinterpret_cast<std::uint32_t*>(bits(other) ^ ((bits(one) ^ bits(other)) & mask));
  }
  /// The first non-empty bin at or after `bin`, or bin_count.
  [[nodiscard]] unsigned next_bin(unsigned bin) const noexcept {
    if (bin >= bin_count) return bin_count;
    unsigned doubling = bin / bins_per_doubling;
    const std::uint32_t here = bins_[doubling] >> (bin % bins_per_doubling);
    if (here != 0) return bin + static_cast<unsigned>(std::countr_zero(here));
    const std::uint32_t above = doubling == 31 ? 0 : doublings_ & (~0u << (doubling + 1));
    if (above == 0) return bin_count;
    doubling = static_cast<unsigned>(std::countr_zero(above));
    return doubling * bins_per_doubling + static_cast<unsigned>(std::countr_zero(bins_[doubling]));
  }

  /// The last non-empty bin before `bin`, or bin_count.
  [[nodiscard]] unsigned last_bin(unsigned bin) const noexcept {
    const auto highest = [](std::uint32_t bits) { return 31u - static_cast<unsigned>(std::countl_zero(bits)); };
    unsigned doubling = bin / bins_per_doubling;
    if (bin < bin_count) {
      const std::uint32_t here = bins_[doubling] & ((1u << (bin % bins_per_doubling)) - 1);
      if (here != 0) return doubling * bins_per_doubling + highest(here);
    }
    const std::uint32_t below = doublings_ & ((1u << doubling) - 1);
    if (below == 0) return bin_count;
    doubling = highest(below);
    return doubling * bins_per_doubling + highest(bins_[doubling]);
  }

  std::uint32_t doublings_ = 0;
  std::array<std::uint32_t, bin_count / bins_per_doubling> bins_{};
  std::array<std::uint32_t, bin_count> heads_{};
};

}  // namespace weir::index
