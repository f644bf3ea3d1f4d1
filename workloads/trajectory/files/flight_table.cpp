#include "workloads/trajectory/files/flight_table.hpp"

#include <array>
#include <charconv>
#include <string>

namespace weir::trajectory {
namespace {

void add(std::string& row, double value, int digits) {
  std::array<char, 64> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, digits).ptr;
  row.append(text.data(), end);
  row += ',';
}

}  // namespace

FlightTable::FlightTable(files::OutputFile& file) : file_(file) {
  file_.write(
      "launch,speed_m_s,angle_deg,spin_rpm,axis_deg,wind_m_s,wind_direction_deg,"
      "carry_m,apex_m,flight_time_s,landing_speed_m_s,side_drift_m,steps,ending\n");
}

void FlightTable::take(std::uint64_t first, std::span<const Launch> launches, std::span<const Flight> flights) {
  std::string rows;
  rows.reserve(160 * launches.size());
  for (std::size_t i = 0; i < launches.size(); ++i) {
    const Launch& launch = launches[i];
    const Flight& flight = flights[i];
    rows.append(std::to_string(first + i)) += ',';
    add(rows, launch.speed, 4);
    add(rows, launch.angle, 4);
    add(rows, launch.spin, 2);
    add(rows, launch.axis, 4);
    add(rows, launch.wind, 4);
    add(rows, launch.wind_direction, 3);
    add(rows, flight.carry, 5);
    add(rows, flight.apex, 5);
    add(rows, flight.time, 6);
    add(rows, flight.landing_speed, 5);
    add(rows, flight.drift, 5);
    rows.append(std::to_string(flight.steps)) += ',';
    rows.append(name(flight.ending)) += '\n';
  }
  file_.write(rows);
}

}  // namespace weir::trajectory
