#include "backend/dry/dry_backend.hpp"

#include <atomic>
#include <map>
#include <mutex>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "core/lazy_memory.hpp"

namespace weir::backend::dry {
namespace {

using device::Address;
using device::EventId;
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
    count(1);
    const std::lock_guard lock(mutex_);
    return next_range(bytes);
  }
  void unreserve(Address, std::uint64_t) noexcept override { count(1); }

  void create(std::span<PageHandle> pages) override {
    count(pages.size());
    const std::lock_guard lock(mutex_);
    take(pages.size() * page_bytes);
    for (PageHandle& page : pages) {
      page = static_cast<PageHandle>(++last_page_);
      idle_.insert(page);
    }
  }
  void destroy(std::span<const PageHandle> pages) noexcept override {
    count(pages.size());
    const std::lock_guard lock(mutex_);
    for (const PageHandle page : pages) idle_.erase(page);
    taken_ -= pages.size() * page_bytes;
  }
  void map(Address address, std::span<const PageHandle> pages) override {
    count(pages.size() + 1);  // a mapping each, and the access for all
    const std::lock_guard lock(mutex_);
    expect(address % page_bytes == 0, "a mapping must start on a page");
    for (std::size_t i = 0; i < pages.size(); ++i) {
      expect(idle_.contains(pages[i]), "the page to map is mapped already, or destroyed");
      expect(!mapped_.contains(address + i * page_bytes), "something is mapped at the address already");
    }
    for (std::size_t i = 0; i < pages.size(); ++i) {
      idle_.erase(pages[i]);
      mapped_.emplace(address + i * page_bytes, pages[i]);
    }
  }
  void unmap(Address address, std::span<const PageHandle> pages) override {
    count(1);
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < pages.size(); ++i) {
      const auto found = mapped_.find(address + i * page_bytes);
      expect(found != mapped_.end() && found->second == pages[i], "that page is not mapped there");
    }
    for (std::size_t i = 0; i < pages.size(); ++i) {
      mapped_.erase(address + i * page_bytes);
      idle_.insert(pages[i]);
    }
  }

  Address allocate_segment(std::uint64_t bytes) override {
    count(1);
    const std::lock_guard lock(mutex_);
    take(bytes);
    return next_range(bytes);
  }
  void free_segment(Address, std::uint64_t bytes) noexcept override {
    count(1);
    const std::lock_guard lock(mutex_);
    taken_ -= bytes;
  }

  // Real memory, as it is the host's: transfers put their data there.
  Address allocate_pinned(std::uint64_t bytes) override {
    count(1);
    try {
      return reinterpret_cast<Address>(core::map_lazy(bytes));
    } catch (const std::bad_alloc&) {
      throw OutOfMemory("dry device: the host has no " + format_bytes(bytes) + " for pinned memory",
                        {.name = "dry device", .bytes_asked = bytes});
    }
  }
  void free_pinned(Address address, std::uint64_t bytes) noexcept override {
    count(1);
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
    const StreamId stream = device::next_stream_id();
    const std::lock_guard lock(mutex_);
    streams_.insert(stream);
    return stream;
  }
  void destroy_stream(StreamId stream) noexcept override {
    const std::lock_guard lock(mutex_);
    streams_.erase(stream);
  }
  EventId record(StreamId stream) override {
    static_cast<void>(resolve(stream));
    count(1);
    return EventId::none;
  }
  bool query(EventId) override {
    count(1);
    return true;
  }
  bool wait(EventId, std::chrono::nanoseconds) override { return true; }
  void stream_wait(StreamId stream, EventId) override {
    static_cast<void>(resolve(stream));
    count(1);
  }
  void release(EventId) noexcept override {}

  void fill(StreamId, Address, std::uint8_t, std::uint64_t) override { count(1); }
  void copy(StreamId, Address, Address, std::uint64_t) override { count(1); }
  void upload(StreamId, Address, const void*, std::uint64_t) override { count(1); }
  void download(StreamId, void*, Address, std::uint64_t) override { count(1); }
  void write(StreamId, Address, std::span<const std::byte>) override { count(1); }
  void run(StreamId, std::function<void()>) override {
    throw Unsupported("the dry device has no memory and runs no work; open the host device for that", {.name = "run"});
  }

  [[nodiscard]] std::uint64_t driver_calls() const noexcept override { return calls_.load(std::memory_order_relaxed); }

 private:
  void count(std::uint64_t calls) noexcept { calls_.fetch_add(calls, std::memory_order_relaxed); }

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
  std::uint64_t last_page_ = 0;
  Address next_ = first_address;
  std::unordered_set<StreamId> streams_;
  std::unordered_set<PageHandle> idle_;
  std::unordered_map<Address, PageHandle> mapped_;
  std::atomic<std::uint64_t> calls_{0};
};

}  // namespace

std::shared_ptr<device::Backend> make_dry_backend(std::uint64_t capacity) {
  return core::make_shared_here<DryBackend>(capacity);
}

}  // namespace weir::backend::dry
