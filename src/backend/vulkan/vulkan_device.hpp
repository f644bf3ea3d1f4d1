// The backend's class, for the files that implement it and for <weir/vulkan.hpp>.
// Its parts end in the order that the driver wants: streams, commands, memory, device.
#pragma once

#include "backend/vulkan/pages.hpp"
#include "core/process.hpp"

namespace weir::backend::vulkan {

class VulkanDevice final : public device::Backend {
 public:
  VulkanDevice(std::unique_ptr<Instance> instance, Adapter adapter);
  ~VulkanDevice() override;

  [[nodiscard]] DeviceInfo info() const override;

  device::Address reserve(std::uint64_t bytes) override { return parts_->pages.reserve(bytes); }
  void unreserve(device::Address address, std::uint64_t bytes) noexcept override {
    parts_->pages.unreserve(address, bytes);
  }
  void create(std::span<device::PageHandle> pages) override { parts_->pages.create(pages); }
  void destroy(std::span<const device::PageHandle> pages) noexcept override { parts_->pages.destroy(pages); }
  void map(device::Address address, std::span<const device::PageHandle> pages) override {
    parts_->pages.map(address, pages);
  }
  void unmap(device::Address address, std::span<const device::PageHandle> pages) override {
    parts_->pages.unmap(address, pages);
  }

  device::Address allocate_segment(std::uint64_t bytes) override;
  void free_segment(device::Address address, std::uint64_t bytes) noexcept override;
  device::Address allocate_pinned(std::uint64_t bytes) override;
  void free_pinned(device::Address address, std::uint64_t bytes) noexcept override { free_segment(address, bytes); }

  StreamId resolve(StreamId stream) override { return parts_->streams.resolve(stream); }
  StreamId create_stream() override { return parts_->streams.create(); }
  void destroy_stream(StreamId stream) noexcept override { parts_->streams.destroy(stream); }
  device::EventId record(StreamId stream) override { return parts_->streams.record(stream); }
  bool query(device::EventId event) override { return parts_->streams.query(event); }
  bool wait(device::EventId event, std::chrono::nanoseconds deadline) override {
    return parts_->streams.wait(event, deadline);
  }
  void stream_wait(StreamId stream, device::EventId event) override { parts_->streams.stream_wait(stream, event); }
  void release(device::EventId) noexcept override {}

  // --- transfers.cpp ---
  void fill(StreamId stream, device::Address address, std::uint8_t value, std::uint64_t bytes) override;
  void copy(StreamId stream, device::Address to, device::Address from, std::uint64_t bytes) override;
  void upload(StreamId stream, device::Address to, const void* from, std::uint64_t bytes) override;
  void download(StreamId stream, void* to, device::Address from, std::uint64_t bytes) override;
  void write(StreamId stream, device::Address to, std::span<const std::byte> bytes) override;
  void run(StreamId stream, std::function<void()> work) override;

  [[nodiscard]] std::uint64_t driver_calls() const noexcept override { return parts_->gpu.vk().calls(); }

  [[nodiscard]] Gpu& gpu() noexcept { return parts_->gpu; }
  [[nodiscard]] Streams& streams() noexcept { return parts_->streams; }
  [[nodiscard]] const Addresses& addresses() const noexcept { return parts_->addresses; }

 private:
  [[nodiscard]] static VkBufferCopy region(const Addresses::Place& to, const Addresses::Place& from,
                                           std::uint64_t bytes) noexcept {
    return {from.offset, to.offset, bytes};
  }
  [[nodiscard]] std::optional<HostRange> host_range(const Addresses::Place& place, std::uint64_t bytes) const noexcept;
  void require_pinned(const Addresses::Place& place, const char* call) const;
  void submit(StreamId stream, Commands::Command command);

  struct Parts {
    Parts(std::unique_ptr<Instance> instance, Adapter adapter)
        : gpu(std::move(instance), std::move(adapter)),
          memory(gpu),
          commands(gpu, memory),
          streams(gpu, commands),
          pages(gpu, memory, addresses, streams) {}
    Gpu gpu;
    Memory memory;
    Addresses addresses;
    Commands commands;
    Streams streams;
    Pages pages;
  };
  const core::HomeProcess home_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace weir::backend::vulkan
