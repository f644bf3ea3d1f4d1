#include "workloads/trajectory/run/paths.hpp"

#include <algorithm>
#include <array>

#include "compute/losses.hpp"

namespace weir::trajectory {
namespace {

constexpr double least_float_tolerance = 1e-4;  // 32-bit numbers tell no less apart at 200 m

AnyBuffer buffer_of(const Tensor& tensor) {
  if (tensor.dtype() == DType::float64) return tensor.buffer<double>();
  return tensor.buffer<float>();
}

DeviceSpan<std::byte> bytes_of(const Tensor& tensor, StreamId stream) {
  if (tensor.dtype() == DType::float64) return compute::bytes_of(tensor.access<double>(stream));
  return compute::bytes_of(tensor.access<float>(stream));
}

}  // namespace

PathDevice::PathDevice(MemoryManager& memory, const RunSettings& settings)
    : memory_(memory),
      device_(memory.device()),
      chosen_(make_runner(device_, settings.threads, settings.kernels, settings.floats)),
      dtype_(chosen_.precision == compute::Precision::doubles ? DType::float64 : DType::float32),
      physics_(settings.physics),
      tolerance_(dtype_ == DType::float64 ? physics_.tolerance : std::max(physics_.tolerance, least_float_tolerance)),
      stream_(device_.stream()),
      tensors_(memory, "paths") {}

void PathDevice::start(Paths& paths, std::span<const Launch> launches, std::size_t rows) {
  paths.count = launches.size();
  const std::size_t bytes = launch_columns * rows * number_bytes();
  if (paths.staging.size() < bytes) paths.staging = memory_.pinned<std::byte>(bytes);
  paths.launches = tensors_.acquire({launch_columns, rows}, dtype_, stream_);
  paths.states = tensors_.acquire({path_columns, rows}, dtype_, stream_);
  const auto upload = [&]<class Number>(Number* columns) {
    fill_columns(launches, columns);
    const std::span<const Number> filled(columns, launch_columns * launches.size());
    memory_.start_upload(paths.launches.buffer<Number>(), filled, stream_);
  };
  if (dtype_ == DType::float64) {
    upload(reinterpret_cast<double*>(paths.staging.data()));
  } else {
    upload(reinterpret_cast<float*>(paths.staging.data()));
  }
  const compute::Step<Body, Parameters> step{Body::launch, static_cast<std::uint32_t>(paths.count),
                                             parameters(paths, 0)};
  queue(paths, {&step, 1});
}

Parameters PathDevice::parameters(const Paths& paths, std::uint32_t attempts) const noexcept {
  return {.count = static_cast<std::uint32_t>(paths.count),
          .attempts = attempts,
          .drag = physics_.drag ? 1U : 0U,
          .lift = physics_.lift ? 1U : 0U,
          .tolerance = static_cast<float>(tolerance_)};
}

void PathDevice::advance(const Paths& paths, std::uint32_t attempts, std::uint32_t rounds) {
  const Parameters told = parameters(paths, attempts);
  const std::vector<compute::Step<Body, Parameters>> plan(rounds, {Body::advance, told.count, told});
  queue(paths, plan);
}

void PathDevice::queue(const Paths& paths, std::span<const compute::Step<Body, Parameters>> plan) {
  const std::array<DeviceSpan<std::byte>, 2> bindings{bytes_of(paths.launches, stream_),
                                                      bytes_of(paths.states, stream_)};
  const std::lock_guard lock(queueing_);
  chosen_.runner->queue(plan, bindings, stream_);
}

void PathDevice::download(const Paths& paths, bool snapshot) {
  memory_.start_download(buffer_of(paths.states), stream_, {.snapshot = snapshot});
}

void PathDevice::give_back(Paths& paths) noexcept {
  for (Tensor* const each : {&paths.launches, &paths.states}) {
    try {
      if (each->valid()) tensors_.release(*each);
    } catch (const Error&) {  // NOLINT(bugprone-empty-catch): a device that is lost frees it at the pool's end
    }
    *each = {};
  }
}

void PathDevice::finish() noexcept {
  try {
    device_.synchronize(stream_, patience);  // what is queued uses this object
  } catch (const Error&) {
    return;  // a lost device runs nothing any more
  }
}

namespace {

void follow_all(std::span<const Launch> launches, const RunSettings& settings, MemoryManager& memory,
                std::vector<std::vector<Place>>& found) {
  PathDevice device(memory, settings);
  Paths paths;
  // Whether all have ended.
  const auto take = [&](const auto* columns) { return add_places(columns, std::span(found)); };
  try {
    device.start(paths, launches, launches.size());
    device.download(paths, true);
    for (bool over = false; !over;) {
      device.advance(paths, 1, 1);
      device.download(paths, true);
      over = device.downloaded(paths, take);
    }
    static_cast<void>(device.downloaded(paths, take));
  } catch (...) {
    device.finish();
    device.give_back(paths);
    throw;
  }
  device.give_back(paths);
}

}  // namespace

std::vector<std::vector<Place>> follow(std::span<const Launch> launches, const RunSettings& settings,
                                       MemoryManager& memory) {
  settings.physics.check();
  for (std::size_t i = 0; i < launches.size(); ++i) check(launches[i], i);
  std::vector<std::vector<Place>> found(launches.size());
  if (launches.empty()) return found;
  compute::Losses losses(memory);
  losses.survive([&] {
    found.assign(launches.size(), {});
    follow_all(launches, settings, memory, found);
  });
  return found;
}

}  // namespace weir::trajectory
