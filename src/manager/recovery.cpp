// Opening a manager's lost device again and bringing its buffers back. In steps: what the host has of buffers goes to
// ordinary memory, so that nothing pinned is left and the driver may forget the device; a device is opened; a new pool
// and new transfers take the places of the old ones, behind the same objects; each buffer gets memory and its contents.
// Whatever fails there is the refusal of one attempt, after which every buffer is as it was before it.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "core/elsewhere.hpp"
#include "device/access.hpp"
#include "device/event.hpp"
#include "device/reopen.hpp"
#include "manager/implementation.hpp"
#include "pool/access.hpp"

namespace weir {

namespace {

constexpr unsigned max_attempts = 100;

void check(const RecoveryOptions& options) {
  if (options.attempts == 0 || options.attempts > max_attempts) {
    throw InvalidArgument("recover: attempts is " + std::to_string(options.attempts) + "; it must be 1 to " +
                              std::to_string(max_attempts),
                          {.name = "attempts", .limit = max_attempts});
  }
  if (options.back_off.count() < 0) {
    throw InvalidArgument("recover: back_off must not be negative", {.name = "back_off"});
  }
}

}  // namespace

class MemoryManager::Implementation::Recovery {
 public:
  Recovery(Implementation& manager, const RecoveryOptions& options, const Alone& alone)
      : manager_(manager), options_(options), alone_(alone) {}

  [[nodiscard]] RecoveryReport run() {
    const auto began = track::Latency::Clock::now();
    const Device lost = manager_.pool_->device();
    report_.device = lost.facts().name;
    state_ = state_of(device::Access::shared_backend(lost));
    if (!manager_.restoring_ && *state_ == State::answers) return std::move(report_);
    const auto& origin = device::Access::origin(lost);
    if (!origin) {
      throw Unsupported("manager \"" + manager_.options_.name + "\": " + report_.device +
                            " was lost and cannot be opened again, as open_device() did not give it",
                        {.name = manager_.options_.name});
    }
    buffers_ = manager_.all();
    std::ranges::sort(buffers_, {}, [](const Core& each) { return each->name(); });
    for (const Core& each : buffers_) each->save_contents();
    manager_.transfers_->trim_pinned();
    static_cast<void>(device::Access::backend(lost).let_go());
    try {
      const device::Reopened done =
          device::reopen(origin, lost.facts(), {options_.attempts, options_.back_off, options_.other_devices},
                         [this](const Device& device) { use(device); });
      report_.same_device = done.same_device;
      report_.attempts = done.attempts;
      report_.refusals = done.refusals;
    } catch (const DeviceLost& error) {
      tell(LogLevel::error, error.message(), 0);
      throw;
    }
    settle(began);
    return std::move(report_);
  }

 private:
  enum class State : std::uint8_t { answers, fails, gone };

  // One that fails otherwise is there, and may be writing still.
  [[nodiscard]] static State state_of(const std::shared_ptr<device::Backend>& backend) noexcept {
    for (int tries = 0; tries < 2; ++tries) {  // a failure may pass
      try {
        if (!backend->capturing(StreamId::legacy_default)) {
          static_cast<void>(device::Event(backend, StreamId::legacy_default).done());
        }
        return State::answers;
      } catch (const DeviceLost&) {
        return State::gone;
      } catch (...) {  // NOLINT(bugprone-empty-catch): tried again, or told by the result
      }
    }
    return State::fails;
  }

  /// A new pool and new transfers.
  struct Ground {
    std::unique_ptr<Pool> pool;
    std::shared_ptr<detail::TransferEngine> transfers;
  };

  void use(const Device& device) {
    manager::DeviceTally& tally = manager::ProcessTally::of_this_process().of(device.facts());
    Ground ground;
    ground.pool =
        pool::Access::successor(*manager_.pool_, device, manager_.pool_options(device.facts()), tally.of_pool());
    ground.transfers = core::make_shared_that_waits<detail::TransferEngine>(*manager_.transfers_, device,
                                                                            ground.pool->options(), tally.of_pinned());
    // Of a device that is gone nothing is asked any more; one of an earlier attempt may only have refused.
    if (!state_) state_ = state_of(device::Access::shared_backend(manager_.pool_->device()));
    const bool gone = *std::exchange(state_, std::nullopt) == State::gone;
    if (!manager_.restoring_) raw_bytes_ = raw_bytes();
    manager_.restoring_ = true;
    alone_([&] { exchange(ground, tally); });
    for (const Core& each : buffers_) each->leave_device();
    pool::Access::end_abandoned(std::move(ground.pool), gone);
    ground.transfers.reset();
    try {
      restore_all();
    } catch (...) {
      for (const Core& each : buffers_) each->lose_contents();
      throw;
    }
  }

  void exchange(Ground& ground, manager::DeviceTally& tally) noexcept {
    manager_.tally_->hand_over(tally, manager_.pool_->quick_statistics());
    manager_.tally_ = &tally;
    pool::Access::exchange(*manager_.pool_, *ground.pool);
    manager_.transfers_.swap(ground.transfers);
    for (const Core& each : buffers_) {
      each->move_to(manager_.pool_for(each->options().usage), *manager_.pool_->options().clock);
    }
  }

  /// Live bytes of the lost pool that are no buffer's.
  [[nodiscard]] std::uint64_t raw_bytes() const {
    std::uint64_t bytes = manager_.pool_->quick_statistics().requested.live;
    for (const Core& each : buffers_) {
      if (!each->on_host()) bytes -= std::min(bytes, each->requested_on_device());
    }
    return bytes;
  }

  // --- Buffers ---

  [[nodiscard]] detail::TransferEngine& transfers() const noexcept { return *manager_.transfers_; }

  void restore_all() {
    report_.restored_buffers = report_.restored_bytes = report_.lost_bytes = 0;
    report_.lost.clear();
    std::vector<Core> to_fill;
    for (const Core& each : buffers_) {
      if (!each->open()) continue;  // a handler of memory pressure freed it
      if (each->kept() || each->saved() || each->bytes_in_use() == 0) {
        guarded(*each, [&] { bring_back(*each); });
      } else if (each->restore()) {
        to_fill.push_back(each);
      } else {
        lose(*each, "nothing is kept of it, and it has no restore function");
      }
    }
    for (const Core& each : to_fill) {
      guarded(*each, [&] { fill(*each); });
    }
    const std::shared_ptr<device::Backend>& backend = device::Access::shared_backend(manager_.pool_->device());
    if (!device::Event(backend, StreamId::legacy_default).wait(core::Deadline(default_deadline))) {
      throw Timeout("restored contents did not arrive within 10 s", {.name = report_.device});
    }
    report_.device = manager_.pool_->device().facts().name;
  }

  /// Memory that is refused loses the buffer alone.
  template <class Call>
  void guarded(detail::BufferCore& buffer, Call call) {
    try {
      call();
    } catch (const OutOfMemory& error) {
      lose_what_came(buffer, error.message());
    } catch (const LimitExceeded& error) {
      lose_what_came(buffer, error.message());
    }
  }

  void bring_back(detail::BufferCore& buffer) {
    const detail::BufferCore::Contents contents = buffer.kept() ? buffer.kept() : buffer.saved();
    const std::span<const std::byte> bytes = contents ? std::span(*contents) : std::span<const std::byte>();
    const bool was_spilled = contents && !buffer.kept() && !buffer.on_host();
    if (was_spilled) {
      if (auto copy = transfers().keep(bytes)) {
        buffer.stay_on_host(std::move(copy));
        return count(buffer);
      }
    }
    const StreamId stream = buffer.on_host() ? transfers().host_stream() : StreamId::legacy_default;
    buffer.take_kept_size();
    buffer.take_memory(stream);
    transfers().restore(buffer, bytes, stream, core::Deadline(default_deadline));
    const bool remembers = manager_.pool_->device().facts().backend != BackendKind::dry || buffer.on_host();
    if (options_.verify && remembers && !transfers().has(buffer, bytes, stream, core::Deadline(default_deadline))) {
      throw DriverError("buffer \"" + buffer.name() + "\": what was restored was read back changed",
                        {.name = buffer.name()});
    }
    count(buffer);
  }

  void fill(detail::BufferCore& buffer) {
    buffer.take_memory(StreamId::legacy_default);
    std::string why;
    try {
      buffer.restore()(StreamId::legacy_default);
      return count(buffer);
    } catch (const DeviceLost&) {
      throw;
    } catch (const Error& error) {
      why = error.message();
    } catch (const std::exception& error) {
      why = error.what();
    } catch (...) {
      why = "an exception that is no std::exception";
    }
    lose_what_came(buffer, "its restore function threw: " + why);
  }

  void count(const detail::BufferCore& buffer) {
    ++report_.restored_buffers;
    report_.restored_bytes += buffer.bytes_in_use();
  }
  /// Of a buffer that may have memory again, and not its contents.
  void lose_what_came(detail::BufferCore& buffer, std::string why) {
    if (buffer.residency() == Residency::device) buffer.lose_contents();
    lose(buffer, std::move(why));
  }
  void lose(const detail::BufferCore& buffer, std::string why) {
    report_.lost_bytes += buffer.bytes_in_use();
    report_.lost.push_back({buffer.name(), buffer.bytes_in_use(), std::move(why)});
  }

  // --- The end ---

  void settle(track::Latency::Clock::time_point began) {
    for (const Core& each : buffers_) each->came_back();
    manager_.restoring_ = false;
    report_.lost_bytes += raw_bytes_;
    report_.duration = std::chrono::duration_cast<std::chrono::nanoseconds>(track::Latency::Clock::now() - began);
    manager_.recovery_.record_since(began);
    if (!report_.lost.empty()) manager_.lost_some_ = true;
    {
      const std::lock_guard lock(manager_.mutex_);
      ++manager_.recoveries_;
      manager_.restored_bytes_ += report_.restored_bytes;
      manager_.lost_bytes_ += report_.lost_bytes;
    }
    for (const LostBuffer& each : report_.lost) {
      tell(LogLevel::warning, "buffer \"" + each.name + "\" was lost with its device: " + each.why, each.bytes);
    }
    tell(LogLevel::warning,
         report_.device + (report_.same_device ? " was lost and opened again" : " took the place of a lost device") +
             " after " + std::to_string(report_.attempts) + " attempts; " + std::to_string(report_.restored_buffers) +
             " buffers with " + format_bytes(report_.restored_bytes) + " came back, " +
             format_bytes(report_.lost_bytes) + " were lost",
         report_.restored_bytes);
  }

  void tell(LogLevel level, const std::string& text, std::uint64_t bytes) const {
    LogSink* const log = manager_.pool_->options().log;
    if (log == nullptr || level < log->level()) return;
    log->write(
        {.level = level, .event = LogEvent::recover, .pool = manager_.options_.name, .text = text, .bytes = bytes});
  }

  Implementation& manager_;
  const RecoveryOptions& options_;
  const Alone& alone_;
  std::vector<Core> buffers_;
  std::optional<State> state_;  // of the device that the manager is on, while it is known
  std::uint64_t raw_bytes_ = 0;
  RecoveryReport report_;
};

RecoveryReport MemoryManager::Implementation::recover(const RecoveryOptions& options, const Alone& alone) {
  check(options);
  if (core::in_queued_work()) {
    throw Unsupported("manager \"" + options_.name +
                          "\": recover() was called by work that is queued on a stream; "
                          "call it on a thread of the program",
                      {.name = options_.name});
  }
  return Recovery(*this, options, alone).run();
}

}  // namespace weir
