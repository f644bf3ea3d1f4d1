#include "backend/cuda/profiler.hpp"

#include <nvtx3/nvToolsExt.h>
#include <nvtx3/nvToolsExtCuda.h>

#include <array>
#include <cstdio>

namespace weir::backend::cuda {
namespace {

nvtxDomainHandle_t domain() noexcept {
  static nvtxDomainHandle_t const only = nvtxDomainCreateA("weir");
  return only;
}

}  // namespace

Range::Range(const char* what, std::uint64_t bytes) noexcept {
  nvtxEventAttributes_t event{};
  event.version = NVTX_VERSION;
  event.size = NVTX_EVENT_ATTRIB_STRUCT_SIZE;
  event.messageType = NVTX_MESSAGE_TYPE_ASCII;
  event.message.ascii = what;
  event.payloadType = NVTX_PAYLOAD_TYPE_UNSIGNED_INT64;
  event.payload.ullValue = bytes;
  nvtxDomainRangePushEx(domain(), &event);
}

Range::~Range() { nvtxDomainRangePop(domain()); }

void name_stream(CUstream stream, StreamId id) noexcept {
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "weir stream %u", static_cast<unsigned>(id));
  nvtxNameCuStreamA(stream, name.data());
}

}  // namespace weir::backend::cuda
