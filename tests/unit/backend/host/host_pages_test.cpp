// Pages of host memory: usable where they are mapped, unreadable where they are
// not, moved with their memory, and counted against the capacity.
#include "backend/host/host_pages.hpp"

#include <endian.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "contract/pattern.hpp"
#include "support/in_child.hpp"

namespace weir::backend::host {
namespace {

using device::Address;
using device::Extent;

constexpr std::uint64_t page = HostPages::page_bytes;

void* pointer(Address address) { return reinterpret_cast<void*>(address); }  // NOLINT(performance-no-int-to-ptr)

/// The protection of the mapping that holds the address, as the kernel tells it: "rw-p", "---p" or "".
std::string protection(Address address) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::istringstream fields(line);
    Address from = 0;
    Address to = 0;
    char dash = 0;
    std::string access;
    fields >> std::hex >> from >> dash >> to >> access;
    if (address >= from && address < to) return access;
  }
  return "";
}

/// A line of the kernel's account of the mapping that holds the address: what follows `key`; "" for none.
std::string account(Address address, const std::string& key) {
  std::ifstream maps("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    std::istringstream fields(line);
    Address from = 0;
    Address to = 0;
    char dash = 0;
    if (line.find(':') > line.find('-') && fields >> std::hex >> from >> dash >> to && dash == '-') {
      inside = address >= from && address < to;
    } else if (inside && line.starts_with(key + ":")) {
      return line.substr(key.size() + 1);
    }
  }
  return "";
}

class HostPagesTest : public testing::Test {
 protected:
  HostPages pages_{64_MiB};
  Address range_ = pages_.reserve(64 * page);
  void TearDown() override { pages_.unreserve(range_, 64 * page); }
};

TEST_F(HostPagesTest, ARangeIsAlignedAndUnreadable) {
  EXPECT_EQ(range_ % page, 0u);
  EXPECT_EQ(protection(range_), "---p");
  EXPECT_EQ(protection(range_ + 64 * page - 1), "---p");
}

TEST_F(HostPagesTest, AreUsableExactlyWhileMapped) {
  std::vector<Extent> pages(2);
  pages_.create(pages);
  pages_.map(range_ + 3 * page, pages);
  EXPECT_EQ(protection(range_ + 2 * page), "---p");
  EXPECT_EQ(protection(range_ + 3 * page), "rw-p");
  EXPECT_EQ(protection(range_ + 5 * page - 1), "rw-p");
  EXPECT_EQ(protection(range_ + 5 * page), "---p");
  contract::fill_pattern(pointer(range_ + 3 * page), 2 * page, 1);
  EXPECT_TRUE(contract::has_pattern(pointer(range_ + 3 * page), 2 * page, 1));
  pages_.unmap(range_ + 3 * page, pages);
  EXPECT_EQ(protection(range_ + 3 * page), "---p");
  pages_.destroy(pages);
}

TEST_F(HostPagesTest, MayBeLargePagesOfTheKernelOfWhichOnlyTheTouchedAreResident) {
  if (!std::ifstream("/sys/kernel/mm/transparent_hugepage/enabled")) GTEST_SKIP() << "no transparent huge pages here";
  std::vector<Extent> pages(8);
  pages_.create(pages);
  pages_.map(range_, pages);
  EXPECT_NE(account(range_, "VmFlags").find(" hg"), std::string::npos);
  EXPECT_EQ(std::stoul(account(range_, "Rss")), 0u);
  *static_cast<volatile unsigned char*>(pointer(range_ + 3 * page)) = 1;
  EXPECT_GT(std::stoul(account(range_, "Rss")), 0u);
  EXPECT_LE(std::stoul(account(range_, "Rss")), page >> 10);
  pages_.unmap(range_, pages);
  pages_.destroy(pages);
  EXPECT_EQ(std::stoul(account(range_, "Rss")), 0u);
}

using HostPagesDeathTest = HostPagesTest;

TEST_F(HostPagesDeathTest, AStrayAccessAfterUnmappingFaults) {
  std::vector<Extent> pages(1);
  pages_.create(pages);
  pages_.map(range_, pages);
  auto* byte = static_cast<volatile unsigned char*>(pointer(range_));
  *byte = 7;
  pages_.unmap(range_, pages);
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(*byte = 8, "");
  pages_.destroy(pages);
}

// Mapped anew at random, in any order: every page stays usable, and no two share memory.
TEST_F(HostPagesTest, MoveAboutAndStayWholeAndApart) {
  std::mt19937 random(9);
  std::vector<Extent> pages(16);
  pages_.create(pages);
  std::vector<Address> where(pages.size(), 0);
  std::vector<bool> taken(64);
  for (std::uint64_t round = 0; round < 300; ++round) {
    const std::size_t which = random() % pages.size();
    const std::span<const Extent> one(&pages[which], 1);
    if (where[which] != 0) {
      ASSERT_TRUE(contract::has_pattern(pointer(where[which]), page, which)) << round;
      pages_.unmap(where[which], one);
      taken[(where[which] - range_) / page] = false;
      where[which] = 0;
    } else {
      std::size_t index = random() % taken.size();
      while (taken[index]) index = random() % taken.size();
      where[which] = range_ + index * page;
      taken[index] = true;
      pages_.map(where[which], one);
      contract::fill_pattern(pointer(where[which]), page, which);
    }
  }
  for (std::size_t which = 0; which < pages.size(); ++which) {
    if (where[which] == 0) continue;
    EXPECT_TRUE(contract::has_pattern(pointer(where[which]), page, which));
    pages_.unmap(where[which], std::span<const Extent>(&pages[which], 1));
  }
  pages_.destroy(pages);
}

TEST_F(HostPagesTest, APageThatMovesKeepsWhatItHoldsAlsoWhereAnotherIsParked) {
  const Address range = pages_.reserve(4 * page);
  std::vector<Extent> two(2);
  pages_.create(two);
  pages_.map(range, two);
  contract::fill_pattern(pointer(range), page, 1);
  contract::fill_pattern(pointer(range + page), page, 2);
  pages_.unmap(range, two);  // both are parked now, each in the other's way
  pages_.map(range + page, std::span(two).first(1));
  EXPECT_TRUE(contract::has_pattern(pointer(range + page), page, 1));
  pages_.map(range + 2 * page, std::span(two).last(1));
  contract::fill_pattern(pointer(range + 2 * page), page, 3);
  EXPECT_TRUE(contract::has_pattern(pointer(range + page), page, 1));
  pages_.unmap(range + page, std::span(two).first(1));
  pages_.unmap(range + 2 * page, std::span(two).last(1));
  pages_.destroy(two);
  pages_.unreserve(range, 4 * page);
}

TEST_F(HostPagesTest, CountsTheKernelsCallsByWhatTheyAreFor) {
  const device::DriverCalls before = pages_.calls();
  std::vector<Extent> pages(3);
  pages_.create(pages);
  pages_.map(range_, pages);
  pages_.unmap(range_, pages);
  pages_.map(range_, pages);  // where they are still
  pages_.unmap(range_, pages);
  pages_.map(range_ + 8 * page, pages);
  pages_.unmap(range_ + 8 * page, pages);
  pages_.destroy(pages);
  pages_.free_segment(pages_.allocate_segment(page), page);
  pages_.free_pinned(pages_.allocate_pinned(page), page);
  const device::DriverCalls after = pages_.calls();
  EXPECT_EQ(after.creates - before.creates, 1u);
  EXPECT_EQ(after.maps - before.maps, 6u);
  EXPECT_EQ(after.accesses - before.accesses, 3u);
  EXPECT_EQ(after.unmaps - before.unmaps, 3u);
  EXPECT_EQ(after.destroys - before.destroys, 3u);
  EXPECT_EQ(after.segments - before.segments, 2u);
  EXPECT_EQ(after.pinned - before.pinned, 2u);
  EXPECT_EQ(after.all() - before.all(), 20u);
}

TEST_F(HostPagesTest, AnExtentIsOnePage) {
  std::vector<Extent> row{{.pages = 2}};
  EXPECT_THROW(pages_.create(row), std::logic_error);
}

TEST_F(HostPagesTest, AreBoundedByTheCapacity) {
  std::vector<Extent> pages(32);
  pages_.create(pages);
  std::vector<Extent> more(1);
  EXPECT_THROW(pages_.create(more), OutOfMemory);
  EXPECT_THROW(static_cast<void>(pages_.allocate_segment(1)), OutOfMemory);
  pages_.destroy(pages);
  const Address segment = pages_.allocate_segment(64_MiB);
  EXPECT_THROW(pages_.create(more), OutOfMemory);
  contract::fill_pattern(pointer(segment), 1_MiB, 3);
  pages_.free_segment(segment, 64_MiB);
  EXPECT_EQ(protection(segment), "");
  pages_.create(more);
  pages_.destroy(more);
}

TEST_F(HostPagesTest, WhatTheSystemRefusesIsLackOfMemoryWithItsCode) {
  HostPages boundless(UINT64_MAX);
  try {
    static_cast<void>(boundless.allocate_segment(std::uint64_t{1} << 60));
    FAIL() << "an exbibyte was given";
  } catch (const OutOfMemory& error) {
    EXPECT_EQ(error.facts().native_code, ENOMEM);
    EXPECT_EQ(error.facts().bytes_asked, std::uint64_t{1} << 60);
  }
  EXPECT_THROW(static_cast<void>(boundless.reserve(std::uint64_t{1} << 60)), OutOfMemory);
}

// An old kernel, played by a filter that refuses the flag as such a kernel does.
bool forget_how_to_move() {
  constexpr auto number_at = offsetof(seccomp_data, nr);
  constexpr auto flags_at = offsetof(seccomp_data, args) + 3 * sizeof(std::uint64_t);
  std::array<sock_filter, 6> program{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number_at),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_mremap, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, flags_at),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MREMAP_DONTUNMAP, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog filter{program.size(), program.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

using HostPagesOfOldKernels = ForkOfThreads;

TEST_F(HostPagesOfOldKernels, MoveByACopy) {
  ASSERT_EQ(__BYTE_ORDER, __LITTLE_ENDIAN) << "the filter looks at the low half of the flags";
  EXPECT_TRUE(holds_in_child([] {
    if (!forget_how_to_move()) return false;
    if (mremap(nullptr, 0, 0, MREMAP_MAYMOVE | MREMAP_DONTUNMAP) != MAP_FAILED || errno != EINVAL) return false;
    HostPages pages(64 * page);
    const Address first = pages.reserve(4 * page);
    const Address second = pages.reserve(4 * page);
    std::vector<Extent> row(2);
    pages.create(row);
    pages.map(first, row);
    contract::fill_pattern(reinterpret_cast<std::uint8_t*>(first), 2 * page, 7);  // NOLINT(performance-no-int-to-ptr)
    pages.unmap(first, row);
    pages.map(second + page, row);
    const auto* moved = reinterpret_cast<const std::uint8_t*>(second + page);  // NOLINT(performance-no-int-to-ptr)
    std::vector<std::uint8_t> expected(2 * page);
    contract::fill_pattern(expected.data(), expected.size(), 7);
    if (!std::equal(expected.begin(), expected.end(), moved)) return false;
    if (protection(first) != "---p" || protection(first + page) != "---p" || protection(second) != "---p") return false;
    if (account(first, "Rss") != account(second, "Rss")) return false;  // of two that hold nothing
    // Once more, to and fro.
    pages.unmap(second + page, row);
    pages.map(first, row);
    std::memset(pointer(first), 1, 2 * page);
    pages.unmap(first, row);
    pages.destroy(row);
    pages.unreserve(first, 4 * page);
    pages.unreserve(second, 4 * page);
    return true;
  }));
}

}  // namespace
}  // namespace weir::backend::host
