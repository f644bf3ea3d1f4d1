#include "backend/dry/dry_memory.hpp"

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <string>

#include <weir/bytes.hpp>

namespace weir::backend::dry {

using device::Address;
using device::Extent;
using device::PageHandle;

namespace {

// Far from zero and from any real mapping, so that a stray use of an address shows at once.
constexpr Address first_address = Address{1} << 44;
// Where addresses end: more than any program reserves, and no sum of addresses overflows. Ranges are never used again.
constexpr Address end_of_addresses = Address{1} << 62;

constexpr const char* who = "dry device: ";

std::uint64_t bytes_of(std::uint32_t pages) { return pages * page_bytes; }

}  // namespace

void expect(bool holds, const char* rule) {
  if (!holds) throw std::logic_error(who + std::string(rule));
}

DryMemory::DryMemory(std::uint64_t capacity, FirstFault& fault)
    : capacity_(capacity), fault_(fault), next_(first_address) {}

std::uint64_t DryMemory::free_now() const noexcept {
  const std::uint64_t left = capacity_ - taken_;
  return left - std::min(left, foreign_);
}

std::uint64_t DryMemory::free() const {
  const std::lock_guard lock(mutex_);
  return free_now();
}

void DryMemory::set_foreign_bytes(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  foreign_ = bytes;
}

OutOfMemory DryMemory::refusal(std::uint64_t bytes) const {
  const std::lock_guard lock(mutex_);
  const std::string others =
      foreign_ == 0 ? "" : ", of which other processes hold " + format_bytes(std::min(foreign_, capacity_));
  return OutOfMemory(who + format_bytes(bytes) + " asked, " + format_bytes(free_now()) + " free of " +
                         format_bytes(capacity_) + others,
                     {.name = "dry device", .bytes_asked = bytes, .limit = capacity_, .free = free_now()});
}

// --- Address ranges ---

Address DryMemory::next_range(std::uint64_t bytes) {
  const std::uint64_t left = end_of_addresses - next_;
  if (bytes > left) {
    throw OutOfMemory(who + format_bytes(bytes) + " of addresses asked, " + format_bytes(left) + " left",
                      {.name = "dry device", .bytes_asked = bytes, .limit = end_of_addresses, .free = left});
  }
  const Address start = next_;
  next_ += (bytes + page_bytes - 1) / page_bytes * page_bytes;
  return start;
}

Address DryMemory::reserve(std::uint64_t bytes) {
  expect(bytes != 0 && bytes % page_bytes == 0, "an address range is so many whole pages");
  const std::lock_guard lock(mutex_);
  const Address start = next_range(bytes);
  ranges_.emplace(start, bytes);
  return start;
}

void DryMemory::unreserve(Address address, std::uint64_t bytes) noexcept {
  const std::lock_guard lock(mutex_);
  const auto range = ranges_.find(address);
  const bool known = range != ranges_.end() && range->second == bytes;
  if (fault_.holds(known, "an address range is given back that was not reserved so")) ranges_.erase(range);
}

// --- Extents ---

DryMemory::Physical& DryMemory::find(PageHandle handle) {
  const auto found = created_.find(handle);
  expect(found != created_.end(), "an extent is used that was never created, or was destroyed");
  return found->second;
}

std::size_t DryMemory::create(std::span<Extent> extents) {
  for (const Extent& each : extents) expect(each.pages != 0, "an extent has a page at least");
  const std::lock_guard lock(mutex_);
  std::uint64_t left = free_now();
  const auto first_refused = std::find_if(extents.begin(), extents.end(), [&](const Extent& each) {
    if (bytes_of(each.pages) > left) return true;
    left -= bytes_of(each.pages);
    return false;
  });
  if (first_refused == extents.end()) {
    for (Extent& each : extents) {
      each.handle = static_cast<PageHandle>(++last_handle_);
      created_.emplace(each.handle, Physical{.pages = each.pages});
      taken_ += bytes_of(each.pages);
    }
  }
  return static_cast<std::size_t>(first_refused - extents.begin());
}

void DryMemory::destroy(std::span<const Extent> extents) noexcept {
  const std::lock_guard lock(mutex_);
  for (const Extent& each : extents) {
    const auto found = created_.find(each.handle);
    const bool known = found != created_.end() && found->second.pages == each.pages;
    if (!fault_.holds(known, "an extent is destroyed that was not created so, or was destroyed before")) continue;
    if (found->second.mapped != 0) mappings_.erase(found->second.mapped);  // of a lost device
    created_.erase(found);
    taken_ -= bytes_of(each.pages);
  }
}

void DryMemory::expect_reserved(Address address, std::uint64_t bytes) const {
  expect(address % page_bytes == 0, "a mapping must start on a page");
  const auto range = ranges_.upper_bound(address);
  expect(range != ranges_.begin() && address + bytes <= std::prev(range)->first + std::prev(range)->second,
         "a mapping must lie in a reserved range");
  const auto next = mappings_.lower_bound(address);
  const bool hits_next = next != mappings_.end() && next->first < address + bytes;
  const bool hits_previous = next != mappings_.begin() && std::prev(next)->first + std::prev(next)->second > address;
  expect(!hits_next && !hits_previous, "something is mapped at the address already");
}

void DryMemory::map(Address address, std::span<const Extent> extents) {
  const std::lock_guard lock(mutex_);
  expect_reserved(address, device::pages_of(extents) * page_bytes);
  std::size_t done = 0;
  Address at = address;
  try {
    for (; done < extents.size(); ++done) {
      Physical& physical = find(extents[done].handle);
      expect(physical.pages == extents[done].pages, "an extent is mapped whole");
      expect(physical.mapped == 0, "the extent to map is mapped already");
      mappings_.emplace(at, bytes_of(physical.pages));
      physical.mapped = at;
      at += bytes_of(physical.pages);
    }
  } catch (...) {
    for (const Extent& each : extents.first(done)) {
      Physical& physical = find(each.handle);
      mappings_.erase(physical.mapped);
      physical.mapped = 0;
    }
    throw;
  }
}

void DryMemory::unmap(Address address, std::span<const Extent> extents) {
  const std::lock_guard lock(mutex_);
  Address at = address;
  for (const Extent& each : extents) {
    const Physical& physical = find(each.handle);
    expect(physical.mapped == at && physical.pages == each.pages, "that extent is not mapped there");
    at += bytes_of(physical.pages);
  }
  for (const Extent& each : extents) {
    Physical& physical = find(each.handle);
    mappings_.erase(physical.mapped);
    physical.mapped = 0;
  }
}

// --- Segments ---

Address DryMemory::allocate(std::uint64_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    if (bytes <= free_now()) {
      const Address start = next_range(bytes);
      segments_.emplace(start, bytes);
      taken_ += bytes;
      return start;
    }
  }
  throw refusal(bytes);
}

void DryMemory::release(Address address, std::uint64_t bytes) noexcept {
  const std::lock_guard lock(mutex_);
  const auto segment = segments_.find(address);
  const bool known = segment != segments_.end() && segment->second == bytes;
  if (!fault_.holds(known, "a segment is freed that was not allocated so, or was freed before")) return;
  segments_.erase(segment);
  taken_ -= bytes;
}

}  // namespace weir::backend::dry
