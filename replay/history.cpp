// See history.hpp.
#include "replay/history.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include <weir/errors.hpp>

#include "index/size_bins.hpp"
#include "replay/block_walk.hpp"

namespace weir::replay {

namespace {

using track::Event;
using track::EventKind;
using track::EventWay;

/// The end of a range, which may reach 2^64.
std::uint64_t end_of(std::uint64_t address, std::uint64_t bytes) {
  return bytes > ~address ? std::numeric_limits<std::uint64_t>::max() : address + bytes;
}

/// Ranges with memory behind them now, none of which overlap. A part that goes leaves the rest with its beginning.
class Mappings {
 public:
  explicit Mappings(std::vector<MappedRange>& done) : done_(done) {}

  void map(std::uint64_t address, std::uint64_t bytes, std::uint32_t now) {
    unmap(address, bytes, now);
    if (bytes != 0) ranges_[address] = {end_of(address, bytes), now};
  }
  void unmap(std::uint64_t address, std::uint64_t bytes, std::uint32_t now) {
    const std::uint64_t end = end_of(address, bytes);
    auto at = ranges_.upper_bound(address);
    if (at != ranges_.begin()) --at;
    while (at != ranges_.end() && at->first < end) {
      const std::uint64_t from = at->first;
      const auto [to, begin] = at->second;
      if (to <= address) {
        ++at;
        continue;
      }
      at = ranges_.erase(at);
      if (from < address) ranges_[from] = {address, begin};
      if (to > end) ranges_[end] = {to, begin};
      const std::uint64_t gone = std::max(from, address);
      done_.push_back({.address = gone, .bytes = std::min(to, end) - gone, .begin = begin, .end = now});
    }
  }
  void finish() {
    for (const auto& [from, range] : ranges_) {
      done_.push_back({.address = from, .bytes = range.first - from, .begin = range.second, .end = History::never});
    }
  }

 private:
  std::vector<MappedRange>& done_;
  std::map<std::uint64_t, std::pair<std::uint64_t, std::uint32_t>> ranges_;  // by start: the end, and since when
};

class Writing final : public BlockVisitor {
 public:
  Writing(const RecordedPool& pool, std::uint64_t base) : base_(base), mappings_(made_.mapped) {
    made_.reserved_before = pool.before.reserved.live;
    walk(pool, *this);
    mappings_.finish();
    std::stable_sort(made_.transfers.begin(), made_.transfers.end(),
                     [](const RecordedTransfer& a, const RecordedTransfer& b) { return a.start < b.start; });
    made_.last_time = now_;
  }

  [[nodiscard]] History take() && { return std::move(made_); }

  void allocated(const Event& block) override { begin(block, block.way, index()); }
  void freed(const Event& block, const Event& end) override {
    const auto found = live_.find(block.block);
    made_.lives[found->second].end = index();
    add(end.time, Change::Kind::end, found->second);
    live_.erase(found);
  }
  void resized(const Event& before, const Event& after) override {
    const std::uint32_t born = made_.lives[live_.at(before.block)].born;
    freed(before, after);
    begin(after, EventWay::none, born);
  }
  void other(const Event& event) override {
    const std::uint64_t time = at(event.time);
    switch (event.kind) {
      case EventKind::create:
      case EventKind::destroy: pages(event, event.kind == EventKind::create); break;
      case EventKind::map:
        if (event.address != 0) mappings_.map(event.address, event.bytes, index());
        break;
      case EventKind::unmap:
        if (event.address != 0) mappings_.unmap(event.address, event.bytes, index());
        break;
      case EventKind::transfer_start:
        under_way_.insert_or_assign(event.block, made_.transfers.size());
        made_.transfers.push_back({.start = time,
                                   .end = History::no_time,
                                   .bytes = event.bytes,
                                   .stream = event.stream,
                                   .thread = event.thread,
                                   .upload = event.way == EventWay::upload});
        break;
      case EventKind::transfer_end:
        if (const auto found = under_way_.find(event.block); found != under_way_.end()) {
          made_.transfers[found->second].end = time;
          under_way_.erase(found);
        }
        break;
      case EventKind::refuse:
      case EventKind::fall_back:
      case EventKind::lost:
      case EventKind::spill:
      case EventKind::restore: {
        const bool named = event.kind == EventKind::spill || event.kind == EventKind::restore;
        made_.marks.push_back({.time = time, .bytes = event.bytes, .tag = named ? event.tag : 0, .kind = event.kind});
        break;
      }
      case EventKind::allocate:
      case EventKind::free:
      case EventKind::resize: break;
    }
  }

 private:
  /// Events of several threads may be late by a moment; here time never falls.
  std::uint64_t at(std::uint64_t time) {
    now_ = std::max(now_, time - std::min(time, base_));
    return now_;
  }
  [[nodiscard]] std::uint32_t index() const { return static_cast<std::uint32_t>(made_.changes.size()); }
  void add(std::uint64_t time, Change::Kind kind, std::uint64_t what) {
    if (made_.changes.size() == History::never - 1) {
      throw ParseError("has more than 2^32 - 2 changes of memory; report a part of it");
    }
    made_.changes.push_back({.time = at(time), .what = what, .kind = kind});
  }
  void begin(const Event& block, EventWay way, std::uint32_t born) {
    live_.insert_or_assign(block.block, made_.lives.size());
    const Life life{.address = block.address,
                    .bytes = block.bytes,
                    .allocated = std::uint64_t{block.granules} << index::granule_shift,
                    .tag = block.tag,
                    .stream = block.stream,
                    .begin = index(),
                    .end = History::never,
                    .born = born,
                    .thread = block.thread,
                    .way = way};
    add(block.time, Change::Kind::begin, made_.lives.size());
    made_.lives.push_back(life);
  }
  void pages(const Event& event, bool come) {
    add(event.time, come ? Change::Kind::take : Change::Kind::give, event.bytes);
    if (event.way != EventWay::segment || event.address == 0) return;
    if (come) {
      mappings_.map(event.address, event.bytes, index());
    } else {
      mappings_.unmap(event.address, event.bytes, index());
    }
  }

  const std::uint64_t base_;
  std::uint64_t now_ = 0;
  History made_;
  Mappings mappings_;
  std::unordered_map<std::uint32_t, std::size_t> live_;       // lives, by block
  std::unordered_map<std::uint32_t, std::size_t> under_way_;  // transfers, by number
};

}  // namespace

std::uint64_t first_time_of(const Recording& recording) noexcept {
  std::uint64_t first = History::no_time;
  for (const RecordedPool& pool : recording.pools) {
    if (!pool.events.empty()) first = std::min(first, pool.events.front().time);
  }
  return first == History::no_time ? 0 : first;
}

History history_of(const RecordedPool& pool, std::uint64_t base) { return Writing(pool, base).take(); }

}  // namespace weir::replay
