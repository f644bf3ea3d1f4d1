#include "device/driver_model.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>

#include <weir/errors.hpp>

#include "core/names.hpp"
#include "device/simulated_time.hpp"

namespace weir::device {
namespace {

using Time = DriverModel::Time;
using std::chrono::nanoseconds;

struct Entry {
  std::string_view name;
  Time DriverModel::*member;
};

constexpr std::array<Entry, 14> entries{{
    {"event_us", &DriverModel::event},
    {"record_us", &DriverModel::record},
    {"query_us", &DriverModel::query},
    {"create_us", &DriverModel::create},
    {"map_us", &DriverModel::map},
    {"access_us", &DriverModel::access},
    {"unmap_us", &DriverModel::unmap},
    {"destroy_us", &DriverModel::destroy},
    {"reserve_us", &DriverModel::reserve},
    {"allocate_us", &DriverModel::allocate},
    {"create_handle_us", &DriverModel::create_handle},
    {"map_handle_us", &DriverModel::map_handle},
    {"access_handle_us", &DriverModel::access_handle},
    {"unmap_handle_us", &DriverModel::unmap_handle},
}};

// The two ends of what is published for 2 MiB pages and one thread. Create, map, set access, unmap and reserve are the
// averages of two GPUs (the dear one an A100) in magnate3/linux-riscv-dev, nccl/gpu/shm/bench_vmm/README.md, measured
// one handle a call. Create and map always take one handle, so that theirs are the call's; of set access and unmap,
// which take several, about a twentieth (1 and 2 us) is assumed to be the handle's and the rest the call's.
//
// Record and query: one after the other take 0.47 us together, without timing (ICLDisco/parsec, pull request 576);
// their shares are assumed. A record takes 0.53 us and more under a profiler (rapidsai/rmm, issue 448); the dear ones
// are assumed to be twice that, and half of it. Events: about 1 us on the device and 1 to 2 over PCIe
// (chelsea0x3b/cudarc, pull request 335); the dear ones are assumed to take twice as long. Assumed: a destroy costs
// what an unmap of one handle does, and an allocation what a create, a map and a set access of one handle do, for it
// does all three.
constexpr DriverModel cheap{.event = nanoseconds(3'000),
                            .record = nanoseconds(300),
                            .query = nanoseconds(170),
                            .create = nanoseconds(7'580),
                            .map = nanoseconds(1'050),
                            .access = nanoseconds(19'780),
                            .unmap = nanoseconds(10'450),
                            .destroy = nanoseconds(11'450),
                            .reserve = nanoseconds(9'000),
                            .allocate = nanoseconds(29'410),
                            .create_handle = {},
                            .map_handle = {},
                            .access_handle = nanoseconds(1'000),
                            .unmap_handle = nanoseconds(1'000)};
constexpr DriverModel dear{.event = nanoseconds(6'000),
                           .record = nanoseconds(1'000),
                           .query = nanoseconds(500),
                           .create = nanoseconds(193'320),
                           .map = nanoseconds(1'450),
                           .access = nanoseconds(33'990),
                           .unmap = nanoseconds(23'630),
                           .destroy = nanoseconds(25'630),
                           .reserve = nanoseconds(19'000),
                           .allocate = nanoseconds(230'760),
                           .create_handle = {},
                           .map_handle = {},
                           .access_handle = nanoseconds(2'000),
                           .unmap_handle = nanoseconds(2'000)};

struct Preset {
  std::string_view name;
  DriverModel model;
};

constexpr std::array<Preset, 3> presets{{{"instant", {}}, {"cheap", cheap}, {"dear", dear}}};

template <class Table>
std::string listed(const Table& table) {
  std::string list;
  for (const auto& each : table) list += (list.empty() ? "" : ", ") + std::string(each.name);
  return list;
}

const Preset* find_preset(std::string_view name) noexcept {
  const auto* const found =
      std::find_if(presets.begin(), presets.end(), [&](const Preset& each) { return each.name == name; });
  return found == presets.end() ? nullptr : found;
}

const Entry& find_entry(std::string_view name) {
  const auto* const found =
      std::find_if(entries.begin(), entries.end(), [&](const Entry& each) { return each.name == name; });
  if (found != entries.end()) return *found;
  throw InvalidArgument(
      "driver model: there is no entry \"" + core::printable(name) + "\"; there are " + listed(entries),
      {.name = core::printable(name)});
}

[[noreturn]] void refuse_value(std::string_view name, const std::string& value) {
  throw InvalidArgument(
      "driver model: " + std::string(name) + " is " + value + "; it takes microseconds, a number from 0 to 1e9",
      {.name = std::string(name), .limit = static_cast<std::uint64_t>(max_entry_us)});
}

// False also for what is no number.
bool is_allowed(double microseconds) noexcept { return microseconds >= 0 && microseconds <= max_entry_us; }

double read_number(std::string_view name, std::string_view text) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || !is_allowed(number))
    refuse_value(name, "\"" + core::printable(text) + "\"");
  return number;
}

/// One "name=value"; `given` has a place for each entry.
void read_entry(std::string_view text, DriverModel& model, std::array<bool, entries.size()>& given) {
  const std::size_t sign = text.find('=');
  if (sign == std::string_view::npos) {
    throw InvalidArgument("driver model: \"" + core::printable(text) +
                              "\" is not an entry (event_us=6), and not a preset in the first place; presets are " +
                              listed(presets),
                          {.name = core::printable(text)});
  }
  const std::string_view name = text.substr(0, sign);
  bool& before = given.at(static_cast<std::size_t>(&find_entry(name) - entries.data()));
  if (before) {
    throw InvalidArgument("driver model: " + std::string(name) + " is given twice; name it once",
                          {.name = std::string(name)});
  }
  before = true;
  set_entry(model, name, read_number(name, text.substr(sign + 1)));
}

Time times(std::uint64_t count, Time time) noexcept {
  std::int64_t product = 0;
  return __builtin_mul_overflow(count, time.count(), &product) ? Time::max() : Time(product);
}

}  // namespace

Time DriverModel::creating(std::uint64_t handles) const noexcept {
  return times(handles, later(create, create_handle));
}

Time DriverModel::mapping(std::uint64_t handles) const noexcept {
  return later(times(handles, later(map, map_handle)), later(access, times(handles, access_handle)));
}

Time DriverModel::unmapping(std::uint64_t handles) const noexcept { return later(unmap, times(handles, unmap_handle)); }

Time DriverModel::destroying(std::uint64_t handles) const noexcept { return times(handles, destroy); }

DriverModel driver_model(std::string_view text) {
  std::string_view rest = text;
  const auto next = [&rest] {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view part = rest.substr(0, comma);
    rest = comma == rest.size() ? std::string_view() : rest.substr(comma + 1);
    return part;
  };
  if (text.ends_with(',')) {
    throw InvalidArgument("driver model: \"" + core::printable(text) + "\" ends with a comma; an entry is missing",
                          {.name = core::printable(text)});
  }
  DriverModel model;
  std::array<bool, entries.size()> given{};
  const std::string_view first = next();
  if (const Preset* preset = find_preset(first)) {
    model = preset->model;
  } else if (first.find('=') == std::string_view::npos) {
    throw InvalidArgument("driver model: there is no preset \"" + core::printable(first) + "\"; there are " +
                              listed(presets) + "; or name entries, as event_us=6,create_us=7.6",
                          {.name = core::printable(first)});
  } else {
    read_entry(first, model, given);
  }
  while (!rest.empty()) read_entry(next(), model, given);
  return model;
}

bool is_driver_preset(std::string_view name) noexcept { return find_preset(name) != nullptr; }

void set_entry(DriverModel& model, std::string_view name, double microseconds) {
  const Entry& entry = find_entry(name);
  if (!is_allowed(microseconds)) {
    std::array<char, 32> text{};
    const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), microseconds);
    refuse_value(name, error == std::errc() ? std::string(text.data(), end) : "no number");
  }
  constexpr double nanoseconds_each = 1000;
  model.*entry.member = Time(std::llround(microseconds * nanoseconds_each));
}

std::span<const std::string_view> driver_entries() noexcept {
  static constexpr auto names = [] {
    std::array<std::string_view, entries.size()> all;
    std::transform(entries.begin(), entries.end(), all.begin(), [](const Entry& each) { return each.name; });
    return all;
  }();
  return names;
}

}  // namespace weir::device
