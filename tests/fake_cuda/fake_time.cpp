// What the fake driver's calls cost, by their names, and what tests have come before one.
#include <algorithm>
#include <array>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include "fake_cuda/fake_calls.hpp"

namespace weir::fake_cuda {
namespace {

using device::DriverModel;
using Time = DriverModel::Time;

struct Cost {
  std::string_view call;
  Time DriverModel::*each;
  Time DriverModel::*handle = nullptr;
};

// Pinned memory has no entry of its own; it costs what plain memory does, as on the dry device.
constexpr std::array<Cost, 13> costs{{
    {"cuEventQuery", &DriverModel::query},
    {"cuEventRecord", &DriverModel::record},
    {"cuMemMap", &DriverModel::map, &DriverModel::map_handle},
    {"cuMemSetAccess", &DriverModel::access, &DriverModel::access_handle},
    {"cuMemUnmap", &DriverModel::unmap, &DriverModel::unmap_handle},
    {"cuMemCreate", &DriverModel::create, &DriverModel::create_handle},
    {"cuMemRelease", &DriverModel::destroy},
    {"cuMemAddressReserve", &DriverModel::reserve},
    {"cuMemAddressFree", &DriverModel::reserve},
    {"cuMemAlloc", &DriverModel::allocate},
    {"cuMemFree", &DriverModel::allocate},
    {"cuMemHostAlloc", &DriverModel::allocate},
    {"cuMemFreeHost", &DriverModel::allocate},
}};

}  // namespace

Toll::~Toll() {
  if (!fake_.takes_time_.load()) return;
  const auto* const found =
      std::find_if(costs.begin(), costs.end(), [&](const Cost& each) { return each.call == call_; });
  if (found == costs.end()) return;
  Time cost{0};
  {
    const std::lock_guard lock(fake_.mutex_);
    cost = fake_.model_.*found->each;
    if (found->handle != nullptr) cost += handles_ * (fake_.model_.*found->handle);
  }
  fake_.time_.spend(cost);
}

std::uint64_t Fake::mappings_in(CUdeviceptr address, std::uint64_t bytes) const {
  const auto past = mappings_.lower_bound(address + bytes);
  return static_cast<std::uint64_t>(std::distance(mappings_.lower_bound(address), past));
}

// --- What comes before a call ---

void Fake::before(const std::string& call, std::function<void()> what) {
  const std::lock_guard lock(mutex_);
  planned_[call] = std::move(what);
}

void Fake::meet(const char* call) {
  std::function<void()> what;
  {
    const std::lock_guard lock(mutex_);
    const auto found = planned_.find(call);
    if (found == planned_.end()) return;
    what = std::move(found->second);
    planned_.erase(found);
  }
  what();
}

}  // namespace weir::fake_cuda
