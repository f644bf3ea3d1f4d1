// What is measured of a driver whose costs are known comes out as a model's file that
// can be read, with costs that are never less than they are.
#include "../bench/gpu/driver_costs.hpp"

#include <gtest/gtest.h>

#include <weir/bytes.hpp>

#include "backend/cuda/driver.hpp"
#include "fake_cuda/fake_cuda.hpp"
#include "replay/driver_file.hpp"

namespace weir::bench::gpu {
namespace {

using namespace std::chrono_literals;

TEST(DriverCosts, OfADriverWithKnownCosts) {
  fake_cuda::Fake fake{{.memory = 512_MiB}};
  const backend::cuda::Driver& driver = fake_cuda::Fake::table();
  CUcontext context = nullptr;
  ASSERT_EQ(driver.context_retain(&context, 0), CUDA_SUCCESS);
  ASSERT_EQ(driver.context_push(context), CUDA_SUCCESS);
  fake.take_time(
      device::driver_model("event_us=5000,record_us=60,query_us=20,create_us=50,map_us=30,access_us=200,"
                           "unmap_us=100,destroy_us=40,reserve_us=70,allocate_us=250,access_handle_us=20,"
                           "unmap_handle_us=10"));
  DriverCosts<backend::cuda::Driver> costs(driver, 0);
  costs.measure(5);
  const device::DriverModel model = replay::parse_driver_model(costs.json("a \"test\"", "none\n"));
  EXPECT_GE(model.event, 2ms);  // from after the record to before the query that saw it: less on a busy machine
  EXPECT_GE(model.record, 60us);
  EXPECT_GE(model.query, 20us);
  EXPECT_GE(model.create, 50us);
  EXPECT_GE(model.map, 30us);
  EXPECT_GE(model.destroy, 40us);
  EXPECT_GE(model.reserve, 70us);
  EXPECT_GE(model.allocate, 250us);
  // Of the call and the handles, whatever each was taken for, the sum is what a row took.
  constexpr auto rounding = 100ns;
  EXPECT_GE(model.access + model.access_handle, 220us - rounding);
  EXPECT_GE(model.access + 100 * model.access_handle, 2200us - rounding);
  EXPECT_GE(model.unmapping(1), 110us - rounding);
  EXPECT_GE(model.unmapping(100), 1100us - rounding);
  EXPECT_EQ(model.create_handle, 0us);
  ASSERT_EQ(driver.context_pop(&context), CUDA_SUCCESS);
  EXPECT_EQ(fake.fault(), "");
}

}  // namespace
}  // namespace weir::bench::gpu
