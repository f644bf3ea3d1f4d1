// What a pool's events come to: the blocks that are live, the names of tags, and the counts,
// which are those of the pool's own statistics. Takes events of any origin; those that
// contradict each other, as where some were lost, change nothing but a count. Used by the
// ring for what it forgets, and by readers of recordings.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include <weir/statistics.hpp>

#include "track/event.hpp"

namespace weir::monitor {

class PoolState {
 public:
  /// What an event did.
  enum class Outcome : std::uint8_t {
    applied,
    unmatched,  ///< a free or resize of a block that is not known to be live
    replaced,   ///< an allocation of a block that was not told to be free; the former one has ended
  };
  Outcome apply(const track::Event& event);
  void name_tag(std::uint32_t tag, std::string_view name) { names_.insert_or_assign(tag, std::string(name)); }
  /// A block that was live before the first event; the counts have it already.
  void add_live(const track::Event& allocation) { live_.insert_or_assign(allocation.block, allocation); }

  [[nodiscard]] const Statistics& counts() const noexcept { return counts_; }
  [[nodiscard]] Statistics& counts() noexcept { return counts_; }
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }
  void set_lost(std::uint64_t events) noexcept { lost_ = events; }
  /// By block; the events that allocated them, with their present size and address.
  [[nodiscard]] const std::unordered_map<std::uint32_t, track::Event>& live() const noexcept { return live_; }
  [[nodiscard]] const std::unordered_map<std::uint32_t, std::string>& names() const noexcept { return names_; }
  /// Empty for no tag, "tag 7" for one whose name is not known.
  [[nodiscard]] std::string name_of(std::uint32_t tag) const;

 private:
  Outcome allocate(const track::Event& event);
  Outcome free(const track::Event& event);
  Outcome resize(const track::Event& event);

  Statistics counts_;
  std::uint64_t lost_ = 0;
  std::unordered_map<std::uint32_t, track::Event> live_;
  std::unordered_map<std::uint32_t, std::string> names_;
};

}  // namespace weir::monitor
