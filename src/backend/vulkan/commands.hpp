// Command buffers, recorded by any thread and used again once their work is done,
// and staging memory of the backend's own that live as long as a command
// that reads them. A Command belongs to one owner at a time and goes back by itself.
// Called by the backend; Streams keeps what is in flight. Thread-safe.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <vector>

#include "backend/vulkan/memory.hpp"

namespace weir::backend::vulkan {

class Commands {
 public:
  Commands(Gpu& gpu, Memory& memory);
  /// No command is in flight any more, or the device is lost.
  ~Commands();
  Commands(const Commands&) = delete;
  Commands& operator=(const Commands&) = delete;

  struct Buffer {
    VkCommandPool pool = VK_NULL_HANDLE;  // one each, so that recording needs no lock
    VkCommandBuffer handle = VK_NULL_HANDLE;
  };
  struct Staging {
    Block block;
  };

  /// One command buffer on its way: recorded, in flight, back.
  class Command {
   public:
    Command() = default;
    Command(Command&& other) noexcept;
    Command& operator=(Command&& other) noexcept;
    Command(const Command&) = delete;
    Command& operator=(const Command&) = delete;
    ~Command();

    [[nodiscard]] VkCommandBuffer handle() const noexcept { return buffer_ ? buffer_->handle : VK_NULL_HANDLE; }
    [[nodiscard]] QueueKind kind() const noexcept { return kind_; }
    /// Staging memory, Backend::max_written bytes, for as long as the command lives.
    [[nodiscard]] const Block& staging();
    /// Ends the recording.
    void finish();

   private:
    friend class Commands;
    Commands* owner_ = nullptr;
    QueueKind kind_ = QueueKind::work;
    std::unique_ptr<Buffer> buffer_;
    std::unique_ptr<Staging> staging_;
  };

  /// A command that is being recorded, for the queue.
  [[nodiscard]] Command begin(QueueKind kind);
  /// What every submission to the queue is put between: all before it is done and seen, the host sees all of it.
  [[nodiscard]] VkCommandBuffer before(QueueKind kind) const noexcept {
    return before_[static_cast<std::size_t>(kind)].handle;
  }
  [[nodiscard]] VkCommandBuffer after(QueueKind kind) const noexcept {
    return after_[static_cast<std::size_t>(kind)].handle;
  }

 private:
  static constexpr std::size_t recorded_queues = 2;  // work and copy
  [[nodiscard]] Buffer make(QueueKind kind);
  void start(const Buffer& buffer, VkCommandBufferUsageFlags usage);
  [[nodiscard]] Buffer make_barrier(QueueKind kind, VkPipelineStageFlags to, VkAccessFlags by);
  void drop(const Buffer& buffer) noexcept;
  void drop_barriers() noexcept;

  Gpu& gpu_;
  Memory& memory_;
  std::array<Buffer, recorded_queues> before_;
  std::array<Buffer, recorded_queues> after_;
  std::mutex mutex_;
  std::array<std::vector<std::unique_ptr<Buffer>>, recorded_queues> spare_;
  std::vector<std::unique_ptr<Staging>> spare_staging_;
};

}  // namespace weir::backend::vulkan
