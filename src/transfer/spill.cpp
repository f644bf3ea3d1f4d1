// Contents of spilled buffers: copied to pinned memory of the host, kept there within a limit of their own, and copied
// back when a buffer is used again.
#include <weir/errors.hpp>

#include "transfer/engine.hpp"

namespace weir::detail {

class TransferEngine::Spilled final : public HostCopy {
 public:
  Spilled(std::shared_ptr<TransferEngine> engine, std::span<std::byte> memory)
      : engine_(std::move(engine)), memory_(memory) {}
  Spilled(const Spilled&) = delete;
  Spilled& operator=(const Spilled&) = delete;
  ~Spilled() override {
    engine_->spilled_ -= memory_.size();
    engine_->put_aside(memory_, std::move(in_flight_));
  }

  /// False where the work of the users, or the copy, does not end in time.
  [[nodiscard]] bool fill(std::uint64_t address, device::Fence users) {
    if (memory_.empty()) return true;
    const core::Deadline deadline(default_deadline);
    const Begun begun = engine_->book_->begin(now(), track::EventWay::download, memory_.size(), engine_->transfers_);
    users.hold_back(engine_->transfers_);
    engine_->backend()->download(engine_->transfers_, memory_.data(), address, memory_.size());
    in_flight_.add(engine_->backend(), engine_->transfers_);
    if (!in_flight_.await(deadline)) return false;
    engine_->book_->end(begun);
    ++engine_->spills_;
    engine_->bytes_spilled_ += memory_.size();
    return true;
  }
  void restore(std::uint64_t address, StreamId stream) override {
    if (memory_.empty()) return;
    const Begun begun = engine_->book_->begin(now(), track::EventWay::upload, memory_.size(), stream);
    engine_->backend()->upload(stream, address, memory_.data(), memory_.size());
    in_flight_.add(engine_->backend(), stream);
    engine_->bytes_returned_ += memory_.size();
    engine_->book_->end(begun);
  }

 private:
  const std::shared_ptr<TransferEngine> engine_;
  const std::span<std::byte> memory_;
  device::Fence in_flight_;
};

std::unique_ptr<HostCopy> TransferEngine::keep(std::uint64_t address, std::uint64_t bytes, const device::Fence& users) {
  if (spilled_.fetch_add(bytes) + bytes > options_.spill_limit) {
    spilled_ -= bytes;
    return nullptr;
  }
  std::span<std::byte> memory;
  try {
    if (bytes != 0) memory = allocate_pinned(bytes);
  } catch (const Error&) {  // past the pinned limit, or the system has none
    spilled_ -= bytes;
    return nullptr;
  }
  auto copy = std::make_unique<Spilled>(shared_from_this(), memory);
  if (!copy->fill(address, users)) return nullptr;
  return copy;
}

}  // namespace weir::detail
