// Which builds of the kernels there are, and which of them run on this processor.
#include <string>

#include <weir/errors.hpp>

#include "compute/processor.hpp"
#include "workloads/lidar/features/kernel.hpp"

namespace weir::lidar {

namespace baseline {
void run(const KernelTask& task, const Node& node, KernelResult& result);
}
#if defined(__x86_64__)
namespace v3 {
void run(const KernelTask& task, const Node& node, KernelResult& result);
}
namespace v4 {
void run(const KernelTask& task, const Node& node, KernelResult& result);
}
#endif

std::vector<NamedKernel> kernels() {
  std::vector<NamedKernel> all{{"x86-64", baseline::run}};
#if defined(__x86_64__)
  if (compute::runs_v3()) all.push_back({"x86-64-v3", v3::run});
  if (compute::runs_v4()) all.push_back({"x86-64-v4", v4::run});
#endif
  return all;
}

NamedKernel choose_kernel(std::string_view name) {
  const std::vector<NamedKernel> all = kernels();
  if (name.empty()) return all.back();
  for (const NamedKernel& each : all) {
    if (each.name == name) return each;
  }
  const std::string text(name);
  if (name == "x86-64-v3" || name == "x86-64-v4") {
    throw Unsupported("this processor does not run the " + text + " kernels", {.name = text});
  }
  throw NotFound("no kernels \"" + text + "\"; there are: x86-64, x86-64-v3, x86-64-v4", {.name = text});
}

}  // namespace weir::lidar
