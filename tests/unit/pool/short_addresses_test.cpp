// Addresses are a resource too: where a process may map few, pools are smaller; where they end, the error says so.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <weir/weir.hpp>

#include "support/sanitizers.hpp"

namespace weir {
namespace {

using namespace weir::literals;

constexpr bool sanitized = WEIR_ADDRESS_SANITIZER != 0 || WEIR_THREAD_SANITIZER != 0;

std::uint64_t mapped_now() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t pages = 0;
  file >> pages;
  return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

// Runs `work` in a child that may map so many bytes more; gives what it says.
std::string with_addresses(std::uint64_t more, const std::function<std::string()>& work) {
  int ends[2];  // NOLINT(modernize-avoid-c-arrays): as pipe() wants it
  if (pipe(ends) != 0) return "no pipe";
  const pid_t child = fork();
  if (child == 0) {
    const rlimit limit{mapped_now() + more, mapped_now() + more};
    std::string said = setrlimit(RLIMIT_AS, &limit) == 0 ? "" : "no limit";
    try {
      if (said.empty()) said = work();
    } catch (const Error& error) {
      said = std::string(weir::name(error.code())) + ": " + error.message();
    } catch (const std::exception& error) {
      said = std::string("no error of weir's: ") + error.what();
    }
    const auto written = write(ends[1], said.data(), said.size());
    _exit(written == static_cast<ssize_t>(said.size()) ? 0 : 1);
  }
  close(ends[1]);
  std::string said(4096, '\0');
  const auto got = read(ends[0], said.data(), said.size());
  said.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return status == 0 ? said : "the child ended with status " + std::to_string(status);
}

Device host() { return open_device({.backend = "host", .capacity = {}}); }

class ShortAddresses : public testing::Test {
 protected:
  void SetUp() override {
    if (sanitized) GTEST_SKIP() << "a sanitizer maps more than any limit";
  }
};

TEST_F(ShortAddresses, MakeASmallerPoolThatServes) {
  const std::string said = with_addresses(1_GiB, [] {
    Pool pool(host());
    std::vector<void*> held;
    for (int i = 0; i < 2000; ++i) held.push_back(pool.allocate(i % 2 == 0 ? 600 : 100'000));
    for (void* block : held) pool.deallocate(block);
    pool.deallocate(pool.allocate(64_MiB));
    return std::string(pool.statistics().live == 0 ? "served" : "left something");
  });
  EXPECT_EQ(said, "served");
}

TEST_F(ShortAddresses, AreToldByTheDevice) {
  const std::string said = with_addresses(1_GiB, [] {
    const DeviceInfo info = host().info();
    return std::to_string(info.address_space_free.value() <= std::min(*info.address_space, std::uint64_t{1_GiB}));
  });
  EXPECT_EQ(said, "1");
}

TEST_F(ShortAddresses, RefuseAPoolWithAnErrorThatNamesItAndTheRemedy) {
  const std::string said = with_addresses(4_MiB, [] {
    const Pool pool(host(), {.name = "tight"});
    return std::string("made");
  });
  EXPECT_THAT(said, testing::HasSubstr("pool \"tight\""));
  EXPECT_THAT(said, testing::HasSubstr("ulimit -v"));
}

TEST_F(ShortAddresses, ThatEndAreARefusalNotAThrowForTryAllocate) {
  const std::string said = with_addresses(1_GiB, [] {
    Pool pool(host(), {.name = "tight"});
    std::vector<void*> held;
    while (const std::optional<void*> block = pool.try_allocate(16_MiB)) held.push_back(*block);
    std::string text;
    try {
      static_cast<void>(pool.allocate(16_MiB));
    } catch (const OutOfMemory& error) {
      text = error.message();
    }
    for (void* block : held) pool.deallocate(block);
    pool.deallocate(pool.allocate(16_MiB));
    return text;
  });
  EXPECT_THAT(said, testing::HasSubstr("pool \"tight\""));
  EXPECT_THAT(said, testing::HasSubstr("ulimit -v"));
}

// More than there are addresses for at the size that each would take.
TEST_F(ShortAddresses, ServeThousandsOfPools) {
  const Device device = host();
  std::vector<std::unique_ptr<Pool>> pools;
  for (int i = 0; i < 2000; ++i) {
    pools.push_back(std::make_unique<Pool>(device));
    pools.back()->deallocate(pools.back()->allocate(4_KiB));
  }
}

}  // namespace
}  // namespace weir
