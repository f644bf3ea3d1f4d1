#include "workloads/lidar/run/chunk_computer.hpp"

#include <array>

namespace weir::lidar {

std::vector<ScopeColumn> input_features(const FeatureSet& features, bool wide) {
  std::vector<ScopeColumn> all{wide ? scope_column<WidePoint>("points") : scope_column<Point>("points")};
  if (features.needs_colours()) all.push_back(scope_column<std::array<std::uint16_t, 4>>("colours"));
  if (features.needs_classes()) all.push_back(scope_column<std::uint8_t>("classes"));
  return all;
}

std::vector<ScopeColumn> row_features(const FeatureSet& features) {
  std::vector<ScopeColumn> all{scope_column<std::uint32_t>("ids")};
  for (const Feature feature : features.features()) all.push_back(scope_column<float>(std::string(name(feature))));
  return all;
}

std::unique_ptr<ChunkComputer> make_computer(MemoryManager& memory, const ComputeSettings& settings) {
  const Device device = memory.device();
  const DeviceInfo& info = device.facts();
  if (settings.wide && !info.pointers) {
    throw Unsupported(info.name +
                          ": the cloud is more than 2147483647 steps of its unit across, the limit on GPUs; "
                          "use --device host, or smaller tiles",
                      {.name = "device", .limit = 2147483647});
  }
  if (info.backend == BackendKind::vulkan) return make_vulkan_computer(memory, settings);
  if (info.backend == BackendKind::cuda) return make_cuda_computer(memory, settings);
  if (info.pointers) return make_host_computer(device, settings);
  throw Unsupported(info.name + ": a device of the backend \"" + std::string(weir::name(info.backend)) +
                        "\" has no kernels for point clouds",
                    {.name = "device"});
}

}  // namespace weir::lidar
