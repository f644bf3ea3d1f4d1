// Downloads in rotation: each buffer that asks for them has two or more slots of
// pinned memory. Frame n goes into slot n mod k; the span of a frame stays as it is
// until k more were started, and a frame that nobody has waited for is not
// overwritten. With a snapshot, the buffer is copied on the device in the order of
// the caller's stream, and that copy downloaded on a stream of weir's. One thread may
// start downloads while another waits for them: the one changes only the slot that is
// next, the other only the oldest that was started, and they tell each other by counts.
#include <atomic>
#include <string>
#include <utility>

#include <weir/errors.hpp>

#include "pool/access.hpp"
#include "transfer/engine.hpp"

namespace weir::detail {

class TransferEngine::Slots final : public Companion {
 public:
  struct Slot {
    std::span<std::byte> memory;
    std::size_t bytes = 0;
    device::Fence in_flight;
    device::SharedEvent done;  ///< empty where the driver refused to record it: the wait tries again
    Begun begun;               ///< none once its end was seen
  };

  Slots(std::shared_ptr<TransferEngine> engine, unsigned count) : engine_(std::move(engine)), slots_(count) {}
  Slots(const Slots&) = delete;
  Slots& operator=(const Slots&) = delete;
  ~Slots() override {
    for (Slot& slot : slots_) engine_->put_aside(slot.memory, std::move(slot.in_flight));
  }

  /// For the thread that starts.
  [[nodiscard]] bool full() const noexcept {
    return started_ - awaited_.load(std::memory_order_acquire) == slots_.size();
  }
  /// For the thread that waits.
  [[nodiscard]] bool idle() const noexcept { return started_.load(std::memory_order_acquire) == awaited_; }
  [[nodiscard]] Slot& newest() noexcept { return slots_[started_ % slots_.size()]; }  ///< the one to start next
  [[nodiscard]] Slot& oldest() noexcept { return slots_[awaited_ % slots_.size()]; }  ///< the one to wait for next
  void started() noexcept { started_.fetch_add(1, std::memory_order_release); }
  void awaited() noexcept { awaited_.fetch_add(1, std::memory_order_release); }
  [[nodiscard]] std::size_t count() const noexcept { return slots_.size(); }

  void await(Slot& slot, const BufferCore& buffer, core::Deadline deadline) {
    if (slot.bytes == 0) return;
    if (!slot.done) slot.done = engine_->record(engine_->transfers_);
    engine_->await(*slot.done, deadline, {"download of", buffer.name(), slot.bytes, "arrived"}, 0);
    if (slot.begun.number != 0) engine_->book_->end(std::exchange(slot.begun, {}));
  }
  /// Gives a slot that no copy uses other memory.
  void replace(Slot& slot, std::span<std::byte> memory) noexcept {
    engine_->put_aside(slot.memory, std::move(slot.in_flight));
    slot.memory = memory;
  }

 private:
  const std::shared_ptr<TransferEngine> engine_;
  std::vector<Slot> slots_;
  std::atomic<std::uint64_t> started_{0};
  std::atomic<std::uint64_t> awaited_{0};
};

void TransferEngine::start_download(BufferCore& buffer, StreamId stream, const DownloadOptions& options) {
  const Moment began = now();
  if (!buffer.options().downloads) {
    throw buffer.manager().refused(InvalidArgument(
        "buffer \"" + buffer.name() + "\" was not made for downloads; set BufferOptions::downloads, or use download()",
        {.name = buffer.name()}));
  }
  if (!buffer.companion) {
    buffer.companion = std::make_unique<Slots>(shared_from_this(), buffer.options().download_slots);
  }
  auto& slots = static_cast<Slots&>(*buffer.companion);
  const bool full = slots.full();
  if (full) {
    if (options.when_full == WhenFull::refuse) {
      throw buffer.manager().refused(
          InvalidArgument("buffer \"" + buffer.name() + "\": all " + std::to_string(slots.count()) +
                              " download slots are taken; call wait_for_download first, or set when_full",
                          {.name = buffer.name(), .limit = slots.count()}));
    }
    slots.await(slots.oldest(), buffer, core::Deadline(default_deadline));
  }
  Slots::Slot& slot = slots.newest();
  const std::size_t bytes = buffer.bytes_in_use();
  // Until the copy is queued the slot stays as it is: a frame that was read may lie there still.
  const bool larger = slot.memory.size() < bytes;
  const std::span<std::byte> memory = larger ? allocate_pinned(bytes) : slot.memory;
  device::Fence in_flight;
  device::SharedEvent done;
  const Begun begun = bytes == 0 ? Begun() : book_->begin(began, track::EventWay::download, bytes, stream);
  try {
    done = queue_download(buffer, memory.first(bytes), stream, options.snapshot, in_flight);
  } catch (...) {
    if (larger) put_aside(memory, std::move(in_flight));
    throw;
  }
  if (full) slots.awaited();
  if (larger) slots.replace(slot, memory);
  slot.in_flight = std::move(in_flight);
  slot.done = std::move(done);
  slot.bytes = bytes;
  slot.begun = begun;
  slots.started();
  note(buffer, false, bytes, true);
}

// Once the download is queued nothing throws: the caller would take it for one that does not read the buffer.
device::SharedEvent TransferEngine::queue_download(BufferCore& buffer, std::span<std::byte> to, StreamId stream,
                                                   bool snapshot, device::Fence& in_flight) {
  if (to.empty()) return nullptr;
  device::SharedEvent done;
  const PinnedBuffer pinned(buffer, stream);
  const std::uint64_t contents = pinned.address();
  std::uint64_t source = contents;
  BlockHandle copy;
  if (snapshot) {
    copy = buffer.pool().acquire(to.size(), stream);
    source = buffer.pool().address(copy);
  }
  try {
    if (snapshot) {
      backend()->copy(stream, source, contents, to.size());
    } else {
      const PinnedBuffer elsewhere(buffer, transfers_);
    }
    record(stream)->hold_back(transfers_);
    if (snapshot) buffer.pool().used_on(copy, transfers_);
    backend()->download(transfers_, to.data(), source, to.size());
    done = in_flight.add(backend(), transfers_);
    // The copy on the device is free after that event, too: none is recorded for it.
    if (snapshot && done) pool::Access::used_until(buffer.pool(), copy, transfers_, done);
  } catch (...) {
    if (snapshot) buffer.pool().release(copy, stream);
    throw;
  }
  if (snapshot) buffer.pool().release(copy, stream);
  return done;
}

std::span<const std::byte> TransferEngine::wait_for_download(BufferCore& buffer, core::Deadline deadline) {
  auto* const slots = static_cast<Slots*>(buffer.companion.get());
  if (slots == nullptr || slots->idle()) {
    throw buffer.manager().refused(
        InvalidArgument("buffer \"" + buffer.name() + "\": there is no download to wait for; call start_download first",
                        {.name = buffer.name()}));
  }
  Slots::Slot& slot = slots->oldest();
  slots->await(slot, buffer, deadline);
  const std::span<const std::byte> frame = slot.memory.first(slot.bytes);
  slots->awaited();  // from here on another thread may start one there, if all others are taken
  return frame;
}

}  // namespace weir::detail
