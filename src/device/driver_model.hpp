// What a driver's calls cost and how late its events are: the measure by which the
// dry device, the tests' fake driver and the models of other allocators take time.
// Plain values; made by name, from text, or from a file that was measured on a GPU.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>

namespace weir::device {

/// Times of one call each, whatever it covers, and for each handle that it covers besides.
struct DriverModel {
  using Time = std::chrono::nanoseconds;
  Time event{0};  ///< after its record, and after its stream's earlier work, until an event is done
  Time record{0};
  Time query{0};
  Time create{0};
  Time map{0};
  Time access{0};
  Time unmap{0};
  Time destroy{0};
  Time reserve{0};   ///< of an address range; giving it back costs the same
  Time allocate{0};  ///< of plain memory, as cudaMalloc; what frees it costs the same
  Time create_handle{0};
  Time map_handle{0};
  Time access_handle{0};
  Time unmap_handle{0};
  friend bool operator==(const DriverModel&, const DriverModel&) = default;

  // What several handles cost: a driver creates, maps and destroys them one a call, makes them accessible by one
  // call, and unmaps it by one. At most the longest time that there is.
  [[nodiscard]] Time creating(std::uint64_t handles) const noexcept;
  [[nodiscard]] Time mapping(std::uint64_t handles) const noexcept;  ///< and making accessible
  [[nodiscard]] Time unmapping(std::uint64_t handles) const noexcept;
  [[nodiscard]] Time destroying(std::uint64_t handles) const noexcept;
};

/// The most that an entry may be, in microseconds: 1000 s, for no call takes so long.
inline constexpr double max_entry_us = 1e9;

/// A preset's name ("instant", "cheap", "dear"), or entries "event_us=6,create_us=7.6"; what is not named costs
/// nothing. Entries after a preset's name stand in the place of its own: "cheap,event_us=50". Entries are the names
/// above with _us; microseconds, fractions allowed. Throws InvalidArgument that names the entry and its limits, or
/// lists the presets.
[[nodiscard]] DriverModel driver_model(std::string_view text);
[[nodiscard]] bool is_driver_preset(std::string_view name) noexcept;
/// One entry of a model, for readers of files. Throws as driver_model().
void set_entry(DriverModel& model, std::string_view name, double microseconds);
/// The names of all entries, in the order of the members.
[[nodiscard]] std::span<const std::string_view> driver_entries() noexcept;

}  // namespace weir::device
