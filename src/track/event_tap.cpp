#include "track/event_tap.hpp"

#include "core/reserve_more.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include <weir/errors.hpp>

namespace weir::track {

namespace {

std::uint16_t thread_number() noexcept {
  static std::atomic<std::uint32_t> last{0};
  thread_local const std::uint32_t number = ++last;
  thread_local const auto mine = static_cast<std::uint16_t>(number <= UINT16_MAX ? number : 0);
  return mine;
}

}  // namespace

EventTap::EventTap(std::string name) : name_(std::move(name)) {}

// In the lock the time is taken, so that a ring's events are in the order of their times.
void EventTap::note_in_shared(Event event) noexcept {
  if (!process_.is_current()) return;
  event.thread = thread_number();
  const std::lock_guard lock(sharing_);
  if (!shared_) return;
  event.time = shared_->ordered_now();
  shared_->push(event);
}

// A ring that an ended thread left half empty or more serves a new one.
EventRing* EventTap::ring_of(const void* owner) noexcept {
  if (!process_.is_current()) return nullptr;
  const std::lock_guard lock(mutex_);
  const auto serve = [&](Kept& kept) {
    kept.owner = owner;
    kept.ring->set_thread(thread_number());
    return kept.ring.get();
  };
  for (Kept& kept : rings_) {
    if (kept.owner == owner) return serve(kept);
  }
  for (Kept& kept : rings_) {
    if (kept.owner == nullptr && kept.ring->waiting() <= kept.ring->capacity() / 2) return serve(kept);
  }
  try {
    core::reserve_more(rings_, 1);
    rings_.push_back({std::make_unique<EventRing>(capacity_, processor_ticks_, waker_)});
    return serve(rings_.back());
  } catch (const std::bad_alloc&) {
    ++without_ring_;
    return nullptr;
  }
}

void EventTap::leave(const void* owner) noexcept {
  if (!process_.is_current()) return;
  const std::lock_guard lock(mutex_);
  for (Kept& kept : rings_) {
    if (kept.owner == owner) kept.owner = nullptr;
  }
}

// Few: a name is taken for a buffer, or once for a tag.
void EventTap::name_tag(std::uint32_t number, std::string_view name) noexcept {
  constexpr std::size_t max_namings = 1U << 16;
  if (!keeps_namings_ || !process_.is_current()) return;
  const std::lock_guard lock(mutex_);
  try {
    if (namings_.size() == max_namings) throw std::bad_alloc();
    namings_.push_back({ordered_ticks(processor_ticks_), number, std::string(name)});
  } catch (const std::bad_alloc&) {
    ++namings_lost_;
  }
}

std::vector<EventTap::Naming> EventTap::take_namings() {
  if (!process_.is_current()) return {};
  const std::lock_guard lock(mutex_);
  return std::exchange(namings_, {});
}

// --- The switch ---

void EventTap::set_word() noexcept {
  if (word_ != nullptr) word_->store(on() ? no_key : usual_, std::memory_order_relaxed);
}

void EventTap::steer(std::atomic<std::uint64_t>& word, std::uint64_t usual) noexcept {
  const std::lock_guard lock(mutex_);
  word_ = &word;
  usual_ = usual;
  set_word();
}

void EventTap::let_go(const std::atomic<std::uint64_t>& word) noexcept {
  const std::lock_guard lock(mutex_);
  if (word_ == &word) word_ = nullptr;
}

// --- Reading ---

void EventTap::open(std::uint32_t capacity, std::shared_ptr<Wakeup> wakeup) {
  if (!process_.is_current()) throw core::made_before_fork("pool \"" + name_ + "\"", name_);
  const std::lock_guard lock(mutex_);
  if (on()) {
    throw InvalidArgument("the events of pool \"" + name_ + "\" have a reader already; there is one at a time",
                          {.name = name_});
  }
  capacity_ = capacity;
  waker_ = wakeup.get();
  if (wakeup) wakeups_.push_back(std::move(wakeup));
  if (!shared_) {
    auto made = std::make_unique<EventRing>(capacity, processor_ticks_, waker_);
    const std::lock_guard sharing(sharing_);
    shared_ = std::move(made);
  }
  // What nobody read is not this reader's.
  for (const Kept& kept : rings_) kept.ring->forgive();
  shared_->forgive();
  dropped_before_ = dropped_so_far();
  on_ = true;
  set_word();
}

void EventTap::close() noexcept {
  if (!process_.is_current()) return;
  const std::lock_guard lock(mutex_);
  on_ = false;
  waker_ = nullptr;
  keeps_namings_ = false;
  namings_.clear();
  set_word();
}

void EventTap::list(std::vector<EventRing*>& rings) const {
  if (!process_.is_current()) return;
  const std::lock_guard lock(mutex_);
  if (shared_) rings.push_back(shared_.get());
  for (const Kept& kept : rings_) rings.push_back(kept.ring.get());
}

std::uint64_t EventTap::dropped_so_far() const noexcept {
  std::uint64_t sum = without_ring_.load() + (shared_ ? shared_->dropped() : 0);
  for (const Kept& kept : rings_) sum += kept.ring->dropped();
  return sum;
}

std::uint64_t EventTap::dropped() const noexcept {
  if (!process_.is_current()) return 0;
  const std::lock_guard lock(mutex_);
  return dropped_so_far() - dropped_before_;
}

}  // namespace weir::track
