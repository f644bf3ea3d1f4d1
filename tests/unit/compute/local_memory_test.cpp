// What a driver keeps for local memory, beside what its makers say of an H100.
#include "compute/local_memory.hpp"

#include <gtest/gtest.h>

namespace weir::compute {
namespace {

TEST(LocalMemory, IsForEveryThreadThatCanBeThere) {
  EXPECT_EQ(local_memory_reserved(2048, 132, 2048), 553'648'128u) << "an H100's";
  EXPECT_EQ(local_memory_reserved(0, 132, 2048), 0u);
  EXPECT_EQ(local_memory_reserved(1 << 20, 4096, 2048), std::uint64_t{1} << 43) << "past 32 bits";
}

}  // namespace
}  // namespace weir::compute
