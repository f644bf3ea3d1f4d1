// How a value that is out of its range is refused, and how numbers are written.
#include "compute/range.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <weir/errors.hpp>

namespace weir::compute {
namespace {

TEST(Shortest, BringsTheNumberBackInAsFewDigitsAsItTakes) {
  EXPECT_EQ(shortest(double{0.1F}), "0.1") << "a float has a float's digits";
  EXPECT_EQ(shortest(0.1), "0.1");
  EXPECT_EQ(std::stod(shortest(1.0 / 3)), 1.0 / 3);
  EXPECT_EQ(shortest(1'000'000), "1000000");
  EXPECT_EQ(shortest(-0.0), "-0");
  EXPECT_EQ(shortest(1e300), "1e+300") << "past every float";
  EXPECT_EQ(shortest(std::nan("")), "nan");
  EXPECT_EQ(shortest(std::numeric_limits<double>::infinity()), "inf");
}

TEST(RequireRange, NamesTheValueAndTheRange) {
  EXPECT_NO_THROW(require_range("robot", "mass", " kg", 3, {0.5, 3}));
  for (const double value : {3.5, std::nan("")}) {
    try {
      require_range("robot", "mass", " kg", value, {0.5, 3});
      ADD_FAILURE() << value << " was taken";
    } catch (const InvalidArgument& error) {
      EXPECT_EQ(error.message(), "robot: the mass is " + shortest(value) + " kg, and has to be from 0.5 to 3 kg");
      EXPECT_EQ(error.facts().name, "mass");
    }
  }
}

}  // namespace
}  // namespace weir::compute
