// A plug-in allocator in C: two functions with the signatures that PyTorch's
// CUDAPluggableAllocator loads from a shared library, over one pool a device. The
// framework is played by main(), on the host, whose streams have no driver's handle: it
// passes a weir_stream instead.
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <weir/weir.h>

#define MOST_DEVICES 8
#define MOST_STREAMS 64

static struct {
  weir_device* device;
  weir_pool* pool;
  void* handles[MOST_STREAMS];  // of the driver, and what weir made of them
  weir_stream* adopted[MOST_STREAMS];
} opened[MOST_DEVICES];
static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;

static void complain(const char* what) {
  const weir_error* error = weir_last_error();
  fprintf(stderr, "%s: %s: %s\n", what, weir_status_name(error->code), error->message);
}

// [pool]
// One pool a device, made at the first use and kept to the end.
static weir_pool* pool_of(int number) {
  if (number < 0 || number >= MOST_DEVICES) return NULL;
  pthread_mutex_lock(&opening);
  if (opened[number].pool == NULL) {
    weir_pool_options options;
    weir_pool_options_init(&options, sizeof options);
    options.name = "framework";
    options.limit = (uint64_t)1 << 30;
    weir_device_options which;
    weir_device_options_init(&which, sizeof which);
    which.index = number;
    if ((opened[number].device == NULL && weir_device_open(&which, &opened[number].device) != WEIR_OK) ||
        weir_pool_create(opened[number].device, &options, &opened[number].pool) != WEIR_OK) {
      complain("plugin");
    }
  }
  weir_pool* pool = opened[number].pool;
  pthread_mutex_unlock(&opening);
  return pool;
}
// [/pool]

// [streams]
// The id of a framework's stream, which is adopted at its first use and lives as long as the program.
static weir_stream_id id_of(int number, void* handle) {
  weir_stream_id id = WEIR_STREAM_LEGACY_DEFAULT;
  if (handle == NULL || pool_of(number) == NULL) return id;
  pthread_mutex_lock(&opening);
  int at = 0;
  while (at < MOST_STREAMS && opened[number].adopted[at] != NULL && opened[number].handles[at] != handle) ++at;
  if (at == MOST_STREAMS) {
    fprintf(stderr, "plugin: more than %d streams\n", MOST_STREAMS);
  } else if (opened[number].adopted[at] == NULL) {
    weir_stream** adopted = &opened[number].adopted[at];
    const weir_status status = weir_stream_adopt(opened[number].device, (uint64_t)(uintptr_t)handle, adopted);
    if (status == WEIR_UNSUPPORTED) *adopted = handle;  // the host: see above
    if (status != WEIR_OK && status != WEIR_UNSUPPORTED) complain("plugin");
    opened[number].handles[at] = handle;
  }
  if (at != MOST_STREAMS && opened[number].adopted[at] != NULL) weir_stream_get_id(opened[number].adopted[at], &id);
  pthread_mutex_unlock(&opening);
  return id;
}
// [/streams]

// [functions]
// What the framework calls. A NULL pool is refused by weir like any other bad argument.
void* plugin_alloc(ptrdiff_t size, int device, void* stream) {
  void* block = NULL;
  if (weir_allocate(pool_of(device), (size_t)size, 0, id_of(device, stream), &block) != WEIR_OK)
    complain("plugin_alloc");
  return block;
}

void plugin_free(void* block, ptrdiff_t size, int device, void* stream) {
  (void)size;
  if (weir_deallocate(pool_of(device), block, id_of(device, stream)) != WEIR_OK) complain("plugin_free");
}
// [/functions]

static void count_up(void* block) {
  int* numbers = block;
  for (int i = 0; i < 1024; ++i) numbers[i] = i;
}

int main(void) {
  weir_stream* stream = NULL;
  weir_pool* pool = pool_of(0);
  if (pool == NULL || weir_stream_create(opened[0].device, &stream) != WEIR_OK) return 1;
  void* weights = plugin_alloc(1 << 20, 0, stream);
  if (weights == NULL) return 1;
  for (int step = 0; step < 100; ++step) {
    int* activations = plugin_alloc(1024 * sizeof *activations, 0, stream);
    if (activations == NULL) return 1;
    weir_device_run(opened[0].device, id_of(0, stream), count_up, activations);
    weir_stream_synchronize(stream, INT64_MAX);
    if (activations[1023] != 1023) return 1;
    plugin_free(activations, 1024 * sizeof *activations, 0, stream);
  }
  if (plugin_alloc((ptrdiff_t)1 << 40, 0, stream) != NULL) return 1;  // complains, and changes nothing

  weir_statistics statistics = {.struct_size = sizeof statistics};
  if (weir_get_statistics(pool, &statistics) != WEIR_OK) return 1;
  printf("%llu allocations, %llu from the cache; %llu bytes live of %llu reserved\n",
         (unsigned long long)statistics.allocations, (unsigned long long)statistics.cache_hits,
         (unsigned long long)statistics.live, (unsigned long long)statistics.reserved.live);
  plugin_free(weights, 1 << 20, 0, stream);
  weir_stream_destroy(stream);
  weir_pool_destroy(pool);
  weir_device_close(opened[0].device);
  return statistics.cache_hits == 99 ? 0 : 1;
}
