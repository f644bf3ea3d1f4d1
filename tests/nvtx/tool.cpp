// A profiler as NVTX finds one at run time: a library named by NVTX_INJECTION64_PATH.
// It writes down what weir says, for the test that loads it to read.
#include <cuda.h>
#include <nvtx3/nvToolsExt.h>
#include <nvtx3/nvToolsExtCuda.h>

#include <mutex>
#include <string>

namespace {

std::mutex mutex;
std::string notes;  // a line each

void note(const std::string& line) {
  const std::lock_guard lock(mutex);
  notes += line + "\n";
}

nvtxDomainHandle_t create_domain(const char* name) {
  note(std::string("domain ") + name);
  static int only;
  return reinterpret_cast<nvtxDomainHandle_t>(&only);
}
int push(nvtxDomainHandle_t domain, const nvtxEventAttributes_t* event) {
  note(std::string(domain == nullptr ? "no domain: " : "push ") + event->message.ascii + " " +
       std::to_string(event->payload.ullValue));
  return 0;
}
int pop(nvtxDomainHandle_t) {
  note("pop");
  return 0;
}
void name_stream(CUstream, const char* name) { note(std::string("stream ") + name); }

template <class Function>
void put(NvtxFunctionTable table, unsigned which, Function function) {
  *table[which] = reinterpret_cast<NvtxFunctionPointer>(function);
}

}  // namespace

extern "C" const char* weir_nvtx_notes() { return notes.c_str(); }

extern "C" int InitializeInjectionNvtx2(NvtxGetExportTableFunc_t get_table) {
  const auto* callbacks = static_cast<const NvtxExportTableCallbacks*>(get_table(NVTX_ETID_CALLBACKS));
  NvtxFunctionTable table = nullptr;
  unsigned size = 0;
  if (callbacks == nullptr || callbacks->GetModuleFunctionTable(NVTX_CB_MODULE_CORE2, &table, &size) == 0) return 0;
  put(table, NVTX_CBID_CORE2_DomainCreateA, &create_domain);
  put(table, NVTX_CBID_CORE2_DomainRangePushEx, &push);
  put(table, NVTX_CBID_CORE2_DomainRangePop, &pop);
  if (callbacks->GetModuleFunctionTable(NVTX_CB_MODULE_CUDA, &table, &size) == 0) return 0;
  put(table, NVTX_CBID_CUDA_NameCuStreamA, &name_stream);
  return 1;
}
