// Several devices in one program: copies from one manager's buffers to another's, and
// totals over the managers of each device.
#include <algorithm>
#include <vector>

#include <weir/errors.hpp>

#include "device/access.hpp"
#include "device/event.hpp"
#include "manager/implementation.hpp"

namespace weir {
namespace {

void add(MemoryTotals& sum, const MemoryTotals& more) {
  sum.managers += more.managers;
  sum.buffers += more.buffers;
  sum.requested.live += more.requested.live;
  sum.requested.cumulative += more.requested.cumulative;
  sum.allocated.live += more.allocated.live;
  sum.allocated.cumulative += more.allocated.cumulative;
}

}  // namespace

ProcessStatistics sum_over(const std::vector<const MemoryManager*>& managers) {
  manager::ProcessTally& tally = manager::ProcessTally::of_this_process();
  ProcessStatistics sum;
  sum.devices = tally.devices();
  for (const MemoryManager* each : managers) {
    const DeviceInfo& device = each->device().facts();
    const auto same = [&](const DeviceTotals& known) {
      return known.backend == device.backend && known.index == device.index;
    };
    const auto known = std::find_if(sum.devices.begin(), sum.devices.end(), same);
    if (known == sum.devices.end()) continue;  // none is: a manager is made after its device's tally
    const ManagerStatistics own = each->statistics();
    add(*known, {.managers = 1,
                 .buffers = own.buffers,
                 .requested = {own.pool.requested.live, own.pool.requested.cumulative},
                 .allocated = {own.pool.allocated.live, own.pool.allocated.cumulative}});
  }
  for (const DeviceTotals& device : sum.devices) add(sum, device);
  sum.reserved = tally.reserved.amount();
  sum.external = tally.external.amount();
  sum.pinned = tally.pinned.amount();
  return sum;
}

// By the drivers' own way where they have one, else through a staging buffer of the host.
void MemoryManager::copy_bytes(const AnyBuffer& to, MemoryManager& source, const AnyBuffer& from, std::size_t count,
                               StreamId stream, StreamId from_stream, const CopyOptions& options) {
  constexpr std::uint64_t staging_bytes = std::uint64_t{4} << 20;
  const core::Deadline end(options.deadline);
  Implementation& own = checked();
  Implementation& other = source.checked();
  const auto target = own.window(to, options.offset, count);
  const auto origin = other.window(from, 0, count);
  if (&target.buffer == &origin.buffer) {
    throw InvalidArgument("copy to \"" + std::string(target.buffer.name()) +
                              "\": source and target are the same buffer; copy to another one",
                          {.name = std::string(target.buffer.name())});
  }
  const std::uint64_t bytes = count * target.buffer.type().bytes;
  if (bytes == 0) return;
  const detail::Task task{"copy to", target.buffer.name(), bytes, "copied"};
  own.transfers().require_time(end, task);
  const detail::PinnedBuffer source_pin(origin.buffer, from_stream);
  const std::uint64_t read_from = source_pin.address() + origin.offset;
  own.transfers().await(device::Event(device::Access::shared_backend(source.device()), from_stream), end, task, 0);
  detail::WrittenBuffer target_pin(target.buffer, stream, target.offset, bytes);
  const std::uint64_t write_to = target_pin.address() + target.offset;
  bool direct = false;
  if (target.buffer.on_host() || origin.buffer.on_host()) {
    direct = device::Access::shared_backend(device()) == device::Access::shared_backend(source.device());
    if (direct) {
      own.transfers().queue_copy({write_to, target.buffer.on_host()}, {read_from, origin.buffer.on_host()}, bytes,
                                 stream, end, task);
    }
  } else {
    try {
      direct = device::Access::backend(device()).copy_from(stream, write_to, device::Access::backend(source.device()),
                                                           read_from, bytes);
    } catch (const DriverError&) {
      // A driver may know the way and not have it for this memory.
    }
  }
  if (direct) {
    own.transfers().await(device::Event(device::Access::shared_backend(device()), stream), end, task, 0);
    return target_pin.keep();
  }
  std::vector<std::byte> staging(std::min(bytes, staging_bytes));
  for (std::uint64_t done = 0; done < bytes;) {
    const std::span<std::byte> part(staging.data(), std::min<std::uint64_t>(staging.size(), bytes - done));
    other.transfers().download(origin.buffer, origin.offset + done, part, from_stream, end);
    own.transfers().upload(target.buffer, target.offset + done, part, stream, end);
    done += part.size();
  }
  target_pin.keep();
}

}  // namespace weir
