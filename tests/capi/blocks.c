// The way of a block through the C interface, from opening a device to closing it.
#include <stdlib.h>
#include <string.h>

#include "check.h"

static void fill(void* block) { memset(block, 7, 4096); }

static int find_host(const weir_device_info* info, void* found) {
  if (strcmp(info->backend, "host") != 0) return 0;
  *(int*)found = 1;
  return 1;
}

static void check_devices(void) {
  int found = 0;
  CHECK(weir_visit_devices(find_host, &found) == WEIR_OK);
  CHECK(found);

  weir_device_options options;
  weir_device* dry = NULL;
  weir_device_info info = {.struct_size = sizeof info};
  CHECK(weir_device_options_init(&options, sizeof options) == WEIR_OK);
  options.backend = "dry";
  options.capacity = (uint64_t)64 << 20;
  CHECK(weir_device_open(&options, &dry) == WEIR_OK);
  CHECK(weir_device_get_info(dry, &info) == WEIR_OK);
  CHECK(strcmp(info.backend, "dry") == 0);
  CHECK(info.has_memory_total && info.memory_total == options.capacity);
  CHECK(info.virtual_memory && !info.pointers && info.page_bytes > 0);
  CHECK(strstr(info.why, "dry") != NULL && info.name[0] != '\0');
  weir_device_close(dry);
}

static void check_memory(weir_pool* pool, weir_device* device) {
  weir_stream* stream = NULL;
  weir_stream_id id = 0;
  CHECK(weir_stream_create(device, &stream) == WEIR_OK);
  CHECK(weir_stream_get_id(stream, &id) == WEIR_OK);
  CHECK(id > WEIR_STREAM_PER_THREAD_DEFAULT);

  void* block = NULL;
  CHECK(weir_allocate(pool, 4096, 0, id, &block) == WEIR_OK);
  CHECK(block != NULL && (uintptr_t)block % WEIR_GRANULE == 0);
  CHECK(weir_device_run(device, id, fill, block) == WEIR_OK);
  CHECK(weir_stream_synchronize(stream, INT64_MAX) == WEIR_OK);
  CHECK(block != NULL && ((char*)block)[4095] == 7);
  CHECK(weir_used_on(pool, block, WEIR_STREAM_LEGACY_DEFAULT) == WEIR_OK);
  CHECK(weir_deallocate(pool, block, id) == WEIR_OK);
  CHECK(weir_retire(pool, id) == WEIR_OK);
  weir_stream_destroy(stream);

  void* aligned = NULL;
  void* empty = pool;
  CHECK(weir_allocate(pool, 100, 1 << 16, WEIR_STREAM_PER_THREAD_DEFAULT, &aligned) == WEIR_OK);
  CHECK((uintptr_t)aligned % (1 << 16) == 0);
  CHECK(weir_deallocate(pool, aligned, WEIR_STREAM_PER_THREAD_DEFAULT) == WEIR_OK);
  CHECK(weir_allocate(pool, 0, 0, WEIR_STREAM_LEGACY_DEFAULT, &empty) == WEIR_OK);
  CHECK(empty == NULL);
  CHECK(weir_deallocate(pool, NULL, WEIR_STREAM_LEGACY_DEFAULT) == WEIR_OK);
}

struct seen {
  int blocks;
  uint64_t requested;
  char tag[16];
  char call_site[256];
};

static int look(const weir_live_block* block, void* user) {
  struct seen* seen = user;
  CHECK(block->struct_size == sizeof *block);
  CHECK(block->address != 0 && block->allocated >= block->requested && block->age_ns >= 0);
  if (seen->blocks++ > 0) return 0;
  seen->requested = block->requested;
  snprintf(seen->tag, sizeof seen->tag, "%s", block->tag);
  snprintf(seen->call_site, sizeof seen->call_site, "%s", block->call_site);
  return 0;
}

static int stop(const weir_live_block* block, void* count) {
  (void)block;
  ++*(int*)count;
  return 1;
}

static void check_reports(weir_pool* pool) {
  void* small = NULL;
  void* large = NULL;
  weir_tag tag = WEIR_TAG_NONE;
  weir_tag again = WEIR_TAG_NONE;
  CHECK(weir_make_tag(pool, "weights", &tag) == WEIR_OK);
  CHECK(weir_make_tag(pool, "weights", &again) == WEIR_OK);
  CHECK(tag != WEIR_TAG_NONE && tag == again);
  CHECK(weir_allocate(pool, 100, 0, WEIR_STREAM_LEGACY_DEFAULT, &small) == WEIR_OK);
  CHECK(weir_allocate_tagged(pool, 5000, 0, WEIR_STREAM_LEGACY_DEFAULT, tag, __FILE__, 77, &large) == WEIR_OK);

  struct seen seen = {0};
  CHECK(weir_visit_live_blocks(pool, look, &seen) == WEIR_OK);
  CHECK(seen.blocks == 2 && seen.requested == 5000);
  CHECK(strcmp(seen.tag, "weights") == 0);
  CHECK(strstr(seen.call_site, "blocks.c:77") != NULL);
  int count = 0;
  CHECK(weir_visit_live_blocks(pool, stop, &count) == WEIR_OK);
  CHECK(count == 1);

  uint64_t blocks = 0;
  uint64_t bytes = 0;
  CHECK(weir_check_leaks(pool, &blocks, &bytes) == WEIR_OK);
  CHECK(blocks == 2 && bytes == 5100);

  weir_statistics now = {.struct_size = sizeof now};
  CHECK(weir_get_statistics(pool, &now) == WEIR_OK);
  CHECK(now.struct_size == sizeof now);
  CHECK(now.requested.live == 5100 && now.requested.cumulative >= 5100);
  CHECK(now.allocated.live == 512 + 5120 && now.live == now.allocated.live);
  CHECK(now.live + now.cached + now.pending + now.mapped_free + now.held == now.reserved.live);
  CHECK(now.allocations - now.frees == 2 && now.driver_calls > 0);

  CHECK(weir_deallocate(pool, small, WEIR_STREAM_LEGACY_DEFAULT) == WEIR_OK);
  CHECK(weir_deallocate(pool, large, WEIR_STREAM_LEGACY_DEFAULT) == WEIR_OK);
  uint64_t returned = 0;
  CHECK(weir_maintain(pool) == WEIR_OK);
  CHECK(weir_trim(pool, 0, &returned) == WEIR_OK);
  CHECK(returned > 0);
  CHECK(weir_trim(pool, 0, NULL) == WEIR_OK);
  CHECK(weir_map_ahead(pool, 5u << 20, WEIR_STREAM_LEGACY_DEFAULT) == WEIR_OK);
  CHECK(weir_trim(pool, 0, &returned) == WEIR_OK && returned >= 5u << 20);
}

int main(void) {
  weir_device* device = NULL;
  weir_pool* pool = NULL;
  weir_pool_options options;
  check_devices();
  CHECK(weir_device_open(NULL, &device) == WEIR_OK);
  CHECK(weir_pool_options_init(&options, sizeof options) == WEIR_OK);
  options.name = "from C";
  options.limit = (uint64_t)64 << 20;
  options.call_sites = 1;
  CHECK(weir_pool_create(device, &options, &pool) == WEIR_OK);
  if (pool == NULL) return 1;
  check_memory(pool, device);
  check_reports(pool);
  weir_device_close(device);  // the pool goes on
  void* block = NULL;
  CHECK(weir_allocate(pool, 512, 0, WEIR_STREAM_LEGACY_DEFAULT, &block) == WEIR_OK);
  CHECK(weir_deallocate(pool, block, WEIR_STREAM_LEGACY_DEFAULT) == WEIR_OK);
  weir_pool_destroy(pool);
  return failures;
}
