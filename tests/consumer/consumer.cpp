// The smallest program against the installed library: headers are found, symbols are linked,
// a tensor of the host's memory is made, and an exception thrown inside the library is caught outside it.
#include <cstdio>
#include <weir/weir.hpp>

int main() {
  using namespace weir::literals;
  if (weir::parse_bytes("24GiB") != 24_GiB) return 1;
  weir::MemoryManager memory(weir::open_device({.backend = "host"}), {.pool = {.limit = 64_MiB}});
  weir::TensorPool tensors(memory);
  if (weir::tidy(tensors, [&] { return tensors.acquire<float>({2, 3}); }).access<float>().size() != 6) return 1;
  try {
    (void)weir::parse_bytes("many");
    return 1;
  } catch (const weir::Error& error) {
    std::printf("%s: %s\n", weir::format_bytes(24_GiB).c_str(), error.message().c_str());
  }
}
