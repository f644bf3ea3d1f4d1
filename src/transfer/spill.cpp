// Contents of spilled buffers: copied to pinned memory of the host, kept there within a limit of their own, and copied
// back when a buffer is used again.
#include <algorithm>
#include <chrono>

#include <weir/errors.hpp>

#include "core/pacing.hpp"
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

  /// False where the copy does not end in time.
  [[nodiscard]] bool fill(std::uint64_t address, const core::Deadline& deadline) {
    if (memory_.empty()) return true;
    engine_->backend()->download(*engine_->spilling_, memory_.data(), address, memory_.size());
    in_flight_.add(engine_->backend(), *engine_->spilling_);
    if (!in_flight_.await(deadline)) return false;
    ++engine_->spills_;
    engine_->bytes_spilled_ += memory_.size();
    return true;
  }
  void fill(std::span<const std::byte> contents) noexcept { std::ranges::copy(contents, memory_.begin()); }
  [[nodiscard]] std::span<const std::byte> contents() const noexcept override { return memory_; }
  void restore(std::uint64_t address, std::uint64_t bytes, StreamId stream) override {
    bytes = std::min<std::uint64_t>(bytes, memory_.size());
    if (bytes == 0) return;
    engine_->backend()->upload(stream, address, memory_.data(), bytes);
    in_flight_.add(engine_->backend(), stream);
    engine_->bytes_returned_ += bytes;
  }

 private:
  const std::shared_ptr<TransferEngine> engine_;
  const std::span<std::byte> memory_;
  device::Fence in_flight_;
};

std::unique_ptr<HostCopy> TransferEngine::keep(std::uint64_t address, std::uint64_t bytes,
                                               const core::Deadline& deadline) {
  std::unique_ptr<Spilled> copy = memory_for_spill(bytes, deadline);
  return copy && copy->fill(address, deadline) ? std::move(copy) : nullptr;
}

std::unique_ptr<HostCopy> TransferEngine::keep(std::span<const std::byte> contents) {
  std::unique_ptr<Spilled> copy = memory_for_spill(contents.size(), core::Deadline());
  if (copy) copy->fill(contents);
  return copy;
}

std::unique_ptr<TransferEngine::Spilled> TransferEngine::memory_for_spill(std::uint64_t bytes,
                                                                          const core::Deadline& deadline) {
  if (spilled_.fetch_add(bytes) + bytes > options_.spill_limit) {
    spilled_ -= bytes;
    return nullptr;
  }
  std::span<std::byte> memory;
  std::unique_ptr<Spilled> copy;
  try {
    memory = take_for_spill(bytes, deadline);
    if (memory.size() == bytes) copy = std::make_unique<Spilled>(shared_from_this(), memory);
  } catch (const DeviceLost&) {
    spilled_ -= bytes;
    throw;
  } catch (const std::exception&) {
    put_aside(memory, {});
  }
  if (!copy) spilled_ -= bytes;
  return copy;
}

// Contents that came back leave their memory when their copy is done, which may be soon.
std::span<std::byte> TransferEngine::take_for_spill(std::uint64_t bytes, const core::Deadline& deadline) {
  if (bytes == 0) return {};
  core::Pacing pacing;
  const auto began = std::chrono::steady_clock::now();
  for (;;) {
    collect();
    if (const std::optional<void*> memory = pinned_->try_allocate(bytes, host_)) {
      return {static_cast<std::byte*>(*memory), bytes};
    }
    bool some_aside = false;
    {
      const std::lock_guard lock(mutex_);
      some_aside = !aside_.empty();
    }
    if (!some_aside || deadline.passed()) return {};
    pacing.rest(std::chrono::steady_clock::now() - began, deadline.left());
  }
}

}  // namespace weir::detail
