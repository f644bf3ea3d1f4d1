// Devices and their streams for C.
#include <weir/device.hpp>

#include <chrono>
#include <memory>

#include "capi/error.hpp"
#include "capi/handles.hpp"
#include "capi/structs.hpp"

namespace weir::capi {
namespace {

constexpr weir_device_options default_device_options{
    .struct_size = sizeof(weir_device_options), .backend = {}, .capacity = 0, .index = -1, .name = {}};

std::uint8_t flag(bool value) { return value ? 1 : 0; }

/// The numbers of `now`, the strings of `kept`.
weir_device_info in_c(const DeviceInfo& now, const DeviceInfo& kept, const char* why) {
  weir_device_info info{};
  info.struct_size = sizeof info;
  info.name = kept.name.c_str();
  info.backend = weir::name(kept.backend).data();
  info.why = why;
  info.memory_total = now.memory_total.value_or(0);
  info.memory_free = now.memory_free.value_or(0);
  info.page_bytes = now.page_bytes;
  info.default_limit = now.default_limit;
  info.has_memory_total = flag(now.memory_total.has_value());
  info.has_memory_free = flag(now.memory_free.has_value());
  info.virtual_memory = flag(now.virtual_memory);
  info.pointers = flag(now.pointers);
  info.unified_memory = flag(now.unified_memory);
  info.index = kept.index;
  return info;
}

}  // namespace
}  // namespace weir::capi

using weir::capi::guarded;
using weir::capi::require;

weir_status weir_visit_devices(weir_device_visitor visitor, void* user) {
  return guarded([&] {
    require(visitor, "weir_visit_devices", "visitor");
    for (const weir::DeviceInfo& each : weir::devices()) {
      const weir_device_info info = weir::capi::in_c(each, each, "");
      if (visitor(&info, user) != 0) return;
    }
  });
}

weir_status weir_device_options_init(weir_device_options* options, size_t struct_size) {
  return guarded([&] {
    require(options, "weir_device_options_init", "options");
    weir::capi::write_result(options, weir::capi::default_device_options, struct_size, "weir_device_options_init");
  });
}

weir_status weir_device_open(const weir_device_options* options, weir_device** out) {
  return guarded([&] {
    require(out, "weir_device_open", "out");
    *out = nullptr;
    const weir_device_options known =
        weir::capi::read_options(options, weir::capi::default_device_options, "weir_device_open");
    weir::DeviceRequest request;
    if (known.backend != nullptr) request.backend = known.backend;
    if (known.capacity != 0) request.capacity = known.capacity;
    if (known.index >= 0) request.index = static_cast<std::size_t>(known.index);
    if (known.name != nullptr) request.name = known.name;
    weir::Device device = weir::open_device(request);
    weir::DeviceInfo info = device.facts();
    *out = new weir_device{std::move(device), std::move(info)};
  });
}

void weir_device_close(weir_device* device) { delete device; }

weir_status weir_device_get_info(const weir_device* device, weir_device_info* info) {
  return guarded([&] {
    require(device, "weir_device_get_info", "device");
    require(info, "weir_device_get_info", "info");
    const weir_device_info now = weir::capi::in_c(device->device.info(), device->info, device->device.why().c_str());
    weir::capi::write_result(info, now, info->struct_size, "weir_device_get_info");
  });
}

weir_status weir_device_synchronize(weir_device* device, weir_stream_id stream, int64_t timeout_ns) {
  return guarded([&] {
    require(device, "weir_device_synchronize", "device");
    device->device.synchronize(weir::StreamId{stream}, std::chrono::nanoseconds(timeout_ns));
  });
}

weir_status weir_device_run(weir_device* device, weir_stream_id stream, void (*work)(void* user), void* user) {
  return guarded([&] {
    require(device, "weir_device_run", "device");
    require(work, "weir_device_run", "work");
    device->device.run(weir::StreamId{stream}, [work, user] { work(user); });
  });
}

weir_status weir_stream_create(weir_device* device, weir_stream** out) {
  return guarded([&] {
    require(out, "weir_stream_create", "out");
    *out = nullptr;
    require(device, "weir_stream_create", "device");
    *out = new weir_stream{device->device, device->device.stream()};
  });
}

weir_status weir_stream_adopt(weir_device* device, uint64_t native, weir_stream** out) {
  return guarded([&] {
    require(out, "weir_stream_adopt", "out");
    *out = nullptr;
    require(device, "weir_stream_adopt", "device");
    *out = new weir_stream{device->device, device->device.adopt_stream(native)};
  });
}

weir_status weir_stream_native(const weir_stream* stream, uint64_t* out) {
  return guarded([&] {
    require(stream, "weir_stream_native", "stream");
    require(out, "weir_stream_native", "out");
    *out = stream->device.native_stream(stream->stream);
  });
}

void weir_stream_destroy(weir_stream* stream) { delete stream; }

weir_status weir_stream_get_id(const weir_stream* stream, weir_stream_id* out) {
  return guarded([&] {
    require(stream, "weir_stream_get_id", "stream");
    require(out, "weir_stream_get_id", "out");
    *out = static_cast<weir_stream_id>(stream->stream.id());
  });
}

weir_status weir_stream_synchronize(weir_stream* stream, int64_t timeout_ns) {
  return guarded([&] {
    require(stream, "weir_stream_synchronize", "stream");
    stream->device.synchronize(stream->stream, std::chrono::nanoseconds(timeout_ns));
  });
}
