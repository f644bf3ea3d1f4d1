// What a C program is told when it does wrong or memory runs out: a status, a message
// that names the cause, and the numbers.
#include <string.h>

#include "check.h"

static void check_limit(weir_pool* pool) {
  void* block = pool;
  CHECK(weir_allocate(pool, (size_t)9 << 20, 0, WEIR_STREAM_LEGACY_DEFAULT, &block) == WEIR_LIMIT_EXCEEDED);
  CHECK(block == NULL);
  const weir_error* error = weir_last_error();
  CHECK(error->struct_size == sizeof *error);
  CHECK(error->code == WEIR_LIMIT_EXCEEDED);
  CHECK(strcmp(weir_status_name(error->code), "limit_exceeded") == 0);
  CHECK(strcmp(error->name, "small") == 0);
  CHECK(strstr(error->message, "small") != NULL);
  CHECK(error->has_bytes_asked && error->bytes_asked == (uint64_t)9 << 20);
  CHECK(error->has_limit && error->limit == (uint64_t)8 << 20);
  CHECK(!error->has_native_code);
}

static void check_misuse(weir_pool* pool) {
  char* block = NULL;
  void* taken = NULL;
  int local = 0;
  CHECK(weir_allocate(pool, 4096, 0, WEIR_STREAM_LEGACY_DEFAULT, &taken) == WEIR_OK);
  block = taken;
  CHECK(weir_last_error()->code == WEIR_LIMIT_EXCEEDED);  // success leaves the last failure
  CHECK(weir_deallocate(pool, block + 512, WEIR_STREAM_LEGACY_DEFAULT) == WEIR_INVALID_ARGUMENT);
  CHECK(weir_deallocate(pool, &local, WEIR_STREAM_LEGACY_DEFAULT) == WEIR_INVALID_ARGUMENT);
  CHECK(!weir_last_error()->has_bytes_asked);
  CHECK(weir_deallocate(pool, block, WEIR_STREAM_LEGACY_DEFAULT) == WEIR_OK);
  CHECK(weir_deallocate(pool, block, WEIR_STREAM_LEGACY_DEFAULT) == WEIR_INVALID_ARGUMENT);
  CHECK(strstr(weir_last_error()->message, "second free") != NULL);
  CHECK(weir_used_on(pool, block, WEIR_STREAM_LEGACY_DEFAULT) == WEIR_INVALID_ARGUMENT);
  CHECK(weir_allocate(pool, 4096, 3, WEIR_STREAM_LEGACY_DEFAULT, &taken) == WEIR_INVALID_ARGUMENT);
  CHECK(weir_allocate(NULL, 1, 0, WEIR_STREAM_LEGACY_DEFAULT, &taken) == WEIR_INVALID_ARGUMENT);
  CHECK(strcmp(weir_last_error()->name, "pool") == 0);
}

static void check_devices(void) {
  weir_device_options options;
  weir_device* device = NULL;
  CHECK(weir_device_options_init(&options, sizeof options) == WEIR_OK);
  options.backend = "abacus";
  CHECK(weir_device_open(&options, &device) == WEIR_NOT_FOUND);
  CHECK(device == NULL && strcmp(weir_last_error()->name, "abacus") == 0);
  options.backend = "host";
  options.index = 1;
  CHECK(weir_device_open(&options, &device) == WEIR_NOT_FOUND && device == NULL);
  options.index = 0;
  options.name = "nobody's";
  CHECK(weir_device_open(&options, &device) == WEIR_NOT_FOUND && device == NULL);
  options.name = NULL;
  CHECK(weir_device_open(&options, &device) == WEIR_OK);
  weir_stream* stream = NULL;
  CHECK(weir_stream_adopt(device, 1, &stream) == WEIR_UNSUPPORTED && stream == NULL);
  weir_device_close(device);
  options.capacity = 1;
  CHECK(weir_device_open(&options, &device) == WEIR_INVALID_ARGUMENT);
}

struct log {
  int leaks;
  char last[64];
};

static void keep(const weir_log_record* record, void* user) {
  struct log* log = user;
  if (record->event != WEIR_EVENT_LEAK) return;
  ++log->leaks;
  CHECK(record->level == WEIR_LOG_ERROR && strcmp(record->pool, "small") == 0);
  CHECK(record->bytes == 5000 && record->address != 0);
  snprintf(log->last, sizeof log->last, "%s", record->text);
}

int main(void) {
  weir_device* device = NULL;
  weir_pool* pool = NULL;
  weir_pool_options options;
  struct log log = {0};
  CHECK(weir_last_error()->code == WEIR_OK && weir_last_error()->message[0] == '\0');
  check_devices();
  CHECK(weir_device_open(NULL, &device) == WEIR_OK);
  CHECK(weir_pool_options_init(&options, sizeof options) == WEIR_OK);
  options.name = "small";
  options.limit = (uint64_t)8 << 20;
  options.log = keep;
  options.log_user = &log;
  CHECK(weir_pool_create(device, &options, &pool) == WEIR_OK);
  if (pool == NULL) return 1;
  check_limit(pool);
  check_misuse(pool);
  void* left = NULL;
  CHECK(weir_allocate(pool, 5000, 0, WEIR_STREAM_LEGACY_DEFAULT, &left) == WEIR_OK);
  weir_pool_destroy(pool);
  CHECK(log.leaks == 1 && strstr(log.last, "live block") != NULL);
  CHECK(weir_deallocate(pool, left, WEIR_STREAM_LEGACY_DEFAULT) == WEIR_STALE_HANDLE);
  CHECK(strcmp(weir_last_error()->name, "pool") == 0);
  weir_pool_destroy(pool);
  CHECK(log.leaks == 1);
  weir_device_close(device);
  weir_pool_destroy(NULL);
  weir_stream_destroy(NULL);
  weir_device_close(NULL);
  return failures;
}
