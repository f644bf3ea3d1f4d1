#include "backend/vulkan/commands.hpp"

#include <utility>

#include "device/backend.hpp"

namespace weir::backend::vulkan {

Commands::Commands(Gpu& gpu, Memory& memory) : gpu_(gpu), memory_(memory) {
  try {
    make_barriers(QueueKind::work);
    make_barriers(QueueKind::copy);
  } catch (...) {
    drop_barriers();
    throw;
  }
}

Commands::~Commands() {
  for (const auto& spare : spare_) {
    for (const auto& buffer : spare) drop(*buffer);
  }
  for (const Block& block : staging_blocks_) memory_.free(block);
  drop_barriers();
}

void Commands::make_barriers(QueueKind kind) {
  const auto at = static_cast<std::size_t>(kind);
  constexpr std::array all{Does::transfers, Does::anything};
  const auto writes = [](Does what) -> Accesses {
    return {stages_of(what), what == Does::transfers ? VK_ACCESS_TRANSFER_WRITE_BIT : VK_ACCESS_MEMORY_WRITE_BIT};
  };
  const auto uses = [](Does what) -> Accesses {
    constexpr VkAccessFlags transfers = VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
    constexpr VkAccessFlags anything = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT;
    return {stages_of(what), what == Does::transfers ? transfers : anything};
  };
  constexpr Accesses host{VK_PIPELINE_STAGE_HOST_BIT, VK_ACCESS_HOST_READ_BIT | VK_ACCESS_HOST_WRITE_BIT};
  for (const Does last : all) {
    after_[at][static_cast<std::size_t>(last)] = make_barrier(kind, writes(last), host);
    for (const Does next : all) {
      before_[at][static_cast<std::size_t>(last)][static_cast<std::size_t>(next)] =
          make_barrier(kind, writes(last), uses(next));
    }
  }
}

void Commands::drop_barriers() noexcept {
  for (const auto& of_kind : before_) {
    for (const ByDoing& of_last : of_kind) {
      for (const Buffer& each : of_last) drop(each);
    }
  }
  for (const ByDoing& of_kind : after_) {
    for (const Buffer& each : of_kind) drop(each);
  }
}

void Commands::drop(const Buffer& buffer) noexcept {
  gpu_.vk().vkDestroyCommandPool(gpu_.device(), buffer.pool, nullptr);
}

Commands::Buffer Commands::make(QueueKind kind) {
  Buffer buffer;
  auto pool = of_type<VkCommandPoolCreateInfo>(VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO);
  pool.flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT;
  pool.queueFamilyIndex = gpu_.family(kind);
  gpu_.require(gpu_.vk().vkCreateCommandPool, gpu_.device(), &pool, nullptr, &buffer.pool);
  auto info = of_type<VkCommandBufferAllocateInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO);
  info.commandPool = buffer.pool;
  info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
  info.commandBufferCount = 1;
  try {
    gpu_.require(gpu_.vk().vkAllocateCommandBuffers, gpu_.device(), &info, &buffer.handle);
  } catch (...) {
    drop(buffer);
    throw;
  }
  return buffer;
}

void Commands::start(const Buffer& buffer, VkCommandBufferUsageFlags usage) {
  auto info = of_type<VkCommandBufferBeginInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO);
  info.flags = usage;
  gpu_.require(gpu_.vk().vkBeginCommandBuffer, buffer.handle, &info);
}

Commands::Buffer Commands::make_barrier(QueueKind kind, Accesses first, Accesses second) {
  const Buffer buffer = make(kind);
  try {
    start(buffer, VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT);
    auto barrier = of_type<VkMemoryBarrier>(VK_STRUCTURE_TYPE_MEMORY_BARRIER);
    barrier.srcAccessMask = first.kinds;
    barrier.dstAccessMask = second.kinds;
    gpu_.vk().vkCmdPipelineBarrier(buffer.handle, first.stages, second.stages, VkDependencyFlags{0}, 1u, &barrier, 0u,
                                   nullptr, 0u, nullptr);
    gpu_.require(gpu_.vk().vkEndCommandBuffer, buffer.handle);
  } catch (...) {
    drop(buffer);
    throw;
  }
  return buffer;
}

Commands::Command Commands::begin(QueueKind kind) {
  Command command;
  command.owner_ = this;
  command.kind_ = kind;
  auto& spare = spare_[static_cast<std::size_t>(kind)];
  {
    const std::lock_guard lock(mutex_);
    if (!spare.empty()) {
      command.buffer_ = std::move(spare.back());
      spare.pop_back();
    }
  }
  if (command.buffer_) {
    gpu_.require(gpu_.vk().vkResetCommandPool, gpu_.device(), command.buffer_->pool, VkCommandPoolResetFlags{0});
  } else {
    auto fresh = std::make_unique<Buffer>();
    *fresh = make(kind);
    command.buffer_ = std::move(fresh);
  }
  start(*command.buffer_, VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT);
  return command;
}

void Commands::Command::finish() { owner_->gpu_.require(owner_->gpu_.vk().vkEndCommandBuffer, buffer_->handle); }

const Commands::Staging& Commands::Command::staging() {
  if (!staging_) staging_ = owner_->take_staging();
  return *staging_;
}

// Pieces share allocations, of which some devices allow 4096 in all.
Commands::Staging Commands::take_staging() {
  constexpr std::uint64_t pieces = 32;
  constexpr std::uint64_t bytes = device::Backend::max_written;
  const auto take_spare = [&] {
    const Staging piece = spare_staging_.back();
    spare_staging_.pop_back();
    return piece;
  };
  {
    const std::lock_guard lock(mutex_);
    if (!spare_staging_.empty()) return take_spare();
  }
  const Block block = memory_.allocate(Memory::Use::staging, pieces * bytes, "staging");
  const std::lock_guard lock(mutex_);
  try {
    staging_blocks_.reserve(staging_blocks_.size() + 1);
    spare_staging_.reserve(pieces * (staging_blocks_.size() + 1));  // for all there are: none fails to come back
  } catch (...) {
    memory_.free(block);
    throw;
  }
  staging_blocks_.push_back(block);
  for (std::uint64_t i = 0; i < pieces; ++i) {
    spare_staging_.push_back({block.buffer, i * bytes, block.mapped + i * bytes});
  }
  return take_spare();
}

Commands::Command::Command(Command&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)),
      kind_(other.kind_),
      buffer_(std::move(other.buffer_)),
      staging_(std::exchange(other.staging_, std::nullopt)) {}

Commands::Command& Commands::Command::operator=(Command&& other) noexcept {
  std::swap(owner_, other.owner_);
  std::swap(kind_, other.kind_);
  std::swap(buffer_, other.buffer_);
  std::swap(staging_, other.staging_);
  return *this;
}

Commands::Command::~Command() {
  if (owner_ == nullptr) return;
  const std::lock_guard lock(owner_->mutex_);
  if (buffer_) owner_->spare_[static_cast<std::size_t>(kind_)].push_back(std::move(buffer_));
  if (staging_) owner_->spare_staging_.push_back(*staging_);
}

}  // namespace weir::backend::vulkan
