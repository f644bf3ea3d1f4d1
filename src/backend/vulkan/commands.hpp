// Command buffers, recorded by any thread and used again once their work is done,
// and staging memory of the backend's own that live as long as a command
// that reads them. A Command belongs to one owner at a time and goes back by itself.
// Called by the backend; Streams keeps what is in flight. Thread-safe.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <optional>
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
  /// A piece of a buffer that the host writes, Backend::max_written bytes.
  struct Staging {
    VkBuffer buffer = VK_NULL_HANDLE;
    VkDeviceSize offset = 0;
    std::byte* mapped = nullptr;
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
    /// Staging memory for as long as the command lives.
    [[nodiscard]] const Staging& staging();
    /// Ends the recording.
    void finish();

   private:
    friend class Commands;
    Commands* owner_ = nullptr;
    QueueKind kind_ = QueueKind::work;
    std::unique_ptr<Buffer> buffer_;
    std::optional<Staging> staging_;
  };

  /// A command that is being recorded, for queues of the kind.
  [[nodiscard]] Command begin(QueueKind kind);

  /// What a submission does: copies and fills, or whatever a program's own commands do.
  enum class Does : std::uint8_t { transfers, anything };
  /// For a stream's submission after another one to the same queue: that one is done, and what was written before is
  /// seen. It holds back no work of other streams but of the stages that both do.
  [[nodiscard]] VkCommandBuffer before(QueueKind kind, Does last, Does next) const noexcept {
    return before_[static_cast<std::size_t>(kind)][static_cast<std::size_t>(last)][static_cast<std::size_t>(next)]
        .handle;
  }
  /// For a submission that writes what the host looks at.
  [[nodiscard]] VkCommandBuffer after(QueueKind kind, Does last) const noexcept {
    return after_[static_cast<std::size_t>(kind)][static_cast<std::size_t>(last)].handle;
  }
  [[nodiscard]] static VkPipelineStageFlags stages_of(Does what) noexcept {
    return what == Does::transfers ? VK_PIPELINE_STAGE_TRANSFER_BIT : VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
  }

 private:
  static constexpr std::size_t recorded_queues = 2;  // work and copy
  [[nodiscard]] Buffer make(QueueKind kind);
  void start(const Buffer& buffer, VkCommandBufferUsageFlags usage);
  /// Where accesses stand in the pipeline, and which they are.
  struct Accesses {
    VkPipelineStageFlags stages = 0;
    VkAccessFlags kinds = 0;
  };
  [[nodiscard]] Buffer make_barrier(QueueKind kind, Accesses first, Accesses second);
  void make_barriers(QueueKind kind);
  [[nodiscard]] Staging take_staging();
  void drop(const Buffer& buffer) noexcept;
  void drop_barriers() noexcept;

  Gpu& gpu_;
  Memory& memory_;
  static constexpr std::size_t doings = 2;
  using ByDoing = std::array<Buffer, doings>;
  std::array<std::array<ByDoing, doings>, recorded_queues> before_;  // by what the last one does, and the next
  std::array<ByDoing, recorded_queues> after_;
  std::mutex mutex_;
  std::array<std::vector<std::unique_ptr<Buffer>>, recorded_queues> spare_;
  std::vector<Staging> spare_staging_;
  std::vector<Block> staging_blocks_;  // which the pieces are parts of
};

}  // namespace weir::backend::vulkan
