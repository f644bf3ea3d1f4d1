// A backend that misbehaves on demand, over any other: calls fail, the device is lost, events come late, streams become
// slow. Which calls, a schedule says, that several such backends may share. A lost one stays lost, and its queued work
// has ended; what gives back never fails. Thread-safe. Made by the injector for the tool; base of the tests' faulty
// backend.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "faults/forwarding_backend.hpp"
#include "faults/late_events.hpp"
#include "faults/schedule.hpp"
#include "faults/slow_streams.hpp"

namespace weir::faults {

class InjectingBackend : public ForwardingBackend {
 public:
  /// Called when a fault strikes, before the call throws, on its thread and under no lock; must not throw.
  using Told = std::function<void(const Fault& fault, CallKind struck)>;

  explicit InjectingBackend(std::shared_ptr<Backend> inner,
                            std::shared_ptr<Schedule> schedule = std::make_shared<Schedule>(), Told told = {});

  [[nodiscard]] Schedule& schedule() noexcept { return *schedule_; }
  /// Events are late or held by this.
  [[nodiscard]] LateEvents& late_events() noexcept { return events_; }
  [[nodiscard]] bool lost() const noexcept { return lost_; }

  StreamId create_stream() override;
  StreamId adopt_stream(std::uint64_t native) override;
  void destroy_stream(StreamId stream) noexcept override;
  void stream_ends(StreamId stream) noexcept override;
  EventId record(StreamId stream) override;
  bool query(EventId event) override;
  bool wait_any(std::span<const EventId> events, std::chrono::nanoseconds deadline) override;
  void stream_wait(StreamId stream, EventId event) override;
  void release(EventId event) noexcept override;

 protected:
  void before(const Call& call) override;
  /// A lost device is back; for tests.
  void find_again();

 private:
  void strike(const Fault& fault, const Call& call);
  [[noreturn]] void refuse();
  void come_to_rest();
  void note(StreamId stream);
  void drop(StreamId stream) noexcept;

  const std::shared_ptr<Schedule> schedule_;
  const Told told_;
  LateEvents events_;
  SlowStreams slow_;
  std::atomic<bool> lost_ = false;
  std::mutex mutex_;
  std::set<StreamId> streams_{StreamId::legacy_default};  // that may have work
};

}  // namespace weir::faults
