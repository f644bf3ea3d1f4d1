// The backend's class, for the files that implement it and for <weir/vulkan.hpp>.
// Its parts end in the order that the driver wants: streams, commands, memory, device.
#pragma once

#include "backend/vulkan/pages.hpp"

namespace weir::backend::vulkan {

class VulkanDevice final : public device::Backend {
 public:
  /// `index` is the device's place in list_devices().
  VulkanDevice(std::unique_ptr<Instance> instance, Adapter adapter, std::size_t index);

  [[nodiscard]] const DeviceInfo& facts() const noexcept override { return facts_; }
  [[nodiscard]] DeviceInfo info() const override;

  device::Address reserve(std::uint64_t bytes) override { return pages_.reserve(bytes); }
  void unreserve(device::Address address, std::uint64_t bytes) noexcept override { pages_.unreserve(address, bytes); }
  [[nodiscard]] std::uint32_t max_extent_pages() const noexcept override { return pages_.max_extent_pages(); }
  void create(std::span<device::Extent> row) override { pages_.create(row); }
  void destroy(std::span<const device::Extent> row) noexcept override { pages_.destroy(row); }
  void map(device::Address address, std::span<const device::Extent> row) override { pages_.map(address, row); }
  void unmap(device::Address address, std::span<const device::Extent> row) override { pages_.unmap(address, row); }

  device::Address allocate_segment(std::uint64_t bytes) override;
  void free_segment(device::Address address, std::uint64_t bytes) noexcept override;
  device::Address allocate_pinned(std::uint64_t bytes) override;
  void free_pinned(device::Address address, std::uint64_t bytes) noexcept override { free_segment(address, bytes); }

  using Backend::meant_by;
  StreamId resolve(StreamId stream) override { return streams_.resolve(meant_by(stream)); }
  StreamId create_stream() override { return streams_.create(); }
  void destroy_stream(StreamId stream) noexcept override { streams_.destroy(stream); }
  device::EventId record(StreamId stream) override { return streams_.record(meant_by(stream)); }
  bool query(device::EventId event) override { return streams_.query(event); }
  bool wait_any(std::span<const device::EventId> events, std::chrono::nanoseconds deadline) override {
    return streams_.wait_any(events, deadline);
  }
  void stream_wait(StreamId stream, device::EventId event) override { streams_.stream_wait(meant_by(stream), event); }
  void release(device::EventId) noexcept override {}

  // --- transfers.cpp ---
  void fill(StreamId stream, device::Address address, std::uint8_t value, std::uint64_t bytes) override;
  void copy(StreamId stream, device::Address to, device::Address from, std::uint64_t bytes) override;
  void upload(StreamId stream, device::Address to, const void* from, std::uint64_t bytes) override;
  void download(StreamId stream, void* to, device::Address from, std::uint64_t bytes) override;
  void write(StreamId stream, device::Address to, std::span<const std::byte> bytes) override;
  void run(StreamId stream, std::function<void()> work) override;

  [[nodiscard]] device::DriverCalls driver_calls() const noexcept override { return gpu_.calls(); }

  [[nodiscard]] Gpu& gpu() noexcept { return gpu_; }
  [[nodiscard]] Streams& streams() noexcept { return streams_; }
  [[nodiscard]] const Addresses& addresses() const noexcept { return addresses_; }

 private:
  void end_after_work(StreamId stream) noexcept override { streams_.end_after_work(stream); }
  [[nodiscard]] static VkBufferCopy region(const Addresses::Location& to, const Addresses::Location& from,
                                           std::uint64_t bytes) noexcept {
    return {from.offset, to.offset, bytes};
  }
  [[nodiscard]] std::optional<HostRange> host_range(const Addresses::Location& place,
                                                    std::uint64_t bytes) const noexcept;
  void require_pinned(const Addresses::Location& place, const char* call) const;
  void submit(StreamId stream, Commands::Command command, const Addresses::Location& into);

  Gpu gpu_;
  Memory memory_;
  Addresses addresses_;
  Commands commands_;
  Streams streams_;
  Pages pages_;
  DeviceInfo facts_;
};

}  // namespace weir::backend::vulkan
