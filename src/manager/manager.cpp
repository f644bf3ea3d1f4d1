// The face of the manager, and what is known of all managers of the process.
#include <weir/manager.hpp>

#include <algorithm>

#include <weir/errors.hpp>

#include "core/later_ends.hpp"
#include "manager/implementation.hpp"

namespace weir {
namespace {

// Never destroyed, nor is the default manager of its own: no driver is called while statics are destroyed.
struct Managers {
  std::mutex mutex;
  std::vector<const MemoryManager*> all;
  MemoryManager* named = nullptr;  // the default
  bool used = false;               // the default was asked for
  std::mutex opening;              // one thread opens the default, the others wait for that
  MemoryManager* own = nullptr;    // the default where none was named
};

// A child of fork() has a list of its own: its parent's may be locked, and names managers that are not the child's.
Managers& managers() { return core::one_a_process<Managers>(); }

}  // namespace

MemoryManager::MemoryManager(Device device, ManagerOptions options)
    : implementation_(std::make_unique<Implementation>(std::move(device), std::move(options))) {
  const std::lock_guard lock(managers().mutex);
  managers().all.push_back(this);
}

// A child of fork() leaves a manager as it is: another thread may have been changing it at that moment, or held a lock.
MemoryManager::~MemoryManager() {
  if (!implementation_->in_own_process()) {
    static_cast<void>(implementation_.release());
    return;
  }
  const std::lock_guard lock(managers().mutex);
  implementation_->leave_totals();
  std::erase(managers().all, this);
  if (managers().named == this) managers().named = nullptr;
}

ProcessStatistics process_statistics() {
  const core::EndNothingHere mark;
  const std::lock_guard lock(managers().mutex);
  return sum_over(managers().all);
}

MemoryManager::Implementation& MemoryManager::checked() const {
  implementation_->require_own_process();
  return *implementation_;
}

MemoryManager& MemoryManager::process_default() {
  Managers& known = managers();
  {
    const std::lock_guard lock(known.mutex);
    known.used = true;
    if (known.named != nullptr) return *known.named;
  }
  core::end_kept();
  const core::EndNothingHere mark;  // what a host function held may ask for the default
  const std::lock_guard lock(known.opening);
  if (known.own == nullptr) known.own = new MemoryManager(open_device(), {.name = "default"});
  return *known.own;
}

void MemoryManager::set_default(MemoryManager* manager) {
  const std::lock_guard lock(managers().mutex);
  if (manager != nullptr && managers().used) {
    throw InvalidArgument("set_default: the default manager is in use already; set it before its first use",
                          {.name = "default"});
  }
  managers().named = manager;
  managers().used = false;
}

// --- Buffers ---

std::shared_ptr<detail::BufferCore> MemoryManager::make(std::string_view name, const ElementType& type,
                                                        std::size_t count, const BufferOptions& options,
                                                        StreamId stream, IfExists if_exists, CallSite where) {
  auto made = checked().make({std::string(name), type, count, options, stream, where}, if_exists);
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
    checked().transfers().upload(*made, 0, data, stream, core::Deadline(default_deadline));
  } catch (...) {
    if (!known) made->close();
    throw;
  }
  return made;
}

PoolingScope MemoryManager::scope(std::string_view name, std::size_t rows, std::vector<ScopeColumn> columns,
                                  BufferOptions options, StreamId stream, CallSite where) {
  const std::uint64_t bytes = PoolingScope::bytes(rows, columns);
  options.max_bytes = bytes;
  return {scoped<std::byte>(name, bytes, options, stream, where), rows, std::move(columns)};
}

std::shared_ptr<detail::BufferCore> MemoryManager::find_core(std::string_view name) const {
  return checked().find(name);
}
bool MemoryManager::contains(std::string_view name) const { return checked().contains(name); }
void MemoryManager::free(std::string_view name) { checked().find(name)->close(); }
void MemoryManager::free(const AnyBuffer& buffer) { checked().own(buffer).close(); }
void MemoryManager::free_all() {
  for (const auto& buffer : checked().all()) buffer->close();
}

// --- Transfers ---

void MemoryManager::upload_bytes(const AnyBuffer& buffer, std::span<const std::byte> data, std::size_t count,
                                 StreamId stream, const CopyOptions& options) {
  Implementation& own = checked();
  const auto window = own.window(buffer, options.offset, count);
  own.transfers().upload(window.buffer, window.offset, data, stream, core::Deadline(options.deadline));
}

Transfer MemoryManager::start_upload_bytes(const AnyBuffer& buffer, std::span<const std::byte> data, std::size_t count,
                                           StreamId stream, const CopyOptions& options) {
  Implementation& own = checked();
  const auto window = own.window(buffer, options.offset, count);
  return own.transfers().start_upload(window.buffer, window.offset, data, stream, core::Deadline(options.deadline));
}

void MemoryManager::download_bytes(const AnyBuffer& buffer, std::span<std::byte> data, std::size_t count,
                                   StreamId stream, const CopyOptions& options) {
  Implementation& own = checked();
  const auto window = own.window(buffer, options.offset, count);
  own.transfers().download(window.buffer, window.offset, data, stream, core::Deadline(options.deadline));
}

void MemoryManager::start_download(const AnyBuffer& buffer, StreamId stream, const DownloadOptions& options) {
  Implementation& own = checked();
  own.transfers().start_download(own.own(buffer), stream, options);
}

std::span<const std::byte> MemoryManager::wait_for_bytes(const AnyBuffer& buffer, std::chrono::nanoseconds deadline) {
  Implementation& own = checked();
  return own.transfers().wait_for_download(own.own(buffer), core::Deadline(deadline));
}

PinnedBytes MemoryManager::pinned_bytes(std::size_t count, std::size_t element_bytes) {
  if (count > SIZE_MAX / element_bytes) {
    throw InvalidArgument("manager \"" + name() + "\": " + std::to_string(count) + " pinned elements of " +
                              std::to_string(element_bytes) + " B overflow the size type; ask for fewer",
                          {.name = name(), .bytes_asked = UINT64_MAX});
  }
  return checked().transfers().make_pinned(count * element_bytes);
}

// --- A lost device ---

RecoveryReport MemoryManager::recover(const RecoveryOptions& options) {
  return checked().recover(options, [](const std::function<void()>& change) {
    const std::lock_guard lock(managers().mutex);
    change();
  });
}

void MemoryManager::keep_host_copy(std::span<const AnyBuffer> buffers, StreamId stream,
                                   std::chrono::nanoseconds deadline) {
  checked().keep_host_copy(buffers, stream, core::Deadline(deadline));
}
void MemoryManager::drop_host_copy(const AnyBuffer& buffer) { checked().drop_host_copy(buffer); }
void MemoryManager::on_restore(const AnyBuffer& buffer, RestoreFunction restore) {
  checked().on_restore(buffer, std::move(restore));
}

// --- Limits and counts ---

ExternalBytes MemoryManager::book_external(std::uint64_t bytes) { return checked().pool().book_external(bytes); }
ManagerStatistics MemoryManager::statistics() const { return checked().statistics(); }
ManagerStatistics MemoryManager::quick_statistics() const { return checked().quick_statistics(); }
LeakCount MemoryManager::check_leaks() const { return checked().check_leaks(); }

Report MemoryManager::report() const {
  Report all;
  all.manager = name();
  all.totals = statistics();
  all.device = device().facts().name;
  for (const auto& buffer : checked().all()) all.buffers.push_back(buffer->statistics());
  std::sort(all.buffers.begin(), all.buffers.end(),
            [](const BufferStatistics& one, const BufferStatistics& other) { return one.name < other.name; });
  all.blocks = checked().pool().live_blocks();
  return all;
}

void MemoryManager::maintain() {
  checked().transfers().maintain();
  checked().pool().maintain();
}

std::uint64_t MemoryManager::trim() {
  checked().transfers().collect();
  return checked().pool().trim();
}

const std::string& MemoryManager::name() const noexcept { return implementation_->options().name; }
std::uint64_t MemoryManager::limit() const noexcept { return *implementation_->pool().options().limit; }
const Device& MemoryManager::device() const noexcept { return implementation_->pool().device(); }
Pool& MemoryManager::pool() noexcept { return implementation_->pool(); }

}  // namespace weir
