// Address space that costs nothing until it is touched, and is zero then.
#include "core/lazy_memory.hpp"

#include <cstdint>
#include <new>

#include <gtest/gtest.h>

namespace weir::core {
namespace {

TEST(LazyMemory, IsZeroAndMayBeLarge) {
  constexpr std::size_t bytes = std::size_t{64} << 30;
  auto* memory = static_cast<unsigned char*>(map_lazy(bytes, "a test"));
  for (std::size_t at = 0; at < bytes; at += bytes / 16) {
    EXPECT_EQ(memory[at], 0);
    memory[at] = 1;
  }
  unmap_lazy(memory, bytes);
}

TEST(LazyMemory, ThrowsWhereThereIsNoSuchSpace) {
  EXPECT_THROW(static_cast<void>(map_lazy(std::size_t{1} << 62, "a test")), OutOfMemory);
}

}  // namespace
}  // namespace weir::core
