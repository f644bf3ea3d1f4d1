// The faulty backend's virtual memory: which pages there are, how they are bundled,
// and where they are mapped.
#include <algorithm>
#include <iterator>
#include <utility>

#include "device/bundles.hpp"
#include "device/faulty_backend.hpp"

namespace weir::device {

Address FaultyBackend::reserve(std::uint64_t bytes) {
  enter(CallKind::reserve);
  const Address address = inner_->reserve(bytes);
  const std::lock_guard lock(mutex_);
  ranges_.emplace(address, bytes);
  return address;
}

void FaultyBackend::unreserve(Address address, std::uint64_t bytes) noexcept {
  {
    const std::lock_guard lock(mutex_);
    note(CallKind::unreserve);
    const auto found = ranges_.find(address);
    expect(found != ranges_.end() && found->second == bytes, "unreserve: not a reserved range");
    const auto inside = [&](const auto& page) {
      return page.second.address >= address && page.second.address - address < bytes;
    };
    expect(std::none_of(pages_.begin(), pages_.end(), inside), "unreserve: pages are mapped in the range");
    ranges_.erase(address);
  }
  inner_->unreserve(address, bytes);
}

void FaultyBackend::create(std::span<PageHandle> pages) {
  enter(CallKind::create);
  const bool own = !inner_->bundles_pages();  // then the inner one must not see a bundle
  {
    const std::lock_guard lock(mutex_);
    const bool any = std::find(pages.begin(), pages.end(), PageHandle::bundled) != pages.end();
    expect(!any || bundles_pages(), "create: bundles where there are none");
    expect(pages.empty() || pages.front() != PageHandle::bundled, "create: the first page is bundled with none");
  }
  std::vector<PageHandle> inner(pages.begin(), pages.end());
  if (own) std::fill(inner.begin(), inner.end(), PageHandle::none);
  inner_->create(inner);
  const std::lock_guard lock(mutex_);
  for_each_handle(pages, [&](std::size_t first, std::size_t count) {
    pages[first] = inner[first];
    const auto start = inner.begin() + static_cast<std::ptrdiff_t>(first);
    Pages known{{start, start + static_cast<std::ptrdiff_t>(count)}, 0};
    expect(pages_.emplace(pages[first], std::move(known)).second, "create: the inner backend gave a page twice");
  });
}

// The row as the inner backend knows it; `rule` is what a page that does not exist breaks. The mutex is held.
std::vector<PageHandle> FaultyBackend::inner_pages(std::span<const PageHandle> pages, const char* rule) {
  std::vector<PageHandle> inner;
  for_each_handle(pages, [&](std::size_t first, std::size_t count) {
    const auto found = pages_.find(pages[first]);
    expect(found != pages_.end(), rule);
    if (found == pages_.end()) return;
    expect(found->second.inner.size() == count, "a bundle is torn apart");
    inner.insert(inner.end(), found->second.inner.begin(), found->second.inner.end());
  });
  return inner;
}

void FaultyBackend::destroy(std::span<const PageHandle> pages) noexcept {
  std::vector<PageHandle> inner;
  {
    const std::lock_guard lock(mutex_);
    note(CallKind::destroy);
    inner = inner_pages(pages, "destroy: the page does not exist");
    for_each_handle(pages, [&](std::size_t first, std::size_t) {
      const auto found = pages_.find(pages[first]);
      if (found == pages_.end()) return;
      expect(found->second.address == 0 || lost_, "destroy: the page is mapped");
      pages_.erase(found);
    });
  }
  inner_->destroy(inner);
}

void FaultyBackend::map(Address address, std::span<const PageHandle> pages) {
  enter(CallKind::map);
  const std::uint64_t bytes = pages.size() * page_bytes_;
  const char* const rule = "map: the page does not exist, or is mapped already";
  std::vector<PageHandle> inner;
  {
    const std::lock_guard lock(mutex_);
    inner = inner_pages(pages, rule);
    for_each_handle(pages, [&](std::size_t first, std::size_t) {
      const auto found = pages_.find(pages[first]);
      expect(found == pages_.end() || found->second.address == 0, rule);
    });
    const auto range = ranges_.upper_bound(address);
    expect(range != ranges_.begin() && address + bytes <= std::prev(range)->first + std::prev(range)->second,
           "map: outside of every reserved range");
  }
  inner_->map(address, inner);
  const std::lock_guard lock(mutex_);
  for_each_handle(pages, [&](std::size_t first, std::size_t) {
    if (const auto found = pages_.find(pages[first]); found != pages_.end()) {
      found->second.address = address + first * page_bytes_;
    }
  });
}

void FaultyBackend::unmap(Address address, std::span<const PageHandle> pages) {
  enter(CallKind::unmap);
  const char* const rule = "unmap: the page is not mapped there";
  std::vector<PageHandle> inner;
  {
    const std::lock_guard lock(mutex_);
    inner = inner_pages(pages, rule);
    for_each_handle(pages, [&](std::size_t first, std::size_t) {
      const auto found = pages_.find(pages[first]);
      expect(found == pages_.end() || found->second.address == address + first * page_bytes_, rule);
    });
  }
  inner_->unmap(address, inner);
  const std::lock_guard lock(mutex_);
  for_each_handle(pages, [&](std::size_t first, std::size_t) {
    if (const auto found = pages_.find(pages[first]); found != pages_.end()) found->second.address = 0;
  });
}

}  // namespace weir::device
