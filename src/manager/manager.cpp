// The face of the manager, and what is known of all managers of the process.
#include <weir/manager.hpp>

#include <algorithm>

#include <weir/errors.hpp>

#include "manager/implementation.hpp"

namespace weir {
namespace {

struct Managers {
  std::mutex mutex;
  std::vector<const MemoryManager*> all;
  MemoryManager* named = nullptr;  // the default
  bool used = false;               // the default was asked for
};

// Never destroyed, nor is a default manager of its own: no driver is called while statics are destroyed.
Managers& managers() {
  static Managers& only = *new Managers;
  return only;
}

}  // namespace

MemoryManager::MemoryManager(Device device, ManagerOptions options)
    : implementation_(std::make_unique<Implementation>(std::move(device), std::move(options))) {
  const std::lock_guard lock(managers().mutex);
  managers().all.push_back(this);
}

MemoryManager::~MemoryManager() {
  const std::lock_guard lock(managers().mutex);
  std::erase(managers().all, this);
  if (managers().named == this) managers().named = nullptr;
}

ProcessStatistics process_statistics() {
  const std::lock_guard lock(managers().mutex);
  return sum_over(managers().all);
}

MemoryManager& MemoryManager::process_default() {
  {
    const std::lock_guard lock(managers().mutex);
    managers().used = true;
    if (managers().named != nullptr) return *managers().named;
  }
  static MemoryManager& own = *new MemoryManager(open_device(), {.name = "default"});
  return own;
}

void MemoryManager::set_default(MemoryManager* manager) {
  const std::lock_guard lock(managers().mutex);
  if (manager != nullptr && managers().used) {
    throw InvalidArgument("the default manager is in use already; set it before its first use", {.name = "default"});
  }
  managers().named = manager;
  managers().used = false;
}

// --- Buffers ---

std::shared_ptr<detail::BufferCore> MemoryManager::make(std::string_view name, const ElementType& type,
                                                        std::size_t count, const BufferOptions& options,
                                                        StreamId stream, IfExists if_exists, CallSite where) {
  auto made = implementation_->make({std::string(name), type, count, options, stream, where}, if_exists);
  made->require_type(type);  // one that was there may have another, and is left as it is then
  if (made->size() != count) AnyBuffer(made).resize(count, stream);
  return made;
}

std::shared_ptr<detail::BufferCore> MemoryManager::make_from(std::string_view name, const ElementType& type,
                                                             std::span<const std::byte> data,
                                                             const BufferOptions& options, StreamId stream,
                                                             IfExists if_exists, CallSite where) {
  const bool known = if_exists == IfExists::reuse && contains(name);
  auto made = make(name, type, data.size() / type.bytes, options, stream, if_exists, where);
  try {
    implementation_->transfers().upload(*made, 0, data, stream, core::Deadline(default_deadline));
  } catch (...) {
    if (!known) made->close();
    throw;
  }
  return made;
}

PoolingScope MemoryManager::scope(std::string_view name, std::size_t points, std::vector<ScopeFeature> features,
                                  BufferOptions options, StreamId stream, CallSite where) {
  const std::uint64_t bytes = PoolingScope::bytes(points, features);
  options.max_bytes = bytes;
  return {scoped<std::byte>(name, bytes, options, stream, where), points, std::move(features)};
}

std::shared_ptr<detail::BufferCore> MemoryManager::find_core(std::string_view name) const {
  return implementation_->find(name);
}
bool MemoryManager::contains(std::string_view name) const { return implementation_->contains(name); }
void MemoryManager::free(std::string_view name) { implementation_->find(name)->close(); }
void MemoryManager::free(const AnyBuffer& buffer) { implementation_->own(buffer).close(); }
void MemoryManager::free_all() {
  for (const auto& buffer : implementation_->all()) buffer->close();
}

// --- Transfers ---

void MemoryManager::upload_bytes(const AnyBuffer& buffer, std::span<const std::byte> data, std::size_t offset,
                                 std::size_t count, StreamId stream, std::chrono::nanoseconds deadline) {
  const auto window = implementation_->window(buffer, offset, count);
  implementation_->transfers().upload(window.buffer, window.offset, data, stream, core::Deadline(deadline));
}

Transfer MemoryManager::start_upload_bytes(const AnyBuffer& buffer, std::span<const std::byte> data, std::size_t offset,
                                           std::size_t count, StreamId stream) {
  const auto window = implementation_->window(buffer, offset, count);
  return implementation_->transfers().start_upload(window.buffer, window.offset, data, stream,
                                                   core::Deadline(default_deadline));
}

void MemoryManager::download_bytes(const AnyBuffer& buffer, std::span<std::byte> data, std::size_t offset,
                                   std::size_t count, StreamId stream, std::chrono::nanoseconds deadline) {
  const auto window = implementation_->window(buffer, offset, count);
  implementation_->transfers().download(window.buffer, window.offset, data, stream, core::Deadline(deadline));
}

void MemoryManager::start_download(const AnyBuffer& buffer, StreamId stream, const DownloadOptions& options) {
  implementation_->transfers().start_download(implementation_->own(buffer), stream, options);
}

std::span<const std::byte> MemoryManager::wait_for_bytes(const AnyBuffer& buffer, std::chrono::nanoseconds deadline) {
  return implementation_->transfers().wait_for_download(implementation_->own(buffer), core::Deadline(deadline));
}

PinnedBytes MemoryManager::pinned_bytes(std::size_t count, std::size_t element_bytes) {
  if (count > SIZE_MAX / element_bytes) {
    throw InvalidArgument("manager \"" + name() + "\": " + std::to_string(count) + " pinned elements of " +
                              std::to_string(element_bytes) + " B are more bytes than there are numbers for",
                          {.name = name(), .bytes_asked = UINT64_MAX});
  }
  return implementation_->transfers().make_pinned(count * element_bytes);
}

// --- Limits and counts ---

ExternalBytes MemoryManager::book_external(std::uint64_t bytes) { return implementation_->pool().book_external(bytes); }
ManagerStatistics MemoryManager::statistics() const { return implementation_->statistics(); }
LeakCount MemoryManager::check_leaks() const { return implementation_->pool().check_leaks(); }

Report MemoryManager::report() const {
  Report all;
  all.manager = name();
  all.device = device().info().name;
  all.totals = statistics();
  for (const auto& buffer : implementation_->all()) all.buffers.push_back(buffer->statistics());
  std::sort(all.buffers.begin(), all.buffers.end(),
            [](const BufferStatistics& one, const BufferStatistics& other) { return one.name < other.name; });
  all.blocks = implementation_->pool().live_blocks();
  return all;
}

void MemoryManager::maintain() {
  implementation_->transfers().maintain();
  implementation_->pool().maintain();
}

std::uint64_t MemoryManager::trim() {
  implementation_->transfers().collect();
  return implementation_->pool().trim();
}

const std::string& MemoryManager::name() const noexcept { return implementation_->options().name; }
std::uint64_t MemoryManager::limit() const noexcept { return *implementation_->pool().options().limit; }
const Device& MemoryManager::device() const noexcept { return implementation_->pool().device(); }
Pool& MemoryManager::pool() noexcept { return implementation_->pool(); }

}  // namespace weir
