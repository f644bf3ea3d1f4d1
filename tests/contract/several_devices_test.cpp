// Several devices in one program: a manager on each, copies between every pair of
// backends that are here, and totals a device and over all.
#include <chrono>
#include <numeric>
#include <string>
#include <vector>

#include "contract/manager_kinds.hpp"
#include "device/access.hpp"
#include "open_backend.hpp"

namespace weir::contract {
namespace {

using namespace std::chrono_literals;

struct Pair {
  std::string from;
  std::string to;
};

std::vector<Pair> pairs() {
  std::vector<std::string> names;
  for (const char* name : {"host", cuda_fake, "cuda", "vulkan"}) {
    if (why_absent(name).empty()) names.emplace_back(name);
  }
  std::vector<Pair> all;
  // A pair is of the run that is about the later of the two.
  for (std::size_t from = 0; from < names.size(); ++from) {
    for (std::size_t to = 0; to < names.size(); ++to) {
      if (chosen(names[std::max(from, to)])) all.push_back({names[from], names[to]});
    }
  }
  return all;
}

class SeveralDevices : public testing::TestWithParam<Pair> {
 protected:
  SeveralDevices()
      : source_(device::Access::make_device(open_backend(GetParam().from), "the source"), {.name = "source"}),
        target_(device::Access::make_device(open_backend(GetParam().to), "the target"), {.name = "target"}) {}

  static std::vector<std::uint32_t> numbers(std::size_t count) {
    std::vector<std::uint32_t> all(count);
    std::iota(all.begin(), all.end(), 7u);
    return all;
  }

  MemoryManager source_;
  MemoryManager target_;
};
INSTANTIATE_TEST_SUITE_P(Pairs, SeveralDevices, testing::ValuesIn(pairs()),
                         [](const auto& pair) { return pair.param.from + "_to_" + pair.param.to; });

TEST_P(SeveralDevices, CopiesArriveByteForByte) {
  // Less than a staging buffer through the host, and several.
  for (const std::size_t count : {std::size_t{1}, std::size_t{1000}, std::size_t{3'000'001}}) {
    const auto data = numbers(count);
    const auto from = source_.create<std::uint32_t>("from", data);
    const std::vector<std::uint32_t> before(count + 20, 5);
    const auto to = target_.create<std::uint32_t>("to", before);
    target_.copy(to, source_, from, StreamId::legacy_default, StreamId::legacy_default, {.offset = 10});
    std::vector<std::uint32_t> expected = before;
    std::copy(data.begin(), data.end(), expected.begin() + 10);
    EXPECT_EQ(target_.download(to), expected);
    EXPECT_EQ(source_.download(from), data);
    source_.free_all();
    target_.free_all();
  }
}

TEST_P(SeveralDevices, CopiesFollowBothStreams) {
  const auto data = numbers(100'000);
  const Stream reading = Device(source_.device()).stream();
  const Stream writing = Device(target_.device()).stream();
  const auto from = source_.create<std::uint32_t>("from", std::vector<std::uint32_t>(data.size(), 1));
  const auto to = target_.create<std::uint32_t>("to", std::vector<std::uint32_t>(data.size(), 2), {}, writing);
  source_.start_upload(from, data, reading);
  target_.copy(to, source_, from, writing, reading);
  EXPECT_EQ(target_.download(to, writing), data);
}

TEST_P(SeveralDevices, WhatDoesNotFitIsRefusedAndChangesNothing) {
  const auto from = source_.create<std::uint32_t>("from", numbers(100));
  const auto to = target_.create<std::uint32_t>("to", numbers(100));
  EXPECT_TRUE(says(error_of<InvalidArgument>([&] {
                     target_.copy(to, source_, from, StreamId::legacy_default, StreamId::legacy_default, {.offset = 1});
                   }),
                   {"\"to\"", "100"}));
  EXPECT_TRUE(says(error_of<InvalidArgument>([&] { source_.copy(to, source_, from); }), {"\"to\""}));
  EXPECT_TRUE(says(error_of<InvalidArgument>([&] { source_.copy(from, source_, from); }), {"\"from\"", "same buffer"}));
  EXPECT_EQ(target_.download(to), numbers(100));
  source_.free("from");
  EXPECT_THROW(target_.copy(to, source_, from), StaleHandle);
}

TEST_P(SeveralDevices, ADeadlineThatHasPassedCopiesNothing) {
  const auto from = source_.create<std::uint32_t>("from", numbers(1000));
  const auto to = target_.create<std::uint32_t>("to", std::vector<std::uint32_t>(1000, 5));
  for (const auto deadline : {std::chrono::nanoseconds(0), std::chrono::nanoseconds(-1)}) {
    try {
      target_.copy(to, source_, from, StreamId::legacy_default, StreamId::legacy_default, {.deadline = deadline});
      FAIL() << "nothing was thrown";
    } catch (const Timeout& error) {
      EXPECT_EQ(error.facts().name, "to");
      EXPECT_EQ(error.facts().bytes_asked, 4000u);
      EXPECT_EQ(error.facts().bytes_done, 0u);
    }
  }
  EXPECT_EQ(target_.statistics().transfers.timeouts, 2u);
  EXPECT_EQ(target_.download(to), std::vector<std::uint32_t>(1000, 5));
}

TEST_P(SeveralDevices, TotalsAddUpByDeviceAndOverAll) {
  source_.create<std::byte>("a", 1000);
  target_.create<std::byte>("b", 20'000);
  const ProcessStatistics all = process_statistics();
  EXPECT_EQ(all.managers, 2u);
  EXPECT_EQ(all.buffers, 2u);
  EXPECT_EQ(all.requested.live, 21'000u);
  const DeviceInfo one = source_.device().info();
  const DeviceInfo other = target_.device().info();
  const bool same = one.backend == other.backend && one.index == other.index;
  std::uint64_t requested = 0;
  std::uint64_t reserved = 0;
  std::size_t devices = 0;
  for (const DeviceTotals& device : all.devices) {
    if (device.managers == 0) {  // of cases before this one
      EXPECT_EQ(device.reserved.live, 0u);
      EXPECT_EQ(device.pinned.live, 0u);
      continue;
    }
    ++devices;
    requested += device.requested.live;
    reserved += device.reserved.live;
    EXPECT_EQ(device.managers, same ? 2u : 1u);
    EXPECT_EQ(device.name, device.backend == one.backend ? one.name : other.name);
    if (!same) {
      EXPECT_EQ(device.requested.live, device.backend == one.backend ? 1000u : 20'000u);
    }
  }
  EXPECT_EQ(devices, same ? 1u : 2u);
  EXPECT_EQ(requested, all.requested.live);
  EXPECT_EQ(reserved, all.reserved.live);
}

}  // namespace
}  // namespace weir::contract
