#include "backend/host/host_pages.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "core/lazy_memory.hpp"
#include "core/pointer.hpp"
#include "core/reserve_more.hpp"

namespace weir::backend::host {
namespace {

using device::Address;
using device::DriverCalls;
using device::Extent;
using device::PageHandle;

using core::pointer;

Address number(void* address) { return reinterpret_cast<Address>(address); }

[[noreturn]] void fail(const char* call, std::uint64_t bytes) {
  const int code = errno;
  if (code == ENOMEM) throw core::no_addresses(bytes, call, code);
  throw DriverError(std::string(call) + " of " + format_bytes(bytes) + " failed: " + std::strerror(code),
                    {.name = call, .bytes_asked = bytes, .native_code = code});
}

void* map_anonymous(std::uint64_t bytes, int protection) {
  return mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

// The kernel may back whole pages of ours by one of its own: a fault for each, not for each 4 KiB. Only advice, so an
// answer that it cannot is no error.
void prefer_large_pages(Address address, std::uint64_t bytes) {
  if (bytes >= HostPages::page_bytes) madvise(pointer(address), bytes, MADV_HUGEPAGE);
}

std::size_t index(const Extent& page) { return static_cast<std::size_t>(page.handle) - 1; }

}  // namespace

Address HostPages::reserve(std::uint64_t bytes) {
  calls_.add(&DriverCalls::reserves);
  // A page more than asked, so that an aligned range lies inside; the rest goes back.
  const std::uint64_t padded = bytes + page_bytes;
  void* raw = map_anonymous(padded, PROT_NONE);
  if (raw == MAP_FAILED) fail("mmap", padded);
  const Address start = number(raw);
  const Address aligned = (start + page_bytes - 1) / page_bytes * page_bytes;
  if (aligned != start) munmap(raw, aligned - start);
  const std::uint64_t tail = start + padded - (aligned + bytes);
  if (tail != 0) munmap(pointer(aligned + bytes), tail);
  prefer_large_pages(aligned, bytes);
  return aligned;
}

void HostPages::unreserve(Address address, std::uint64_t bytes) noexcept {
  calls_.add(&DriverCalls::reserves);
  munmap(pointer(address), bytes);
}

void HostPages::commit(std::uint64_t bytes) {
  std::uint64_t now = committed_.load();
  do {
    if (bytes > capacity_ || now > capacity_ - bytes) {
      throw OutOfMemory("host: " + format_bytes(bytes) + " more would exceed the machine's " + format_bytes(capacity_) +
                            "; " + format_bytes(now) + " are committed",
                        {.name = "host", .bytes_asked = bytes, .limit = capacity_, .free = capacity_ - now});
    }
  } while (!committed_.compare_exchange_weak(now, now + bytes));
}

void HostPages::create(std::span<Extent> pages) {
  if (std::any_of(pages.begin(), pages.end(), [](const Extent& page) { return page.pages != 1; })) {
    throw std::logic_error("host: an extent of several pages was asked for; max_extent_pages() allows one");
  }
  calls_.add(&DriverCalls::creates);
  commit(pages.size() * page_bytes);
  const std::lock_guard lock(mutex_);
  for (Extent& page : pages) {
    std::size_t number_of_page = location_.size();
    if (unused_.empty()) {
      location_.push_back(0);
      unused_.reserve(location_.size());  // so that destroy never allocates
    } else {
      number_of_page = unused_.back();
      unused_.pop_back();
    }
    page.handle = static_cast<PageHandle>(number_of_page + 1);
  }
}

void HostPages::destroy(std::span<const Extent> pages) noexcept {
  const std::lock_guard lock(mutex_);
  for (const Extent& page : pages) {
    Address& where = location_[index(page)];
    if (where != 0) {
      calls_.add(&DriverCalls::destroys);
      madvise(pointer(where), page_bytes, MADV_DONTNEED);
      parked_.erase(where);
      where = 0;
    }
    unused_.push_back(index(page));
  }
  committed_ -= pages.size() * page_bytes;
}

// Moves a parked page's memory with what it holds; both places stay reserved and unreadable. Linux moves it since 5.7;
// an older one does not know the flag, and what the page holds is copied.
void HostPages::move(Address from, Address to) {
  if (kernel_moves_) {
    constexpr int flags = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;
    if (mremap(pointer(from), page_bytes, page_bytes, flags, pointer(to)) != MAP_FAILED) return;
    if (errno != EINVAL) fail("mremap", page_bytes);
    kernel_moves_ = false;
  }
  const auto allow = [](Address place, int access) {
    if (mprotect(pointer(place), page_bytes, access) != 0) fail("mprotect", page_bytes);
  };
  allow(from, PROT_READ);
  allow(to, PROT_READ | PROT_WRITE);
  std::memcpy(pointer(to), pointer(from), page_bytes);
  madvise(pointer(from), page_bytes, MADV_DONTNEED);
  allow(from, PROT_NONE);
  allow(to, PROT_NONE);
}

// Puts the page's memory at `address` with what it holds, still unreadable. A page that is parked there was given up by
// who had it: its memory goes, and it gets what the other leaves.
void HostPages::place(std::size_t page, Address address) {
  const Address from = location_[page];
  if (from == address) {
    parked_.erase(address);
    return;
  }
  if (from != 0) {
    move(from, address);
    parked_.erase(from);
  }
  const auto in_the_way = parked_.find(address);
  if (in_the_way != parked_.end()) {
    const std::size_t other = in_the_way->second;
    parked_.erase(in_the_way);
    location_[other] = from;
    if (from != 0) parked_[from] = other;
  }
  location_[page] = address;
  calls_.add(&DriverCalls::maps);
}

void HostPages::map(Address address, std::span<const Extent> pages) {
  const std::lock_guard lock(mutex_);
  std::size_t placed = 0;
  try {
    for (; placed < pages.size(); ++placed) place(index(pages[placed]), address + placed * page_bytes);
    calls_.add(&DriverCalls::accesses);
    if (mprotect(pointer(address), pages.size() * page_bytes, PROT_READ | PROT_WRITE) != 0) {
      fail("mprotect", pages.size() * page_bytes);
    }
  } catch (...) {
    // What was placed stays there, unmapped: the pages are as good as before.
    for (std::size_t i = 0; i < placed; ++i) parked_[address + i * page_bytes] = index(pages[i]);
    throw;
  }
}

void HostPages::unmap(Address address, std::span<const Extent> pages) {
  const std::lock_guard lock(mutex_);
  core::reserve_more(parked_, pages.size());
  calls_.add(&DriverCalls::unmaps);
  if (mprotect(pointer(address), pages.size() * page_bytes, PROT_NONE) != 0) {
    fail("mprotect", pages.size() * page_bytes);
  }
  for (std::size_t i = 0; i < pages.size(); ++i) parked_[address + i * page_bytes] = index(pages[i]);
}

Address HostPages::allocate_segment(std::uint64_t bytes) {
  calls_.add(&DriverCalls::segments);
  commit(bytes);
  void* raw = map_anonymous(bytes, PROT_READ | PROT_WRITE);
  if (raw == MAP_FAILED) {
    committed_ -= bytes;
    fail("mmap", bytes);
  }
  prefer_large_pages(number(raw), bytes);
  return number(raw);
}

void HostPages::free_segment(Address address, std::uint64_t bytes) noexcept {
  calls_.add(&DriverCalls::segments);
  munmap(pointer(address), bytes);
  committed_ -= bytes;
}

Address HostPages::allocate_pinned(std::uint64_t bytes) {
  calls_.add(&DriverCalls::pinned);
  void* raw = map_anonymous(bytes, PROT_READ | PROT_WRITE);
  if (raw == MAP_FAILED) fail("mmap", bytes);
  prefer_large_pages(number(raw), bytes);
  return number(raw);
}

void HostPages::free_pinned(Address address, std::uint64_t bytes) noexcept {
  calls_.add(&DriverCalls::pinned);
  munmap(pointer(address), bytes);
}

}  // namespace weir::backend::host
