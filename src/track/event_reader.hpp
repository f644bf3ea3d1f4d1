// Reads the events of some pools, from one thread, while their threads go on: hands them
// out in the order of their times. While one lives, the taps that it reads are on.
//
// The events of one block are always in order, as are those of one thread. Of others, a thread
// that loses its core between the moment when it takes an event's time and the one when it
// writes it may have that event handed out by the next drain, after later ones: its time
// tells, and late() counts them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "track/event_tap.hpp"

namespace weir::track {

class EventReader {
 public:
  /// Of one thread between two drains: 786 KB.
  static constexpr std::uint32_t usual_capacity = 1U << 14;
  using Visit = std::function<void(const Event& event, const EventTap& from)>;

  using VisitName = std::function<void(std::uint32_t tag, const std::string& name, std::uint64_t time)>;

  /// Throws InvalidArgument where one of the taps has a reader. `wakeup` is told when a ring is half full.
  explicit EventReader(std::vector<std::shared_ptr<EventTap>> taps, std::uint32_t capacity = usual_capacity,
                       const std::shared_ptr<Wakeup>& wakeup = nullptr);
  ~EventReader();
  EventReader(const EventReader&) = delete;
  EventReader& operator=(const EventReader&) = delete;

  /// Hands out what was written until now; gives how many that were. `visit` is called with no lock held and may use
  /// the pools. Nothing in a child of fork().
  std::uint64_t drain(const Visit& visit);
  /// The same, and a tag's name before the first event that has it: for one tap, from its first drain on.
  std::uint64_t drain(const Visit& visit, const VisitName& visit_name);
  /// The same for a visitor of any type; track/event_drain.hpp has it.
  template <class Visitor>
  std::uint64_t drain_into(const Visitor& visit, const VisitName& visit_name);
  /// Events dropped as a ring was full, exactly; once it is not, a `lost` event tells where.
  [[nodiscard]] std::uint64_t dropped() const noexcept;
  /// Events that were handed out after later ones.
  [[nodiscard]] std::uint64_t late() const noexcept { return late_; }

 private:
  /// A moment by both clocks.
  struct Moment {
    std::uint64_t ticks = 0;
    std::uint64_t nanoseconds = 0;
  };
  [[nodiscard]] static Moment moment(bool processor_ticks) noexcept;
  /// Turns ticks between the last drain and this one into time.
  struct Scale {
    Moment then;
    double a_tick = 1.0;
    [[nodiscard]] std::uint64_t nanoseconds(std::uint64_t ticks) const noexcept {
      const auto since = static_cast<double>(static_cast<std::int64_t>(ticks - then.ticks));
      return then.nanoseconds + static_cast<std::uint64_t>(static_cast<std::int64_t>(since * a_tick));
    }
  };
  /// What is to be read of one ring.
  struct Cursor {
    EventRing* ring;
    const EventTap* tap;
    std::uint64_t next;
    std::uint64_t end;
    std::uint64_t time;  // of the next
  };
  void take_namings();
  void tell_names(std::uint64_t until, const Scale& scale, const VisitName& visit);

  std::vector<std::shared_ptr<EventTap>> taps_;
  Moment last_;
  std::uint64_t newest_ = 0;  // ticks of the last event that was handed out in order
  std::uint64_t late_ = 0;
  std::vector<EventTap::Naming> namings_;  // not told yet, from next_naming_ on
  std::size_t next_naming_ = 0;
};

}  // namespace weir::track
