// Any bytes are a trace that keeps its promises or a ParseError of one line.
// Traces also go through the policies, whose results are held to each other.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>

#include <weir/errors.hpp>

#include "replay/direct_policy.hpp"
#include "replay/pytorch_expandable.hpp"
#include "replay/pytorch_policy.hpp"
#include "replay/read_trace.hpp"
#include "unit/replay/trace_facts.hpp"

namespace {

using weir::replay::DeviceTrace;
using weir::replay::Trace;
namespace testing = weir::replay::testing;

void require(bool condition, const std::string& what) {
  if (condition) return;
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}

void check(const DeviceTrace& device) {
  const testing::TraceFacts facts = testing::facts_of(device);
  const auto direct = weir::replay::simulate_direct_policy(device);
  require(direct.peak_requested == facts.peak_live, "the direct policy's peak requested");
  require(direct.peak_reserved >= facts.peak_live, "the direct policy reserved too little");
  try {
    const auto pytorch = weir::replay::simulate_pytorch_policy(device);
    require(pytorch.peak_requested == facts.peak_live, "PyTorch's policy's peak requested");
    require(pytorch.peak_reserved >= facts.peak_live, "PyTorch's policy reserved too little");
    const auto expandable = weir::replay::simulate_pytorch_expandable(device, {.passes = 2});
    require(expandable.peak_requested == facts.peak_live, "expandable segments' peak requested");
    require(expandable.peak_reserved >= facts.peak_live, "expandable segments reserved too little");
  } catch (const weir::InvalidArgument&) {
    // More than 16 EiB over all streams.
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const Trace trace = weir::replay::read_trace(std::as_bytes(std::span(data, size)));
    require(testing::broken_promise(trace).empty(), testing::broken_promise(trace));
    for (const DeviceTrace& device : trace.devices) check(device);
  } catch (const weir::ParseError& error) {
    for (const char c : error.message()) require(c >= 0x20 && c < 0x7f, "a message is no printable line");
  }
  return 0;
}
