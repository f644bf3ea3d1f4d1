// The faulty backend's virtual memory: which handles there are, how many pages each
// stands for, and where it is mapped. Extents go on to the inner backend as they are.
#include <algorithm>
#include <iterator>

#include "support/faulty_backend.hpp"

namespace weir::device {

Address FaultyBackend::reserve(std::uint64_t bytes) {
  const Address address = InjectingBackend::reserve(bytes);
  const std::lock_guard lock(mutex_);
  ranges_.emplace(address, bytes);
  return address;
}

void FaultyBackend::unreserve(Address address, std::uint64_t bytes) noexcept {
  {
    const std::lock_guard lock(mutex_);
    const auto found = ranges_.find(address);
    expect(found != ranges_.end() && found->second == bytes, "unreserve: not a reserved range");
    const auto inside = [&](const auto& each) {
      return each.second.address >= address && each.second.address - address < bytes;
    };
    expect(std::none_of(handles_.begin(), handles_.end(), inside), "unreserve: pages are mapped in the range");
    ranges_.erase(address);
  }
  InjectingBackend::unreserve(address, bytes);
}

void FaultyBackend::create(std::span<Extent> extents) {
  {
    const std::lock_guard lock(mutex_);
    for (const Extent& extent : extents) {
      expect(extent.pages != 0, "create: an extent without pages");
      expect(extent.pages <= max_extent_pages(), "create: an extent of more pages than max_extent_pages()");
    }
  }
  InjectingBackend::create(extents);
  const std::lock_guard lock(mutex_);
  for (const Extent& extent : extents) {
    expect(handles_.emplace(extent.handle, Created{.pages = extent.pages}).second,
           "create: the inner backend gave a handle twice");
  }
}

// The extent is there, whole, and mapped at `address`; 0 means nowhere. The mutex is held.
void FaultyBackend::expect_at(const Extent& extent, Address address, const char* rule) noexcept {
  const auto found = handles_.find(extent.handle);
  expect(found != handles_.end(), rule);
  if (found == handles_.end()) return;
  expect(found->second.pages == extent.pages, "a handle is torn apart");
  expect(found->second.address == address, rule);
}

void FaultyBackend::note_address(Address address, std::span<const Extent> extents, bool mapped) noexcept {
  const std::lock_guard lock(mutex_);
  for (const Extent& extent : extents) {
    if (const auto found = handles_.find(extent.handle); found != handles_.end()) {
      found->second.address = mapped ? address : 0;
    }
    address += extent.pages * page_bytes_;
  }
}

void FaultyBackend::destroy(std::span<const Extent> extents) noexcept {
  std::vector<Extent> there;
  {
    const std::lock_guard lock(mutex_);
    for (const Extent& extent : extents) {
      const auto found = handles_.find(extent.handle);
      expect(found != handles_.end(), "destroy: the handle does not exist");
      if (found == handles_.end()) continue;
      expect(found->second.pages == extent.pages, "a handle is torn apart");
      expect(found->second.address == 0 || lost(), "destroy: the handle is mapped");
      there.push_back({extent.handle, found->second.pages});
      handles_.erase(found);
    }
  }
  InjectingBackend::destroy(there);
}

void FaultyBackend::map(Address address, std::span<const Extent> extents) {
  {
    const std::lock_guard lock(mutex_);
    for (const Extent& extent : extents) expect_at(extent, 0, "map: the handle does not exist, or is mapped already");
    const auto range = ranges_.upper_bound(address);
    expect(range != ranges_.begin() &&
               address + pages_of(extents) * page_bytes_ <= std::prev(range)->first + std::prev(range)->second,
           "map: outside of every reserved range");
  }
  InjectingBackend::map(address, extents);
  note_address(address, extents, true);
}

void FaultyBackend::unmap(Address address, std::span<const Extent> extents) {
  {
    const std::lock_guard lock(mutex_);
    Address at = address;
    for (const Extent& extent : extents) {
      expect_at(extent, at, "unmap: the handle is not mapped there");
      at += extent.pages * page_bytes_;
    }
  }
  InjectingBackend::unmap(address, extents);
  note_address(address, extents, false);
}

}  // namespace weir::device
