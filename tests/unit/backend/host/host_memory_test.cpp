// What the system lets a process have, read out of made-up systems: control groups of both versions, nested, in a
// container, and files that make no sense.
#include "backend/host/host_memory.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace weir::backend::host {
namespace {

constexpr std::uint64_t gib = std::uint64_t{1} << 30;

class HostMemoryTest : public testing::Test {
 protected:
  void SetUp() override {
    file("/proc/meminfo", "MemTotal:       67108864 kB\nMemFree:  1 kB\nMemAvailable:   33554432 kB\n");  // 64, 32 GiB
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void file(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }
  void mounted(const std::string& group, bool second) const {
    const std::string tail = second ? " rw - cgroup2 cgroup rw\n" : " rw shared:9 - cgroup cgroup rw,memory\n";
    file("/proc/self/mountinfo", "21 1 0:20 / /proc rw - proc proc rw\n24 30 0:22 " + group +
                                     (second ? " /sys/fs/cgroup" : " /sys/fs/cgroup/memory") + tail);
  }
  [[nodiscard]] HostMemory memory(const ProcessLimits& limits = {}) const { return host_memory(limits, root_); }

  const std::string root_ =
      testing::TempDir() + "host_memory_" + testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(HostMemoryTest, WithoutGroupsItIsTheMachines) {
  EXPECT_EQ(memory().total, 64 * gib);
  EXPECT_EQ(memory().free, 32 * gib);
}

TEST_F(HostMemoryTest, TheTightestOfNestedGroupsBoundsIt) {
  mounted("/", true);
  file("/proc/self/cgroup", "0::/user/job/step\n");
  file("/sys/fs/cgroup/user/memory.max", "max\n");
  file("/sys/fs/cgroup/user/job/memory.max", "8589934592\n");
  file("/sys/fs/cgroup/user/job/memory.current", "6442450944\n");
  file("/sys/fs/cgroup/user/job/memory.stat", "anon 5\ninactive_file 1073741824\n");
  file("/sys/fs/cgroup/user/job/step/memory.max", "17179869184\n");
  EXPECT_EQ(memory().total, 8 * gib);
  EXPECT_EQ(memory().free, 3 * gib) << "8, less 6 in use, of which 1 is cache";
}

TEST_F(HostMemoryTest, GroupsOfTheFirstVersionDoToo) {
  mounted("/", false);
  file("/proc/self/cgroup", "5:cpu,cpuacct:/else\n4:memory:/job\n0::/\n");
  file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  file("/sys/fs/cgroup/memory/job/memory.limit_in_bytes", "4294967296\n");
  file("/sys/fs/cgroup/memory/job/memory.usage_in_bytes", "1073741824\n");
  EXPECT_EQ(memory().total, 4 * gib);
  EXPECT_EQ(memory().free, 3 * gib);
}

TEST_F(HostMemoryTest, AContainerSeesItsOwnGroupAtTheTop) {
  mounted("/docker/0123", true);
  file("/proc/self/cgroup", "0::/docker/0123/inner\n");
  file("/sys/fs/cgroup/memory.max", "2147483648\n");
  EXPECT_EQ(memory().total, 2 * gib);
  file("/proc/self/cgroup", "0::/../../outside\n");
  EXPECT_EQ(memory().total, 2 * gib);
}

TEST_F(HostMemoryTest, LimitsOfTheProcessCount) {
  file("/proc/self/status", "VmSize:\t 4194304 kB\nVmData:\t 1048576 kB\n");
  EXPECT_EQ(memory({.addresses = 16 * gib, .data = {}}).total, 16 * gib);
  EXPECT_EQ(memory({.addresses = 16 * gib, .data = {}}).free, 16 * gib) << "never more than there is";
  EXPECT_EQ(memory({.addresses = {}, .data = 3 * gib}).total, 3 * gib);
  EXPECT_EQ(memory({.addresses = {}, .data = 3 * gib}).free, 2 * gib);
}

TEST_F(HostMemoryTest, FilesThatMakeNoSenseBoundNothing) {
  mounted("/", true);
  for (const char* const text : {"", "\n", "max", "-1\n", "12x\n", "99999999999999999999999999\n", "nan\n"}) {
    file("/sys/fs/cgroup/memory.max", text);
    for (const std::string& group : {std::string("0::/\n"), std::string("0::\n"), std::string("::::\n"),
                                     std::string("0:/\n"), "0::" + std::string(100000, '/') + "\n"}) {
      file("/proc/self/cgroup", group);
      EXPECT_EQ(memory().total, 64 * gib) << text << group.substr(0, 20);
    }
  }
  file("/proc/self/mountinfo", "- - - -\n1 2 3\n24 30 0:22 / /sys rw - cgroup2\n" + std::string(1'000'000, 'x'));
  file("/proc/self/cgroup", "0::/a\n");
  EXPECT_EQ(memory().total, 64 * gib);
  file("/proc/meminfo", "MemTotal: 99999999999999999999 kB\nMemAvailable: 99999999999999999 kB\n");
  EXPECT_GT(memory().total, 0U);
  EXPECT_LE(memory().free.value_or(0), memory().total);
}

TEST_F(HostMemoryTest, ThisMachineHasSome) {
  const HostMemory here = host_memory();
  EXPECT_GT(here.total, 0U);
  EXPECT_LE(here.free.value_or(0), here.total);
}

}  // namespace
}  // namespace weir::backend::host
