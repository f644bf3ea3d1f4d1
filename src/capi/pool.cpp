// Pools for C: their options and their operations.
#include <weir/pool.hpp>

#include <chrono>
#include <memory>
#include <string>

#include "capi/error.hpp"
#include "capi/handles.hpp"
#include "capi/pool_table.hpp"
#include "capi/structs.hpp"
#include "capi/text.hpp"

namespace weir::capi {
namespace {

weir_pool_options default_pool_options() {
  const PoolOptions known;
  weir_pool_options options{};
  options.struct_size = sizeof options;
  options.mode = static_cast<std::int32_t>(known.mode);
  options.zero = known.zero ? 1 : 0;
  options.call_sites = known.call_sites ? 1 : 0;
  options.log_level = WEIR_LOG_INFO;
  options.segment_bytes = known.segment_bytes;
  options.keep_free = known.keep_free;
  options.idle_age_ns = known.idle_age.count();
  options.thread_cache_bytes = known.thread_cache_bytes;
  options.max_handle_bytes = known.max_handle_bytes;
  options.reclaim_deadline_ns = known.reclaim_deadline.count();
  options.wait_for_threads_ns = known.wait_for_threads.count();
  return options;
}

template <class Enumeration>
Enumeration checked(std::int32_t value, Enumeration last, const char* option) {
  if (value >= 0 && value <= static_cast<std::int32_t>(last)) return static_cast<Enumeration>(value);
  throw InvalidArgument("weir_pool_create: " + std::string(option) + " " + std::to_string(value) +
                            " does not exist; the largest is " + std::to_string(static_cast<std::int32_t>(last)),
                        {.name = option});
}

PoolOptions in_cpp(const weir_pool_options& given) {
  PoolOptions options;
  options.name = given.name == nullptr || *given.name == 0 ? "pool" : given.name;
  options.mode = checked(given.mode, PoolMode::off, "mode");
  if (given.limit != 0) options.limit = given.limit;
  options.segment_bytes = given.segment_bytes;
  options.keep_free = given.keep_free;
  options.idle_age = std::chrono::nanoseconds(given.idle_age_ns);
  options.thread_cache_bytes = given.thread_cache_bytes;
  options.max_handle_bytes = given.max_handle_bytes;
  options.zero = given.zero != 0;
  options.call_sites = given.call_sites != 0;
  options.reclaim_deadline = std::chrono::nanoseconds(given.reclaim_deadline_ns);
  options.wait_for_threads = std::chrono::nanoseconds(given.wait_for_threads_ns);
  if (given.soft_limit != 0) options.soft_limit = given.soft_limit;
  if (given.leave_free != 0) options.leave_free = given.leave_free;
  return options;
}

PoolOptions with_log(PoolOptions options, LogSink* sink) {
  options.log = sink;
  return options;
}

std::size_t alignment_of(std::size_t given) { return given == 0 ? Pool::granule : given; }

}  // namespace

HeldPool::HeldPool(Device device, PoolOptions options, const weir_pool_options& given)
    : sink(given.log, given.log_user, checked(given.log_level, LogLevel::error, "log_level"), options.name),
      pool(std::move(device), with_log(std::move(options), given.log == nullptr ? nullptr : &sink)) {}

void CallbackSink::write(const LogRecord& record) noexcept {
  Text<1024> text;
  text.set(record.text);
  weir_log_record passed{};
  passed.struct_size = sizeof passed;
  passed.level = static_cast<std::int32_t>(record.level);
  passed.event = static_cast<std::int32_t>(record.event);
  passed.pool = pool_.c_str();
  passed.text = text.data();
  passed.bytes = record.bytes;
  passed.address = record.address;
  passed.stream = record.stream;
  callback_(&passed, user_);
}

}  // namespace weir::capi

using weir::capi::guarded;
using weir::capi::PoolTable;
using weir::capi::require;

weir_status weir_pool_options_init(weir_pool_options* options, size_t struct_size) {
  return guarded([&] {
    require(options, "weir_pool_options_init", "options");
    weir::capi::write_result(options, weir::capi::default_pool_options(), struct_size, "weir_pool_options_init");
  });
}

weir_status weir_pool_create(weir_device* device, const weir_pool_options* options, weir_pool** out) {
  return guarded([&] {
    require(out, "weir_pool_create", "out");
    *out = nullptr;
    require(device, "weir_pool_create", "device");
    const weir_pool_options known =
        weir::capi::read_options(options, weir::capi::default_pool_options(), "weir_pool_create");
    *out = PoolTable::add(std::make_unique<weir::capi::HeldPool>(device->device, weir::capi::in_cpp(known), known));
  });
}

void weir_pool_destroy(weir_pool* pool) {
  if (pool == nullptr) return;
  static_cast<void>(guarded([&] { PoolTable::remove(pool, "weir_pool_destroy").reset(); }));
}

weir_status weir_allocate(weir_pool* pool, size_t bytes, size_t alignment, weir_stream_id stream, void** out) {
  return guarded([&] {
    require(out, "weir_allocate", "out");
    *out = nullptr;
    weir::Pool& here = PoolTable::find(pool, "weir_allocate");
    *out = here.allocate(bytes, weir::StreamId{stream}, {.alignment = weir::capi::alignment_of(alignment)},
                         weir::CallSite{});
  });
}

weir_status weir_allocate_tagged(weir_pool* pool, size_t bytes, size_t alignment, weir_stream_id stream, weir_tag tag,
                                 const char* file, uint32_t line, void** out) {
  return guarded([&] {
    require(out, "weir_allocate_tagged", "out");
    *out = nullptr;
    weir::Pool& here = PoolTable::find(pool, "weir_allocate_tagged");
    const weir::CallSite where = file == nullptr ? weir::CallSite{} : weir::CallSite::here(file, line);
    *out = here.allocate(bytes, weir::StreamId{stream},
                         {.alignment = weir::capi::alignment_of(alignment), .tag = weir::Tag{tag}}, where);
  });
}

weir_status weir_deallocate(weir_pool* pool, void* address, weir_stream_id stream) {
  return guarded([&] {
    weir::Pool& here = PoolTable::find(pool, "weir_deallocate");
    here.deallocate(address, weir::StreamId{stream});
  });
}

weir_status weir_used_on(weir_pool* pool, void* address, weir_stream_id stream) {
  return guarded([&] {
    weir::Pool& here = PoolTable::find(pool, "weir_used_on");
    here.used_on(address, weir::StreamId{stream});
  });
}

weir_status weir_retire(weir_pool* pool, weir_stream_id stream) {
  return guarded([&] {
    weir::Pool& here = PoolTable::find(pool, "weir_retire");
    here.retire(weir::StreamId{stream});
  });
}

weir_status weir_make_tag(weir_pool* pool, const char* name, weir_tag* out) {
  return guarded([&] {
    weir::Pool& here = PoolTable::find(pool, "weir_make_tag");
    require(name, "weir_make_tag", "name");
    require(out, "weir_make_tag", "out");
    *out = static_cast<weir_tag>(here.tag(name));
  });
}

weir_status weir_trim(weir_pool* pool, uint64_t keep_free, uint64_t* returned_bytes) {
  return guarded([&] {
    weir::Pool& here = PoolTable::find(pool, "weir_trim");
    const std::uint64_t returned = here.trim(keep_free);
    if (returned_bytes != nullptr) *returned_bytes = returned;
  });
}

weir_status weir_map_ahead(weir_pool* pool, uint64_t bytes, weir_stream_id stream) {
  return guarded([&] {
    weir::Pool& here = PoolTable::find(pool, "weir_map_ahead");
    here.map_ahead(bytes, weir::StreamId{stream});
  });
}

weir_status weir_maintain(weir_pool* pool) {
  return guarded([&] {
    weir::Pool& here = PoolTable::find(pool, "weir_maintain");
    here.maintain();
  });
}
