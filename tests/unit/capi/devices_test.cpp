// Devices by index and by name, and streams by the driver's handle: adopted, told, and
// memory in their order; over a CUDA driver that needs no GPU.
#include <weir/weir.h>

#include <cstdint>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "capi/handles.hpp"
#include "device/access.hpp"
#include "open_backend.hpp"

namespace {

using testing::HasSubstr;

weir_device_options defaults() {
  weir_device_options options{};
  EXPECT_EQ(weir_device_options_init(&options, sizeof options), WEIR_OK);
  return options;
}

TEST(CDevices, DefaultsAskForNoIndexAndNoName) {
  const weir_device_options options = defaults();
  EXPECT_EQ(options.index, -1);
  EXPECT_EQ(options.name, nullptr);
}

TEST(CDevices, EachOpensByItsBackendAndIndexAndByItsName) {
  struct Known {
    std::string backend;
    std::string name;
    uint64_t index;
  };
  std::vector<Known> all;
  ASSERT_EQ(weir_visit_devices(
                [](const weir_device_info* info, void* user) {
                  static_cast<std::vector<Known>*>(user)->push_back({info->backend, info->name, info->index});
                  return 0;
                },
                &all),
            WEIR_OK);
  ASSERT_FALSE(all.empty());
  for (const Known& each : all) {
    weir_device_options options = defaults();
    options.backend = each.backend.c_str();
    options.index = static_cast<int64_t>(each.index);
    const std::string part = each.name.substr(0, each.name.size() / 2 + 1);
    for (const char* name : {static_cast<const char*>(nullptr), "", part.c_str()}) {
      options.name = name;
      weir_device* device = nullptr;
      ASSERT_EQ(weir_device_open(&options, &device), WEIR_OK) << weir_last_error()->message;
      weir_device_info info{};
      info.struct_size = sizeof info;
      EXPECT_EQ(weir_device_get_info(device, &info), WEIR_OK);
      EXPECT_EQ(info.struct_size, sizeof info);
      EXPECT_EQ(info.index, each.index);
      EXPECT_EQ(info.backend, each.backend);
      EXPECT_EQ(info.name, each.name);
      weir_device_close(device);
    }
  }
}

TEST(CDevices, AnIndexOrANameThatNoneHasIsNotFound) {
  weir_device_options options = defaults();
  weir_device* device = nullptr;
  options.backend = "host";
  options.index = 7;
  EXPECT_EQ(weir_device_open(&options, &device), WEIR_NOT_FOUND);
  EXPECT_THAT(weir_last_error()->message, HasSubstr("number 7"));
  options.index = 0;
  options.name = "no such name";
  EXPECT_EQ(weir_device_open(&options, &device), WEIR_NOT_FOUND);
  EXPECT_THAT(weir_last_error()->message, HasSubstr("no such name"));
  EXPECT_EQ(device, nullptr);
}

// A program of the first version of the struct knows neither; what lies behind its end is not read.
TEST(CDevices, OptionsOfTheFirstVersionAskForNeither) {
  weir_device_options options = defaults();
  options.backend = "host";
  options.index = 7;
  options.name = "no such name";
  options.struct_size = 24;
  weir_device* device = nullptr;
  EXPECT_EQ(weir_device_open(&options, &device), WEIR_OK);
  weir_device_close(device);
}

TEST(CStreams, WhereDriversHaveNoneThereIsNoneToAdopt) {
  weir_device_options options = defaults();
  options.backend = "host";
  weir_device* device = nullptr;
  ASSERT_EQ(weir_device_open(&options, &device), WEIR_OK);
  weir_stream* adopted = nullptr;
  EXPECT_EQ(weir_stream_adopt(device, 1, &adopted), WEIR_UNSUPPORTED);
  EXPECT_EQ(adopted, nullptr);
  weir_stream* own = nullptr;
  ASSERT_EQ(weir_stream_create(device, &own), WEIR_OK);
  uint64_t native = 0;
  EXPECT_EQ(weir_stream_native(own, &native), WEIR_UNSUPPORTED);
  adopted = own;
  EXPECT_EQ(weir_stream_adopt(nullptr, 1, &adopted), WEIR_INVALID_ARGUMENT);
  EXPECT_EQ(adopted, nullptr);
  EXPECT_EQ(weir_stream_adopt(device, 1, nullptr), WEIR_INVALID_ARGUMENT);
  EXPECT_EQ(weir_stream_native(nullptr, &native), WEIR_INVALID_ARGUMENT);
  weir_stream_destroy(own);
  weir_device_close(device);
}

#ifdef WEIR_HAS_CUDA
TEST(CStreams, ADriversStreamIsAdoptedAndOrdersMemory) {
  weir::Device opened = weir::device::Access::make_device(weir::open_backend(weir::cuda_fake), "for the test");
  weir::DeviceInfo info = opened.info();
  auto* device = new weir_device{std::move(opened), std::move(info)};
  const auto native = reinterpret_cast<uint64_t>(weir::shared_fake().make_stream());
  weir_stream* adopted = nullptr;
  ASSERT_EQ(weir_stream_adopt(device, native, &adopted), WEIR_OK) << weir_last_error()->message;
  uint64_t told = 0;
  EXPECT_EQ(weir_stream_native(adopted, &told), WEIR_OK);
  EXPECT_EQ(told, native);
  weir_stream* second = adopted;
  EXPECT_EQ(weir_stream_adopt(device, native, &second), WEIR_INVALID_ARGUMENT);
  EXPECT_EQ(second, nullptr);

  weir_stream_id id = 0;
  ASSERT_EQ(weir_stream_get_id(adopted, &id), WEIR_OK);
  weir_pool* pool = nullptr;
  ASSERT_EQ(weir_pool_create(device, nullptr, &pool), WEIR_OK);
  void* block = nullptr;
  void* again = nullptr;
  ASSERT_EQ(weir_allocate(pool, 1000, 0, id, &block), WEIR_OK);
  EXPECT_EQ(weir_deallocate(pool, block, id), WEIR_OK);
  ASSERT_EQ(weir_allocate(pool, 1000, 0, id, &again), WEIR_OK);
  EXPECT_EQ(again, block);  // reused at once, in the order of the stream
  EXPECT_EQ(weir_deallocate(pool, again, id), WEIR_OK);
  EXPECT_EQ(weir_stream_synchronize(adopted, INT64_MAX), WEIR_OK);
  weir_stream_destroy(adopted);

  // The driver's stream is still there, and can be adopted anew.
  ASSERT_EQ(weir_stream_adopt(device, native, &adopted), WEIR_OK) << weir_last_error()->message;
  weir_stream_destroy(adopted);
  weir_stream* own = nullptr;
  ASSERT_EQ(weir_stream_create(device, &own), WEIR_OK);
  EXPECT_EQ(weir_stream_native(own, &told), WEIR_OK);
  EXPECT_NE(told, 0u);
  EXPECT_NE(told, native);
  weir_stream_destroy(own);
  weir_pool_destroy(pool);
  weir_device_close(device);
  EXPECT_EQ(weir::shared_fake().fault(), "");
}
#endif

}  // namespace
