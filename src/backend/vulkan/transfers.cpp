// Copies and fills, each one command in the order of its stream.
#include <algorithm>
#include <cstring>

#include <weir/errors.hpp>

#include "backend/vulkan/vulkan_device.hpp"

namespace weir::backend::vulkan {
namespace {

using device::Address;

// Fills and updates are made of whole words of this size.
constexpr std::uint64_t word = 4;

Address number(const void* pointer) { return reinterpret_cast<Address>(pointer); }

}  // namespace

void VulkanDevice::submit(StreamId stream, Commands::Command command, const Addresses::Location& into) {
  command.finish();
  streams_.submit(meant_by(stream), Work{.command = std::move(command), .host_looks = into.block.mapped != nullptr});
}

// What has to be flushed or invalidated around a place in memory that is not coherent: whole atoms, within the memory.
std::optional<HostRange> VulkanDevice::host_range(const Addresses::Location& place,
                                                  std::uint64_t bytes) const noexcept {
  if (memory_.coherent(place.block.type)) return std::nullopt;
  const std::uint64_t atom = gpu_.adapter().limits.nonCoherentAtomSize;
  const std::uint64_t start = place.block.memory_offset + place.offset;
  const std::uint64_t from = start / atom * atom;
  const std::uint64_t to = (start + bytes + atom - 1) / atom * atom;
  return HostRange{place.block.memory, from, to >= place.block.memory_bytes ? VK_WHOLE_SIZE : to - from};
}

void VulkanDevice::require_pinned(const Addresses::Location& place, const char* call) const {
  if (!place.device) return;
  throw InvalidArgument(std::string("Vulkan: ") + call + " takes pinned memory on the host's side", {.name = call});
}

void VulkanDevice::fill(StreamId stream, Address address, std::uint8_t value, std::uint64_t bytes) {
  if (bytes == 0) return;
  const Functions& vk = gpu_.vk();
  const Addresses::Location to = addresses_.find(address, bytes);
  Commands::Command command = commands_.begin(QueueKind::work);
  // Whole words by the device; what sticks out at either end is copied from a few bytes of the value.
  const std::uint64_t first = std::min((to.offset + word - 1) / word * word, to.offset + bytes);
  const std::uint64_t last = std::max((to.offset + bytes) / word * word, first);
  if (last > first) {
    vk.vkCmdFillBuffer(command.handle(), to.block.buffer, first, last - first, value * 0x01010101u);
  }
  const std::uint64_t head = first - to.offset;
  const std::uint64_t tail = to.offset + bytes - last;
  if (head + tail != 0) {
    const Commands::Staging& staging = command.staging();
    std::memset(staging.mapped, value, head + tail);
    const std::array<VkBufferCopy, 2> ends{VkBufferCopy{staging.offset, to.offset, head},
                                           VkBufferCopy{staging.offset + head, last, tail}};
    const VkBufferCopy* const some = head != 0 ? ends.data() : ends.data() + 1;
    vk.vkCmdCopyBuffer(command.handle(), staging.buffer, to.block.buffer, head != 0 && tail != 0 ? 2u : 1u, some);
  }
  submit(stream, std::move(command), to);
}

void VulkanDevice::copy(StreamId stream, Address to, Address from, std::uint64_t bytes) {
  if (bytes == 0) return;
  const Addresses::Location into = addresses_.find(to, bytes);
  const Addresses::Location out_of = addresses_.find(from, bytes);
  Commands::Command command = commands_.begin(QueueKind::work);
  const VkBufferCopy all = region(into, out_of, bytes);
  gpu_.vk().vkCmdCopyBuffer(command.handle(), out_of.block.buffer, into.block.buffer, 1u, &all);
  submit(stream, std::move(command), into);
}

void VulkanDevice::upload(StreamId stream, Address to, const void* from, std::uint64_t bytes) {
  if (bytes == 0) return;
  const Addresses::Location into = addresses_.find(to, bytes);
  const Addresses::Location out_of = addresses_.find(number(from), bytes);
  require_pinned(out_of, "upload");
  Commands::Command command = commands_.begin(QueueKind::copy);
  const VkBufferCopy all = region(into, out_of, bytes);
  gpu_.vk().vkCmdCopyBuffer(command.handle(), out_of.block.buffer, into.block.buffer, 1u, &all);
  command.finish();
  streams_.submit(
      meant_by(stream),
      {.command = std::move(command), .flush = host_range(out_of, bytes), .host_looks = into.block.mapped != nullptr});
}

void VulkanDevice::download(StreamId stream, void* to, Address from, std::uint64_t bytes) {
  if (bytes == 0) return;
  const Addresses::Location into = addresses_.find(number(to), bytes);
  const Addresses::Location out_of = addresses_.find(from, bytes);
  require_pinned(into, "download");
  Commands::Command command = commands_.begin(QueueKind::copy);
  const VkBufferCopy all = region(into, out_of, bytes);
  gpu_.vk().vkCmdCopyBuffer(command.handle(), out_of.block.buffer, into.block.buffer, 1u, &all);
  command.finish();
  // What the host wrote beside it, in the same atoms, would be lost with what it sees of them.
  const std::optional<HostRange> range = host_range(into, bytes);
  streams_.submit(meant_by(stream),
                  {.command = std::move(command), .flush = range, .invalidate = range, .host_looks = true});
}

void VulkanDevice::write(StreamId stream, Address to, std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  if (bytes.size() > max_written) throw InvalidArgument("Vulkan: write takes 64 KiB at most", {.name = "write"});
  const Functions& vk = gpu_.vk();
  const Addresses::Location into = addresses_.find(to, bytes.size());
  Commands::Command command = commands_.begin(QueueKind::work);
  if (into.offset % word == 0 && bytes.size() % word == 0) {
    vk.vkCmdUpdateBuffer(command.handle(), into.block.buffer, into.offset, VkDeviceSize{bytes.size()}, bytes.data());
  } else {
    const Commands::Staging& staging = command.staging();
    std::memcpy(staging.mapped, bytes.data(), bytes.size());
    const VkBufferCopy all{staging.offset, into.offset, bytes.size()};
    vk.vkCmdCopyBuffer(command.handle(), staging.buffer, into.block.buffer, 1u, &all);
  }
  submit(stream, std::move(command), into);
}

void VulkanDevice::run(StreamId stream, std::function<void()> work) {
  streams_.submit(meant_by(stream), {.function = std::move(work)});
}

}  // namespace weir::backend::vulkan
