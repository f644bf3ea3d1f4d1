// Small recorded pools with everything in them, for what looks at recordings: blocks that come, change and go, pages,
// segments, transfers, rare events, times that fall back a little.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "index/size_bins.hpp"
#include "replay/recording.hpp"

namespace weir::replay::testing {

inline track::Event event_of(track::EventKind kind, std::uint64_t time, std::uint64_t bytes = 0) {
  track::Event event;
  event.kind = kind;
  event.time = time;
  event.bytes = bytes;
  return event;
}

struct RandomPool {
  RecordedPool pool;
  std::vector<std::string> names{"", "edges", "points", "cells", "forces"};

  explicit RandomPool(std::uint32_t seed, std::size_t count = 1000) : dice_(seed) {
    for (std::size_t i = 0; i < count; ++i) step();
  }

 private:
  void step() {
    using track::EventKind;
    using track::EventWay;
    now_ += dice_() % 40;
    const std::uint64_t late = dice_() % 8 == 0 && now_ > 1000 ? now_ - dice_() % 30 : now_;
    const auto choice = dice_() % 20;
    if (choice < 9 || live_.empty()) {
      track::Event event = block(EventKind::allocate, late);
      event.way = static_cast<EventWay>(1 + dice_() % 3);
      event.block = next_++;
      event.tag = static_cast<std::uint32_t>(dice_() % names.size());
      live_.push_back(event.block);
      pool.events.push_back(event);
    } else if (choice < 15) {
      const std::size_t at = dice_() % live_.size();
      track::Event event = event_of(EventKind::free, late);
      event.block = live_[at];
      live_.erase(live_.begin() + static_cast<std::ptrdiff_t>(at));
      pool.events.push_back(event);
    } else if (choice == 15) {
      track::Event event = block(EventKind::resize, late);
      event.way = EventWay::in_place;
      event.block = live_[dice_() % live_.size()];
      pool.events.push_back(event);
    } else if (choice < 18) {
      const bool come = dice_() % 2 == 0 || pages_ == 0;
      const std::uint64_t bytes = come ? (1 + dice_() % 4) << 21 : std::uint64_t{1} << 21;
      pages_ = come ? pages_ + bytes : pages_ - bytes;
      track::Event event = event_of(come ? EventKind::create : EventKind::destroy, late, bytes);
      event.way = EventWay::page;
      pool.events.push_back(event);
      event.kind = come ? EventKind::map : EventKind::unmap;
      event.address = base + ((dice_() % 16) << 21);
      pool.events.push_back(event);
    } else if (choice == 18) {
      track::Event event = event_of(transfer_ ? EventKind::transfer_end : EventKind::transfer_start, late, 4096);
      event.way = EventWay::upload;
      event.block = 7;
      transfer_ = !transfer_;
      pool.events.push_back(event);
    } else {
      pool.events.push_back(event_of(EventKind::refuse, late, dice_() % 1000));
    }
  }
  track::Event block(track::EventKind kind, std::uint64_t time) {
    track::Event event = event_of(kind, time, 1 + dice_() % 100'000);
    event.granules = static_cast<std::uint32_t>(index::granules_for(event.bytes) + dice_() % 3);
    event.address = base + ((dice_() % 60'000) << 9);
    event.stream = static_cast<std::uint32_t>(dice_() % 3);
    event.thread = static_cast<std::uint16_t>(1 + dice_() % 2);
    return event;
  }

  static constexpr std::uint64_t base = std::uint64_t{0x7f00} << 32;
  std::mt19937 dice_;
  std::uint64_t now_ = 5000;
  std::uint32_t next_ = 0;
  std::vector<std::uint32_t> live_;
  std::uint64_t pages_ = 0;
  bool transfer_ = false;
};

}  // namespace weir::replay::testing
