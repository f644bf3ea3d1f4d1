#include "backend/cuda/writes.hpp"

#include <algorithm>
#include <cstring>

#include <weir/errors.hpp>

namespace weir::backend::cuda {

using device::EventId;

namespace {

constexpr std::uint64_t slot_bytes = device::Backend::max_written;
constexpr std::size_t slab_slots = 16;  // 1 MiB
constexpr std::size_t max_slots = 64;   // 4 MiB; then the oldest copy is waited for

}  // namespace

Writes::~Writes() {
  for (const Slot& slot : slots_) {
    try {
      // Nobody queues any more; a copy that is still under way reads the slot.
      if (!exiting()) static_cast<void>(streams_.wait(slot.done, std::chrono::seconds(10)));
    } catch (const Error&) {  // NOLINT(bugprone-empty-catch): on a lost device nothing reads it
    }
    streams_.release(slot.done);
  }
  for (const device::Address slab : slabs_) memory_.free_pinned(slab);
}

Writes::Slot Writes::take() {
  Slot slot;
  bool wait = false;
  {
    const std::lock_guard lock(mutex_);
    const auto oldest =
        std::find_if(slots_.begin(), slots_.end(), [](const Slot& each) { return each.captured == StreamId{}; });
    if (oldest != slots_.end()) {
      slot = *oldest;
      slots_.erase(oldest);
      wait = made_ >= max_slots;
    }
  }
  if (slot.pinned != 0) {
    try {
      if (wait ? streams_.wait(slot.done, std::chrono::hours(1)) : streams_.query(slot.done)) {
        streams_.release(slot.done);
        slot.done = EventId::none;
        return slot;
      }
    } catch (...) {
      put_back(slot);
      throw;
    }
    put_back(slot);
  }
  return new_slot();
}

// Takes a slab, and keeps all its slots but the one that it returns: before those whose copies are under way.
Writes::Slot Writes::new_slot() {
  const device::Address slab = memory_.allocate_pinned(slab_slots * slot_bytes);
  try {
    const std::lock_guard lock(mutex_);
    slots_.reserve(made_ + slab_slots);  // so that put() never allocates
    slabs_.push_back(slab);
    made_ += slab_slots;
    for (std::size_t i = 1; i < slab_slots; ++i) slots_.push_back({.pinned = slab + i * slot_bytes});
    std::rotate(slots_.begin(), slots_.end() - (slab_slots - 1), slots_.end());
  } catch (...) {
    memory_.free_pinned(slab);
    throw;
  }
  return {.pinned = slab};
}

// It stays the oldest.
void Writes::put_back(const Slot& slot) noexcept {
  const std::lock_guard lock(mutex_);
  slots_.push_back(slot);
  std::rotate(slots_.begin(), slots_.end() - 1, slots_.end());
}

void Writes::put(const Slot& slot) noexcept {
  const std::lock_guard lock(mutex_);
  slots_.push_back(slot);
}

void Writes::write(StreamId stream, device::Address to, std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  const Streams::Handle on = streams_.find(stream);
  if (!on.of_capture() && streams_.capturing(stream)) {
    throw Unsupported(
        "upload of memory that is not pinned: the stream is being captured; use pinned memory, or the stream that "
        "begin_capture gave",
        {.name = "write"});
  }
  Slot slot = take();
  std::memcpy(reinterpret_cast<void*>(slot.pinned), bytes.data(), bytes.size());  // NOLINT(performance-no-int-to-ptr)
  try {
    const Current current(context_);
    context_.check(
        context_.driver().upload(to, reinterpret_cast<const void*>(slot.pinned),  // NOLINT(performance-no-int-to-ptr)
                                 bytes.size(), on.get()),
        "cuMemcpyHtoDAsync", bytes.size());
  } catch (...) {
    put(slot);
    throw;
  }
  if (on.of_capture()) {
    slot.captured = stream;
  } else {
    try {
      slot.done = streams_.record(stream);
    } catch (...) {
      // Nothing says when the copy is done: the slot serves no more, and its slab is never given back.
      const std::lock_guard lock(mutex_);
      std::erase_if(slabs_, [&](device::Address slab) { return slot.pinned - slab < slab_slots * slot_bytes; });
      throw;
    }
  }
  put(slot);
}

void Writes::end_capture(StreamId stream) noexcept {
  const std::lock_guard lock(mutex_);
  for (Slot& slot : slots_) {
    if (slot.captured == stream) slot.captured = StreamId{};
  }
}

}  // namespace weir::backend::cuda
