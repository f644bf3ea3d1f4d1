// The smallest C program against the installed library: the header is found, the symbols are
// linked, and an exception inside the library is a status outside it.
#include <stdio.h>
#include <weir/weir.h>

int main(void) {
  weir_device* device = NULL;
  weir_pool* pool = NULL;
  void* block = NULL;
  if (weir_abi_version() != WEIR_ABI_VERSION) return 1;
  if (weir_device_open(NULL, &device) != WEIR_OK || weir_pool_create(device, NULL, &pool) != WEIR_OK) return 2;
  if (weir_allocate(pool, 4096, 0, WEIR_STREAM_LEGACY_DEFAULT, &block) != WEIR_OK) return 3;
  if (weir_deallocate(pool, block, WEIR_STREAM_LEGACY_DEFAULT) != WEIR_OK) return 4;
  if (weir_deallocate(pool, block, WEIR_STREAM_LEGACY_DEFAULT) != WEIR_INVALID_ARGUMENT) return 5;
  printf("weir %s: %s\n", weir_version_string(), weir_last_error()->message);
  weir_pool_destroy(pool);
  weir_device_close(device);
  return 0;
}
