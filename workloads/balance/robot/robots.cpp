#include "workloads/balance/robot/robots.hpp"

#include <array>
#include <bit>

#include "compute/range.hpp"

namespace weir::balance {
namespace {

robots::Parameters parameters_of(const Model& model, std::uint32_t count, std::uint32_t seed) {
  compute::require_range("robots", "number of them", "", count, {1, 16'777'216});
  const formulas::Coefficients c = model.coefficients();
  return {
      .count = count,
      .seed = seed,
      .physics = static_cast<std::uint32_t>(model.physics),
      .reward = static_cast<std::uint32_t>(model.reward),
      .history = model.history,
      .max_steps = model.max_steps,
      .dt = c.dt,
      .gravity_moment = c.gravity_moment,
      .damping = c.damping,
      .inverse_inertia = c.inverse_inertia,
      .drive = c.drive,
      .rolling = c.rolling,
      .gain = c.gain,
      .max_torque = c.max_torque,
      .fail_angle = c.fail_angle,
      .inverse_fail_angle = c.inverse_fail_angle,
      .wheel_inertia = c.wheel_inertia,
      .coupling = c.coupling,
      .body_inertia = c.body_inertia,
      .inverse_radius = c.inverse_radius,
      .sensor_offset = c.sensor_offset,
      .sensor_drift = c.sensor_drift,
      .sensor_noise = c.sensor_noise,
      .start_angle = c.start_angle,
      .start_speed = c.start_speed,
  };
}

}  // namespace

Robots::Robots(MemoryManager& memory, Runner& runner, const Model& model, std::uint32_t count, std::uint32_t seed,
               StreamId stream, const std::string& name)
    : memory_(memory),
      runner_(runner),
      told_(parameters_of(model, count, seed)),
      motion_(memory.scoped<float>(name + ".motion", std::size_t{robots::motion_columns} * count, {}, stream)),
      tallies_(memory.scoped<std::uint32_t>(name + ".tallies", std::size_t{robots::tally_columns} * count, {}, stream)),
      actions_(memory.scoped<std::uint32_t>(name + ".actions", count, {}, stream)),
      rewards_(memory.scoped<float>(name + ".rewards", count, {}, stream)),
      dones_(memory.scoped<std::uint32_t>(name + ".dones", count, {}, stream)) {}

void Robots::queue(robots::Body body, const DeviceSpan<float>& values, StreamId stream) {
  using compute::bytes_of;
  const Runner::PlanStep step{body, told_.count, told_};
  const std::array<DeviceSpan<std::byte>, 6> bindings{
      bytes_of(motion_.access(stream)),  bytes_of(tallies_.access(stream)), bytes_of(values),
      bytes_of(actions_.access(stream)), bytes_of(rewards_.access(stream)), bytes_of(dones_.access(stream))};
  runner_.queue({&step, 1}, bindings, stream);
}

// What a kernel does not use is bound to something that is there.
void Robots::start(StreamId stream) { queue(robots::Body::start, rewards_.access(stream), stream); }
void Robots::move(StreamId stream) { queue(robots::Body::move, rewards_.access(stream), stream); }
void Robots::advance(StreamId stream) { queue(robots::Body::advance, rewards_.access(stream), stream); }
void Robots::observe(const DeviceSpan<float>& observations, StreamId stream) {
  queue(robots::Body::observe, observations, stream);
}
void Robots::decide(const DeviceSpan<float>& outputs, StreamId stream) { queue(robots::Body::decide, outputs, stream); }

std::vector<std::uint32_t> Robots::falls(StreamId stream) {
  std::vector<std::uint32_t> all(count());
  memory_.download(tallies_, std::span<std::uint32_t>(all), stream,
                   {.offset = std::size_t{robots::falls_column} * count()});
  return all;
}

}  // namespace weir::balance
