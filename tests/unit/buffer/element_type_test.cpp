// The types of elements, and handles that have no buffer.
#include <array>
#include <cstdint>

#include <gtest/gtest.h>

#include <weir/buffer.hpp>

namespace weir {
namespace {

struct Vec3 {
  float x, y, z;
};

TEST(ElementTypes, AreNamedAsTheCompilerDoes) {
  EXPECT_EQ(element_type<float>().name, "float");
  EXPECT_EQ(element_type<int>().name, "int");
  EXPECT_NE(element_type<Vec3>().name.find("Vec3"), std::string_view::npos);
  // A name that itself has what ends it in the compiler's text.
  EXPECT_NE((element_type<std::array<Vec3, 4>>().name.find("4")), std::string_view::npos);
  EXPECT_NE(element_type<float[3]>().name.find("[3]"), std::string_view::npos);
}

TEST(ElementTypes, AreToldApartByTypeNotBySize) {
  EXPECT_EQ(element_type<float>(), element_type<float>());
  EXPECT_FALSE(element_type<float>() == element_type<std::int32_t>());
  EXPECT_EQ(element_type<Vec3>().bytes, 12u);
}

TEST(EmptyHandles, HaveNoBuffer) {
  const Buffer<float> owner;
  const BufferHandle<float> handle;
  EXPECT_FALSE(owner.valid());
  EXPECT_FALSE(handle.valid());
  EXPECT_FALSE(handle.validate(0, 0));
  EXPECT_EQ(handle.name(), "");
  EXPECT_TRUE(handle == BufferHandle<float>());
  const BufferStatistics none;
  EXPECT_EQ(none.fill(), 0.0);
}

}  // namespace
}  // namespace weir
