// After fork() the C interface says WEIR_UNSUPPORTED of its parent's handles, whose
// end does nothing then.
#include <weir/weir.h>

#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "support/in_child.hpp"

namespace {

void nothing(void*) {}

int visit_nothing(const weir_live_block*, void*) { return 0; }

TEST(CFork, AChildIsToldAndMayEndItsParentsHandles) {
  weir_device* device = nullptr;
  weir_stream* stream = nullptr;
  weir_pool* pool = nullptr;
  void* block = nullptr;
  weir_stream_id id = 0;
  ASSERT_EQ(weir_device_open(nullptr, &device), WEIR_OK);
  ASSERT_EQ(weir_stream_create(device, &stream), WEIR_OK);
  ASSERT_EQ(weir_stream_get_id(stream, &id), WEIR_OK);
  ASSERT_EQ(weir_pool_create(device, nullptr, &pool), WEIR_OK);
  ASSERT_EQ(weir_allocate(pool, 5000, 0, id, &block), WEIR_OK);
  ASSERT_EQ(weir_device_run(device, id, nothing, nullptr), WEIR_OK);

  EXPECT_TRUE(weir::holds_in_child([&] {
    const auto refused = [](weir_status status) {
      const std::string message = weir_last_error()->message;
      return status == WEIR_UNSUPPORTED && message.find("was made before fork()") != std::string::npos;
    };
    weir_stream* more = nullptr;
    weir_pool* another = nullptr;
    void* address = nullptr;
    weir_device_info info{};
    info.struct_size = sizeof info;
    weir_statistics statistics{};
    statistics.struct_size = sizeof statistics;
    std::uint64_t blocks = 0;
    std::uint64_t bytes = 0;
    weir_tag tag = 0;
    const bool all_refused =
        refused(weir_device_get_info(device, &info)) && refused(weir_device_synchronize(device, id, INT64_MAX)) &&
        refused(weir_device_run(device, id, nothing, nullptr)) && refused(weir_stream_create(device, &more)) &&
        refused(weir_stream_synchronize(stream, INT64_MAX)) && refused(weir_pool_create(device, nullptr, &another)) &&
        refused(weir_allocate(pool, 5000, 0, id, &address)) && refused(weir_deallocate(pool, block, id)) &&
        refused(weir_used_on(pool, block, id)) && refused(weir_retire(pool, id)) &&
        refused(weir_make_tag(pool, "owner", &tag)) && refused(weir_trim(pool, 0, nullptr)) &&
        refused(weir_maintain(pool)) && refused(weir_get_statistics(pool, &statistics)) &&
        refused(weir_check_leaks(pool, &blocks, &bytes)) &&
        refused(weir_visit_live_blocks(pool, visit_nothing, nullptr));
    weir_pool_destroy(pool);
    weir_stream_destroy(stream);
    weir_device_close(device);
    weir_device* own = nullptr;
    return all_refused && weir_device_open(nullptr, &own) == WEIR_OK;
  }));

  EXPECT_EQ(weir_deallocate(pool, block, id), WEIR_OK);
  weir_pool_destroy(pool);
  weir_stream_destroy(stream);
  weir_device_close(device);
}

}  // namespace
