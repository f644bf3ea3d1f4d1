// Which extent is mapped at each page of an address range, and how often it was moved.
// Invariant: all pages of an extent name it, with their distance from its first page.
// Needs no lock: the pages of a piece belong to who holds the piece. Memory is backed as pages are mapped.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/lazy_memory.hpp"
#include "device/backend.hpp"

namespace weir::pool {

/// An extent, and how often it has left the place where it was mapped.
struct MovableExtent : device::Extent {
  std::uint32_t moves = 0;
};

class PageTable {
 public:
  explicit PageTable(std::size_t pages) : entries_(pages, "a table of pages") {}

  [[nodiscard]] bool mapped(std::size_t page) const noexcept {
    return entries_[page].handle != device::PageHandle::none;
  }
  /// The extent that covers a mapped page.
  [[nodiscard]] MovableExtent at(std::size_t page) const noexcept {
    const Entry& entry = entries_[page];
    return {{entry.handle, entry.pages}, entry.moves};
  }
  /// Its first page.
  [[nodiscard]] std::size_t first_of(std::size_t page) const noexcept { return page - entries_[page].distance; }
  /// One past its last page.
  [[nodiscard]] std::size_t end_of(std::size_t page) const noexcept { return first_of(page) + entries_[page].pages; }

  /// Notes extents that are mapped one after the other from `page` on.
  void note(std::size_t page, std::span<const MovableExtent> extents) {
    for (const MovableExtent& extent : extents) {
      for (std::uint32_t i = 0; i < extent.pages; ++i) {
        entries_[page + i] = {extent.handle, extent.pages, i, extent.moves};
      }
      page += extent.pages;
    }
    std::size_t end = end_.load();
    while (end < page && !end_.compare_exchange_weak(end, page)) {
    }
  }
  void forget(std::size_t page, std::uint64_t pages) noexcept { std::fill_n(entries_.begin() + page, pages, Entry{}); }
  /// One past the highest page that was ever mapped.
  [[nodiscard]] std::size_t end() const noexcept { return end_.load(); }

 private:
  struct Entry {
    device::PageHandle handle = device::PageHandle::none;
    std::uint32_t pages = 0;
    std::uint32_t distance = 0;
    std::uint32_t moves = 0;
  };
  std::atomic<std::size_t> end_{0};
  core::LazyArray<Entry> entries_;
};

}  // namespace weir::pool
