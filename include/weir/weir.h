// The C interface: devices, streams and pools in plain C11, for C programs, for
// other languages and for plug-in allocators. It adds nothing to <weir/pool.hpp>
// and <weir/device.hpp> and includes neither; a program uses this or those.
//
// Errors. Calls that can fail give a weir_status; nothing is thrown. A call that fails changes
// nothing, sets what it would have given through a pointer to a pointer to NULL, and leaves its reason in
// weir_last_error(). A pointer that must not be NULL and is, is WEIR_INVALID_ARGUMENT with the parameter's name.
// Threads. Every call may be made from any thread at any time, but for signal handlers: the thread that one interrupts
// may hold a lock, for which it would wait without end. Nothing may use a handle while it is closed or
// destroyed. A pool's handle is WEIR_STALE_HANDLE from then on, also where another pool was made since; those of
// devices and streams are pointers, which nothing may use any more.
// Structs. Each starts with struct_size, the bytes of it that its maker knows; later versions add fields
// at the end. Options get theirs and all defaults from their _init function; what an older library does not know is
// ignored. For results the caller sets struct_size to sizeof, and finds there what the library filled.
// A size below that of ABI version 1 is WEIR_INVALID_ARGUMENT. Structs the library makes say how much of them is there.
// Strings end with a zero byte. Numbers named bytes are bytes; those named _ns nanoseconds. Truth is 0 or not 0.
#ifndef WEIR_WEIR_H
#define WEIR_WEIR_H

// NOLINTBEGIN: the headers, the types and the names of C
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// --- Version -----------------------------------------------------------------------------------

/// Raised only by a change that breaks programs built before it; new functions and new fields are none.
#define WEIR_ABI_VERSION 1
/// The WEIR_ABI_VERSION the library was built with; a program that loads it at run time compares.
uint32_t weir_abi_version(void);
/// The version of the library, e.g. "0.1.0". Lives as long as the library.
const char* weir_version_string(void);

// --- Errors ------------------------------------------------------------------------------------

/// 0 or what went wrong: one of the values below, or one of a later version.
typedef int32_t weir_status;
enum {
  WEIR_OK = 0,
  WEIR_OUT_OF_MEMORY = 1,     ///< no memory left on the device or the host, after everything was reclaimed
  WEIR_LIMIT_EXCEEDED = 2,    ///< a limit set by the program refused the request
  WEIR_INVALID_ARGUMENT = 3,  ///< an argument outside its range; also double frees and foreign pointers
  WEIR_TYPE_MISMATCH = 4,
  WEIR_NOT_FOUND = 5,     ///< no such device
  WEIR_STALE_HANDLE = 6,  ///< the pool was destroyed, or is none
  WEIR_TIMEOUT = 7,       ///< a wait passed its deadline; what was waited for goes on
  WEIR_DEVICE_LOST = 8,   ///< the device no longer answers; its memory is gone
  WEIR_DRIVER_ERROR = 9,  ///< a driver or system call failed; native_code is its code
  WEIR_UNSUPPORTED = 10,  ///< the device or this build cannot do what was asked
  WEIR_PARSE_ERROR = 11,
  WEIR_UNEXPECTED = -1  ///< an error that is none of weir's own, e.g. thrown by a callback
};

/// E.g. "out_of_memory"; "unknown" for a value of no meaning here. Lives as long as the library.
const char* weir_status_name(weir_status status);

/// The last failure on a thread. A number is there only where its has_ flag is set.
typedef struct weir_error {
  size_t struct_size;
  weir_status code;
  uint8_t has_bytes_asked;
  uint8_t has_limit;
  uint8_t has_free;
  uint8_t has_native_code;
  const char* message;  ///< one line: what failed, the numbers, what to do; cut at 1023 bytes; never NULL
  const char* name;     ///< the pool, option or parameter concerned, cut at 255 bytes; "" if none
  uint64_t bytes_asked;
  uint64_t limit;       ///< bytes, or the bound that was passed
  uint64_t free;        ///< bytes free when the request was refused
  int64_t native_code;  ///< the driver's or the system's own code
} weir_error;

/// The calling thread's last failure, valid until its next one or its end. Calls that succeed leave it.
/// Code WEIR_OK before the first. Never NULL; never fails; allocates nothing.
const weir_error* weir_last_error(void);

// --- Streams by id -----------------------------------------------------------------------------

/// Names an ordered queue of device work. Never used twice in a program.
typedef uint32_t weir_stream_id;
/// The device's default stream, shared by all threads.
#define WEIR_STREAM_LEGACY_DEFAULT 0u
/// The calling thread's own default stream, where the device has one.
#define WEIR_STREAM_PER_THREAD_DEFAULT 1u

// --- Devices -----------------------------------------------------------------------------------

/// A device in use. Streams and pools keep it open after it is closed.
typedef struct weir_device weir_device;

typedef struct weir_device_options {
  size_t struct_size;
  const char* backend;  ///< "cuda", "vulkan", "host" or "dry": that one or none; NULL or "": the best there is
  uint64_t capacity;    ///< bytes; the dry device's size, 0 for its default. Elsewhere only 0
  int64_t index;        ///< of the backend's devices this one; negative, the default: the best that fits
  const char* name;     ///< a part of the device's name, in either case; NULL or "": any
} weir_device_options;

typedef struct weir_device_info {
  size_t struct_size;
  const char* name;  ///< strings live as long as the weir_device, or until the visitor returns
  const char* backend;
  const char* why;         ///< why this device was chosen; "" where none was
  uint64_t memory_total;   ///< bytes, where has_memory_total
  uint64_t memory_free;    ///< bytes when asked, where has_memory_free
  uint64_t page_bytes;     ///< the smallest unit of physical memory mapped at once
  uint64_t default_limit;  ///< bytes a pool takes at most where no limit is set; UINT64_MAX: no bound
  uint8_t has_memory_total;
  uint8_t has_memory_free;
  uint8_t virtual_memory;  ///< maps memory by the page; else pools use plain segments
  uint8_t pointers;        ///< the host can read and write device addresses
  uint8_t unified_memory;  ///< the host writes device memory in place
  uint8_t reserved[3];
  uint64_t index;  ///< among the devices of its backend
} weir_device_info;

/// Takes one of several; gives 0 to go on, anything else to stop. What it is given ends when it returns.
typedef int (*weir_device_visitor)(const weir_device_info* info, void* user);

/// Shows every device that can be opened here, best first. `user` is passed on.
weir_status weir_visit_devices(weir_device_visitor visitor, void* user);

/// Fills in struct_size and the defaults; `struct_size` is sizeof *options.
weir_status weir_device_options_init(weir_device_options* options, size_t struct_size);
/// Opens the best device that fits; NULL options are the defaults. The caller closes *out.
/// WEIR_NOT_FOUND names what there is; WEIR_INVALID_ARGUMENT is an option that makes no sense.
weir_status weir_device_open(const weir_device_options* options, weir_device** out);
/// The device stays open for the streams and pools made from it. NULL is ignored.
void weir_device_close(weir_device* device);
/// Fills *info, whose struct_size the caller has set.
weir_status weir_device_get_info(const weir_device* device, weir_device_info* info);
/// Waits until the work queued on the stream so far is done: WEIR_TIMEOUT past `timeout_ns`, when it goes on.
weir_status weir_device_synchronize(weir_device* device, weir_stream_id stream, int64_t timeout_ns);
/// Queues work(user) in the order of the stream; it runs on another thread and must not throw.
/// Host devices only, else WEIR_UNSUPPORTED.
weir_status weir_device_run(weir_device* device, weir_stream_id stream, void (*work)(void* user), void* user);

/// A stream that the program made.
typedef struct weir_stream weir_stream;

/// A new stream of the device. The caller destroys *out.
weir_status weir_stream_create(weir_device* device, weir_stream** out);
/// A stream that the program or another library made, by its driver's handle (a CUstream), for pools to order memory
/// by. It has to outlive *out, which the caller destroys; the driver's stream is left alone then. A stream is adopted
/// once at a time. WEIR_UNSUPPORTED where the driver has no streams, as on the host.
weir_status weir_stream_adopt(weir_device* device, uint64_t native, weir_stream** out);
/// The driver's handle, for kernels and other libraries. WEIR_UNSUPPORTED where the driver has no streams.
weir_status weir_stream_native(const weir_stream* stream, uint64_t* out);
/// Its queued work finishes first, unless it was adopted, and every pool of its device retires it. NULL is ignored.
void weir_stream_destroy(weir_stream* stream);
/// The id by which every other call names it.
weir_status weir_stream_get_id(const weir_stream* stream, weir_stream_id* out);
/// As weir_device_synchronize.
weir_status weir_stream_synchronize(weir_stream* stream, int64_t timeout_ns);

// --- The log -----------------------------------------------------------------------------------

enum { WEIR_LOG_DEBUG = 0, WEIR_LOG_INFO = 1, WEIR_LOG_WARNING = 2, WEIR_LOG_ERROR = 3 };
enum {
  WEIR_EVENT_ALLOCATE = 0,  ///< a block was handed out of the arena
  WEIR_EVENT_REUSE = 1,     ///< a block was handed out of a thread cache
  WEIR_EVENT_FREE = 2,      ///< a block came back
  WEIR_EVENT_GROW = 3,      ///< pages or a segment were taken from the driver
  WEIR_EVENT_RECYCLE = 4,   ///< free pages moved to where they were needed
  WEIR_EVENT_TRIM = 5,      ///< memory went back to the driver
  WEIR_EVENT_FALLBACK = 6,  ///< a slower way was taken; text says which and why
  WEIR_EVENT_REFUSE = 7,    ///< a request failed; nothing changed
  WEIR_EVENT_LEAK = 8,      ///< a live block in a destroyed pool
  WEIR_EVENT_MISUSE = 9,    ///< a double free or foreign pointer noticed too late to refuse
  WEIR_EVENT_RESIZE = 10,   ///< a buffer's capacity changed; text says which, from what and how
  WEIR_EVENT_UNUSUAL = 11,  ///< a request past what is usual was served; text says which
  WEIR_EVENT_SPILL = 12,    ///< a buffer's contents moved to the host, or back; text says which way
  WEIR_EVENT_RECOVER = 13,  ///< a lost device was opened again, or none could be; or a buffer was lost with it
  WEIR_EVENT_SLOW = 14,     ///< a stream became slower than its own history, or is as fast as before
  WEIR_EVENT_RECORD = 15    ///< a recording ended early; text says why
};
/// E.g. "warning", "leak"; "unknown" for a value of no meaning here. Live as long as the library.
const char* weir_log_level_name(int32_t level);
const char* weir_log_event_name(int32_t event);

/// Ends, with its strings, when the callback returns.
typedef struct weir_log_record {
  size_t struct_size;
  int32_t level;     ///< WEIR_LOG_...
  int32_t event;     ///< WEIR_EVENT_...
  const char* pool;  ///< the pool's name
  const char* text;  ///< more, where there is more to say, cut at 1023 bytes; never NULL
  uint64_t bytes;    ///< requested bytes, or bytes of pages
  uint64_t address;  ///< device address, 0 where it does not apply
  weir_stream_id stream;
  uint32_t reserved;
} weir_log_record;

/// Called on the thread of the operation with no lock of weir's held, from several threads at once;
/// it may call weir, and must not throw.
typedef void (*weir_log_callback)(const weir_log_record* record, void* user);

// --- Pools -------------------------------------------------------------------------------------

/// Device memory by address, in stream order.
typedef struct weir_pool weir_pool;

/// The smallest alignment of any block, and the unit sizes are rounded to. Bytes.
#define WEIR_GRANULE 512u

enum {
  WEIR_POOL_AUTOMATIC = 0,  ///< pages where the device has virtual memory, else segments
  WEIR_POOL_PAGES = 1,      ///< one address range, backed by pages as needed
  WEIR_POOL_SEGMENTS = 2,   ///< plain segments from the driver, carved up
  WEIR_POOL_OFF = 3         ///< no pooling: one driver allocation a block
};

typedef struct weir_pool_options {
  size_t struct_size;
  const char* name;             ///< copied; NULL or "": "pool"
  int32_t mode;                 ///< WEIR_POOL_...
  int32_t zero;                 ///< clear every block before it is handed out, in stream order
  int32_t call_sites;           ///< remember where each block was allocated: weir_allocate_tagged
  int32_t log_level;            ///< records below it are not made. WEIR_LOG_...
  uint64_t limit;               ///< bound on reserved + external bytes; 0: the device's default_limit
  uint64_t segment_bytes;       ///< where memory comes in segments, the least that one is asked of the driver
  uint64_t keep_free;           ///< free bytes that ageing leaves in the pool
  int64_t idle_age_ns;          ///< pages free for longer than this go back to the driver
  uint64_t thread_cache_bytes;  ///< bytes a thread may keep cached on a stream; 0 switches its cache off
  int64_t reclaim_deadline_ns;  ///< how long an allocation waits at most, all its waits together
  weir_log_callback log;        ///< NULL: silence. Called until weir_pool_destroy has returned
  void* log_user;               ///< passed on to it
  uint64_t max_handle_bytes;    ///< the largest handle of the driver that pages come in; at least 1
  uint64_t soft_limit;          ///< a target for the same sum as limit, for which nothing is refused; 0: none
  uint64_t leave_free;          ///< bytes of the device to leave to other programs: they lower the soft limit; 0: none
  int64_t wait_for_threads_ns;  ///< what waits for other threads' frees may take in vain, all together; 0: no waits
} weir_pool_options;

/// Fills in struct_size and the defaults; `struct_size` is sizeof *options.
weir_status weir_pool_options_init(weir_pool_options* options, size_t struct_size);
/// A pool of the device's memory; NULL options are the defaults. The caller destroys *out.
weir_status weir_pool_create(weir_device* device, const weir_pool_options* options, weir_pool** out);
/// Waits, at most as long as reclaim_deadline_ns, for work that uses its memory, and gives everything back; live blocks
/// go too, and are reported to the log as leaks. No other call on it may be in flight. NULL is ignored. A pool that was
/// destroyed before is left alone, with WEIR_STALE_HANDLE in weir_last_error().
void weir_pool_destroy(weir_pool* pool);

/// `bytes` of device memory, usable in the order of the stream, until weir_deallocate. Zero bytes give NULL,
/// which is valid. `alignment` is a power of two up to the device's page; 0 stands for WEIR_GRANULE.
/// WEIR_LIMIT_EXCEEDED where a limit refused, WEIR_OUT_OF_MEMORY where the device did.
/// A hit makes no driver call and no host allocation.
weir_status weir_allocate(weir_pool* pool, size_t bytes, size_t alignment, weir_stream_id stream, void** out);
/// Gives a block back once the work now queued on the stream is done; does not wait. A NULL address is ignored.
/// WEIR_INVALID_ARGUMENT for a foreign pointer, one inside a block, or a second free, as long as the memory has
/// not been handed out again.
weir_status weir_deallocate(weir_pool* pool, void* address, weir_stream_id stream);
/// Says that work on another stream uses the block too: after its free it is not reused before the work
/// queued on that stream by then is done. A NULL address is ignored.
weir_status weir_used_on(weir_pool* pool, void* address, weir_stream_id stream);
/// Says that nothing more will be queued on the stream; its memory becomes free for others once its work is
/// done. weir_stream_destroy does this by itself.
weir_status weir_retire(weir_pool* pool, weir_stream_id stream);

/// The owner of blocks, as reports name it.
typedef uint32_t weir_tag;
#define WEIR_TAG_NONE 0u
/// A tag for a name, which is copied; the same name gives the same tag. Lives as long as the pool.
weir_status weir_make_tag(weir_pool* pool, const char* name, weir_tag* out);
/// As weir_allocate, with an owner and, where the pool's call_sites is set, the place of the call: `file` is not
/// copied and outlives the pool (__FILE__), or NULL; lines past 65535 wrap.
weir_status weir_allocate_tagged(weir_pool* pool, size_t bytes, size_t alignment, weir_stream_id stream, weir_tag tag,
                                 const char* file, uint32_t line, void** out);

/// Returns free memory to the driver but leaves `keep_free` bytes where there are as many. Waits for work that
/// still uses freed blocks. *returned_bytes is what went back; it may be NULL.
weir_status weir_trim(weir_pool* pool, uint64_t keep_free, uint64_t* returned_bytes);
/// Has `bytes` of free memory ready, in one range, for allocations on `stream`, so that these need no driver call.
/// WEIR_UNSUPPORTED where the pool is off.
weir_status weir_map_ahead(weir_pool* pool, uint64_t bytes, weir_stream_id stream);
/// Does what is due: finished frees are reclaimed, idle memory goes back. Call now and then.
weir_status weir_maintain(weir_pool* pool);

// --- What a pool knows about itself --------------------------------------------------------------

/// A quantity now, at its highest, and all that ever passed. Bytes.
typedef struct weir_amount {
  uint64_t live;
  uint64_t peak;
  uint64_t cumulative;
} weir_amount;

/// How long operations took, by real time: count, max_ns and mean_ns are exact, the others within 1/16, or 4 ns. All 0
/// when nothing was recorded.
typedef struct weir_latency {
  uint64_t count;
  int64_t p50_ns;  ///< half of them took no longer
  int64_t p99_ns;  ///< 99 of 100 took no longer
  int64_t max_ns;
  int64_t mean_ns;
} weir_latency;

/// Exact when no operation is in flight; while others run, each field is a value it had during the call.
typedef struct weir_statistics {
  size_t struct_size;
  weir_amount requested;  ///< what callers asked for
  weir_amount allocated;  ///< the same after rounding
  weir_amount reserved;   ///< physical bytes held from the driver
  uint64_t live;          ///< in blocks that callers hold. These five sum to reserved.live
  uint64_t cached;        ///< in blocks kept by thread caches
  uint64_t pending;       ///< freed, waiting for work on other streams
  uint64_t mapped_free;   ///< in free ranges of arenas
  uint64_t held;          ///< created, not mapped
  uint64_t external;      ///< booked for other libraries; not part of reserved
  uint64_t largest_free_range;
  uint64_t allocations;  ///< requests served
  uint64_t frees;
  uint64_t cache_hits;  ///< served by a thread cache
  uint64_t arena_hits;  ///< served from pages already mapped
  uint64_t misses;      ///< pages had to be mapped, or a segment allocated
  uint64_t refusals;    ///< requests that memory was refused, or that ended in an error
  uint64_t errors;      ///< misuse that was caught
  uint64_t driver_calls;
  uint64_t page_maps;            ///< pages mapped, all told
  uint64_t page_remaps;          ///< of those, mappings beyond the peak page count
  uint64_t evictions;            ///< blocks pushed out of thread caches
  weir_latency arena_latency;    ///< of arena hits; of each thread and stream every 32nd
  weir_latency growth_latency;   ///< of allocations that did not fit into what was mapped; all of them
  weir_latency mapping_latency;  ///< of each driver call that created or mapped pages or allocated a segment
  weir_latency wait_latency;     ///< for work on the device, also up to a deadline
  uint64_t event_calls;          ///< calls of the driver about events; driver_calls are those about memory
  int64_t driver_time_ns;        ///< what calls about memory took
  uint64_t soft_limit;           ///< the bound that holds now: the option, or less where leave_free lowered it
  uint64_t has_soft_limit;       ///< 0: there is no such bound
} weir_statistics;

/// Fills *statistics, whose struct_size the caller has set.
weir_status weir_get_statistics(const weir_pool* pool, weir_statistics* statistics);
/// How many blocks are live, and their requested bytes; under 10 µs.
weir_status weir_check_leaks(const weir_pool* pool, uint64_t* blocks, uint64_t* bytes);

typedef struct weir_live_block {
  size_t struct_size;
  uint64_t address;       ///< device address
  uint64_t requested;     ///< bytes
  uint64_t allocated;     ///< bytes
  int64_t age_ns;         ///< at most; the clock is coarse
  const char* tag;        ///< "" if none
  const char* call_site;  ///< "file:line" where remembered, else ""
} weir_live_block;

/// As weir_device_visitor.
typedef int (*weir_live_block_visitor)(const weir_live_block* block, void* user);

/// Shows every block that was live at one moment, largest first; other threads stop for that moment only, and the
/// visitor may allocate and free. `user` is passed on.
weir_status weir_visit_live_blocks(const weir_pool* pool, weir_live_block_visitor visitor, void* user);

#ifdef __cplusplus
}
#endif
// NOLINTEND

#endif
