#include "backend/dry/dry_backend.hpp"

#include <iterator>
#include <map>
#include <mutex>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "core/lazy_memory.hpp"
#include "device/call_counter.hpp"

namespace weir::backend::dry {
namespace {

using device::Address;
using device::DriverCalls;
using device::EventId;
using device::Extent;
using device::PageHandle;

constexpr std::uint64_t page_bytes = std::uint64_t{2} << 20;
// Far from zero and from any real mapping, so that a stray use of an address shows at once.
constexpr Address first_address = Address{1} << 44;

void expect(bool holds, const char* rule) {
  if (!holds) throw std::logic_error(std::string("dry device: ") + rule);
}

class DryBackend final : public device::Backend {
 public:
  explicit DryBackend(std::uint64_t capacity) : capacity_(capacity) {}

  [[nodiscard]] DeviceInfo info() const override {
    const std::lock_guard lock(mutex_);
    return {.name = "dry device of " + format_bytes(capacity_),
            .backend = "dry",
            .memory_total = capacity_,
            .memory_free = capacity_ - taken_,
            .page_bytes = page_bytes,
            .virtual_memory = true,
            .pointers = false,
            .default_limit = capacity_};
  }

  Address reserve(std::uint64_t bytes) override {
    calls_.add(&DriverCalls::reserves);
    const std::lock_guard lock(mutex_);
    const Address start = next_range(bytes);
    ranges_.emplace(start, bytes);
    return start;
  }
  void unreserve(Address address, std::uint64_t) noexcept override {
    calls_.add(&DriverCalls::reserves);
    const std::lock_guard lock(mutex_);
    ranges_.erase(address);
  }

  [[nodiscard]] std::uint32_t max_extent_pages() const noexcept override { return UINT32_MAX; }
  void create(std::span<Extent> row) override {
    calls_.add(&DriverCalls::creates, row.size());
    const std::lock_guard lock(mutex_);
    for (const Extent& extent : row) expect(extent.pages != 0, "a handle must have a page at least");
    take(pages_of(row) * page_bytes);
    for (Extent& extent : row) {
      extent.handle = static_cast<PageHandle>(++last_handle_);
      handles_.emplace(extent.handle, Created{.pages = extent.pages});
    }
  }
  // As on CUDA, a handle that is still mapped is unmapped too: it may be so on a device given up for lost.
  void destroy(std::span<const Extent> row) noexcept override {
    calls_.add(&DriverCalls::destroys, row.size());
    const std::lock_guard lock(mutex_);
    for (const Extent& extent : row) {
      const auto found = handles_.find(extent.handle);
      if (found == handles_.end()) continue;
      if (found->second.address != 0) mapped_.erase(found->second.address);
      taken_ -= found->second.pages * page_bytes;
      handles_.erase(found);
    }
  }
  void map(Address address, std::span<const Extent> row) override {
    calls_.add(&DriverCalls::maps, row.size());
    calls_.add(&DriverCalls::accesses);
    const std::lock_guard lock(mutex_);
    expect(address % page_bytes == 0, "a mapping must start on a page");
    expect_free(address, pages_of(row) * page_bytes);
    for (const Extent& extent : row) expect(created(extent).address == 0, "the handle to map is mapped already");
    for (const Extent& extent : row) {
      created(extent).address = address;
      mapped_.emplace(address, extent);
      address += extent.pages * page_bytes;
    }
  }
  void unmap(Address address, std::span<const Extent> row) override {
    calls_.add(&DriverCalls::unmaps);  // one for the whole row
    const std::lock_guard lock(mutex_);
    Address at = address;
    for (const Extent& extent : row) {
      expect(created(extent).address == at, "the handle to unmap is not mapped there");
      at += extent.pages * page_bytes;
    }
    for (const Extent& extent : row) mapped_.erase(std::exchange(created(extent).address, 0));
  }

  Address allocate_segment(std::uint64_t bytes) override {
    calls_.add(&DriverCalls::segments);
    const std::lock_guard lock(mutex_);
    take(bytes);
    return next_range(bytes);
  }
  void free_segment(Address, std::uint64_t bytes) noexcept override {
    calls_.add(&DriverCalls::segments);
    const std::lock_guard lock(mutex_);
    taken_ -= bytes;
  }

  // Real memory, as it is the host's: transfers put their data there.
  Address allocate_pinned(std::uint64_t bytes) override {
    calls_.add(&DriverCalls::pinned);
    try {
      return reinterpret_cast<Address>(core::map_lazy(bytes));
    } catch (const std::bad_alloc&) {
      throw OutOfMemory("dry device: the host has no " + format_bytes(bytes) + " for pinned memory",
                        {.name = "dry device", .bytes_asked = bytes});
    }
  }
  void free_pinned(Address address, std::uint64_t bytes) noexcept override {
    calls_.add(&DriverCalls::pinned);
    core::unmap_lazy(reinterpret_cast<void*>(address), bytes);  // NOLINT(performance-no-int-to-ptr)
  }

  StreamId resolve(StreamId stream) override {
    const std::lock_guard lock(mutex_);
    if (stream > StreamId::per_thread_default && !streams_.contains(stream)) {
      throw InvalidArgument("stream " + std::to_string(static_cast<std::uint32_t>(stream)) +
                                " does not exist on this device or was destroyed",
                            {.name = "stream"});
    }
    return stream;
  }
  StreamId create_stream() override {
    calls_.add(&DriverCalls::others);
    const StreamId stream = device::next_stream_id();
    const std::lock_guard lock(mutex_);
    streams_.insert(stream);
    return stream;
  }
  void destroy_stream(StreamId stream) noexcept override {
    calls_.add(&DriverCalls::others);
    const std::lock_guard lock(mutex_);
    streams_.erase(stream);
  }
  EventId record(StreamId stream) override {
    static_cast<void>(resolve(stream));
    calls_.add(&DriverCalls::events);
    return EventId::none;
  }
  bool query(EventId) override {
    calls_.add(&DriverCalls::events);
    return true;
  }
  bool wait_any(std::span<const EventId>, std::chrono::nanoseconds) override {
    calls_.add(&DriverCalls::events);
    return true;
  }
  void stream_wait(StreamId stream, EventId) override {
    static_cast<void>(resolve(stream));
    calls_.add(&DriverCalls::events);
  }
  void release(EventId) noexcept override {}

  void fill(StreamId, Address, std::uint8_t, std::uint64_t) override { calls_.add(&DriverCalls::others); }
  void copy(StreamId, Address, Address, std::uint64_t) override { calls_.add(&DriverCalls::others); }
  void upload(StreamId, Address, const void*, std::uint64_t) override { calls_.add(&DriverCalls::others); }
  void download(StreamId, void*, Address, std::uint64_t) override { calls_.add(&DriverCalls::others); }
  void write(StreamId, Address, std::span<const std::byte>) override { calls_.add(&DriverCalls::others); }
  void run(StreamId, std::function<void()>) override {
    throw Unsupported("the dry device has no memory and runs no work; open the host device for that", {.name = "run"});
  }

  [[nodiscard]] DriverCalls driver_calls() const noexcept override { return calls_.seen(); }

 private:
  /// What is behind a handle.
  struct Created {
    std::uint32_t pages = 0;
    Address address = 0;  ///< where it is mapped; 0 = nowhere
  };

  Created& created(const Extent& extent) {
    const auto found = handles_.find(extent.handle);
    expect(found != handles_.end(), "there is no such handle, or it was destroyed");
    expect(found->second.pages == extent.pages, "a handle is torn apart: it has another number of pages");
    return found->second;
  }

  // Reserved, and nothing mapped in it.
  void expect_free(Address address, std::uint64_t bytes) const {
    const auto range = ranges_.upper_bound(address);
    expect(range != ranges_.begin() && address + bytes <= std::prev(range)->first + std::prev(range)->second,
           "a mapping must lie in one reserved range");
    const auto next = mapped_.lower_bound(address);
    const bool hit = next != mapped_.end() && next->first < address + bytes;
    const bool hit_before =
        next != mapped_.begin() && std::prev(next)->first + std::prev(next)->second.pages * page_bytes > address;
    expect(!hit && !hit_before, "something is mapped at the address already");
  }

  Address next_range(std::uint64_t bytes) {
    const Address start = next_;
    next_ += (bytes + page_bytes - 1) / page_bytes * page_bytes;
    return start;
  }

  void take(std::uint64_t bytes) {
    if (bytes > capacity_ - taken_) {
      throw OutOfMemory("dry device: " + format_bytes(bytes) + " asked, " + format_bytes(capacity_ - taken_) +
                            " free of " + format_bytes(capacity_),
                        {.name = "dry device", .bytes_asked = bytes, .limit = capacity_, .free = capacity_ - taken_});
    }
    taken_ += bytes;
  }

  const std::uint64_t capacity_;
  mutable std::mutex mutex_;
  std::uint64_t taken_ = 0;
  std::uint64_t last_handle_ = 0;
  Address next_ = first_address;
  std::unordered_set<StreamId> streams_;
  std::map<Address, std::uint64_t> ranges_;
  std::unordered_map<PageHandle, Created> handles_;
  std::map<Address, Extent> mapped_;
  device::CallCounter calls_;
};

}  // namespace

std::shared_ptr<device::Backend> make_dry_backend(std::uint64_t capacity) {
  return core::make_shared_here<DryBackend>(capacity);
}

}  // namespace weir::backend::dry
