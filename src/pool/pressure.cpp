#include "pool/pressure.hpp"

#include <algorithm>
#include <condition_variable>

#include <weir/errors.hpp>

#include "core/process.hpp"

namespace weir {

struct detail::PressureEntry {
  PressureHandler handler;
  pool::PressureRemark remark;
  std::mutex mutex;
  std::condition_variable ended;
  const core::OwnerProcess process;
  unsigned running = 0;
  bool removed = false;
};

namespace {

// The handler that this thread is in.
thread_local const detail::PressureEntry* handler_at_work = nullptr;

// A call of a handler, from its permission to its end.
class Call {
 public:
  explicit Call(detail::PressureEntry& entry) : entry_(entry) {
    const std::lock_guard lock(entry.mutex);
    if (entry.removed) return;
    ++entry.running;
    handler_at_work = &entry;
    allowed_ = true;
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() {
    if (!allowed_) return;
    handler_at_work = nullptr;
    {
      const std::lock_guard lock(entry_.mutex);
      --entry_.running;
    }
    entry_.ended.notify_all();
  }
  [[nodiscard]] bool allowed() const noexcept { return allowed_; }

 private:
  detail::PressureEntry& entry_;
  bool allowed_ = false;
};

}  // namespace

PressureRegistration::~PressureRegistration() {
  if (!entry_) return;
  if (!entry_->process.is_current()) {  // its parent may have been in it, or had its lock
    static_cast<void>(new std::shared_ptr<detail::PressureEntry>(std::move(entry_)));
    return;
  }
  const bool own = handler_at_work == entry_.get();  // a handler may remove itself
  {
    std::unique_lock lock(entry_->mutex);
    entry_->removed = true;
    entry_->ended.wait(lock, [&] { return entry_->running == (own ? 1U : 0U); });
  }
  if (own) return;
  entry_->handler = nullptr;  // what they hold ends here
  entry_->remark = nullptr;
}

PressureRegistration pool::PressureHandlers::add(PressureHandler handler, PressureRemark remark) {
  if (!handler) throw InvalidArgument("on_pressure: the handler is empty; pass a function", {.name = "on_pressure"});
  auto entry = std::make_shared<detail::PressureEntry>();
  entry->handler = std::move(handler);
  entry->remark = std::move(remark);
  const std::lock_guard lock(mutex_);
  std::erase_if(entries_, [](const auto& each) { return each.expired(); });
  entries_.push_back(entry);
  return PressureRegistration(std::move(entry));
}

std::vector<std::shared_ptr<detail::PressureEntry>> pool::PressureHandlers::list() {
  std::vector<std::shared_ptr<detail::PressureEntry>> entries;
  if (inside()) return entries;
  const std::lock_guard lock(mutex_);
  for (const auto& each : entries_) {
    if (auto entry = each.lock()) entries.push_back(std::move(entry));
  }
  return entries;
}

bool pool::PressureHandlers::call(detail::PressureEntry& entry, MemoryPressure pressure,
                                  const core::Deadline& deadline) {
  const Call call(entry);
  pressure.left = deadline.left();
  return call.allowed() && entry.handler(pressure);
}

std::string pool::PressureHandlers::remarks() {
  std::string text;
  for (const std::shared_ptr<detail::PressureEntry>& entry : list()) {
    const Call call(*entry);
    if (call.allowed() && entry->remark) text += entry->remark();
  }
  return text;
}

bool pool::PressureHandlers::inside() noexcept { return handler_at_work != nullptr; }

}  // namespace weir
