#include "manager/implementation.hpp"

#include <algorithm>
#include <cstring>

#include <weir/errors.hpp>

#include "buffer/access.hpp"
#include "core/elsewhere.hpp"
#include "core/environment.hpp"
#include "core/names.hpp"
#include "core/pacing.hpp"
#include "manager/names.hpp"
#include "pool/access.hpp"

namespace weir {

namespace {

std::uint64_t default_limit(const DeviceInfo& info) {
  constexpr std::uint64_t usual = std::uint64_t{6} << 30;
  const std::uint64_t most = std::min(usual, info.default_limit);
  return info.memory_total ? std::min(most, *info.memory_total / 10 * 9) : most;
}

// What weir adds to a manager's name to name its pinned memory leaves this much.
constexpr std::size_t longest_manager_name = 240;

ManagerOptions valid(ManagerOptions options) {
  core::check_name("manager", options.name, longest_manager_name);
  if (!options.pool.name.empty()) {
    throw InvalidArgument("manager \"" + options.name + "\": pool.name is \"" + core::printable(options.pool.name) +
                              "\", but a manager's pool takes the manager's name; leave pool.name empty",
                          {.name = "pool.name"});
  }
  options.pool.name = options.name;
  if (!options.pool.limit) options.pool.limit = core::environment().limit;
  return options;
}

}  // namespace

PoolOptions MemoryManager::Implementation::pool_options(const DeviceInfo& info) const {
  PoolOptions options = options_.pool;
  if (!options.limit) options.limit = default_limit(info);
  return options;
}

MemoryManager::Implementation::Implementation(const Device& device, ManagerOptions options)
    : options_(valid(std::move(options))),
      tally_(&manager::ProcessTally::of_this_process().of(device.facts())),
      pool_(pool::Access::counted_pool(device, pool_options(device.facts()), tally_->of_pool())),
      link_(std::make_shared<detail::ManagerLink>(options_.name, pool_->options().log, pool::Access::events(*pool_))),
      transfers_(core::make_shared_that_waits<detail::TransferEngine>(
          device, options_.transfers, pool_->options(), tally_->of_pinned(), pool::Access::events(*pool_))) {
  if (!transfers_->spills()) return;
  spilling_ = pool::Access::on_pressure(
      *pool_, [this](const MemoryPressure& asked) { return spill(asked); }, [this] { return why_not_spilled(); });
}

MemoryManager::Implementation::~Implementation() {
  spilling_ = {};
  report_leaks();
  for (const Core& buffer : all()) buffer->close();
  link_->close();
}

void MemoryManager::Implementation::require_own_process() const {
  if (!in_own_process()) throw core::made_before_fork("manager \"" + options_.name + "\"", options_.name);
}

void MemoryManager::Implementation::report_leaks() const {
  if (pool_->options().log == nullptr) return;
  for (const Core& buffer : all()) {
    const BufferStatistics known = buffer->statistics();
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(known.age);
    std::string text = "buffer \"" + known.name + "\" was not freed before its manager; it is " +
                       std::to_string(seconds.count()) + " s old";
    if (options_.pool.call_sites) text += ", made at " + buffer->where().text();
    pool_->options().log->write({.level = LogLevel::error,
                                 .event = LogEvent::leak,
                                 .pool = options_.name,
                                 .text = text,
                                 .bytes = known.requested});
  }
}

MemoryManager::Implementation::Core MemoryManager::Implementation::make(detail::BufferRequest request,
                                                                        IfExists if_exists) {
  const auto began = track::Latency::Clock::now();
  try {
    core::check_name("buffer", request.name);
    detail::check(request);
  } catch (const Error& error) {
    link_->note(error);
    throw;
  }
  bool taken = false;
  {
    std::unique_lock lock(mutex_);
    if (if_exists == IfExists::reuse) {
      // One that is being made by another thread is nearly there.
      made_.wait(lock, [&] {
        const auto found = buffers_.find(request.name);
        return found == buffers_.end() || found->second;
      });
    }
    const auto [place, fresh] = buffers_.try_emplace(request.name, nullptr);
    if (!fresh) {
      if (if_exists == IfExists::reuse) return place->second;
      taken = true;
    }
  }
  if (taken) {
    throw link_->refused(InvalidArgument("manager \"" + options_.name + "\": buffer \"" + request.name +
                                             "\" exists already; free it first, or use find_or_create",
                                         {.name = request.name}));
  }
  const std::string name = request.name;
  try {
    const bool on_host = is_staging(request.options.usage);
    if (on_host) request.stream = transfers_->host_stream();
    auto made = core::make_shared_fork_safe<detail::BufferCore>(
        link_, pool_for(request.options.usage), *pool_->options().clock, std::move(request),
        [this](detail::BufferCore& closing) { forget(closing); });
    {
      const std::lock_guard lock(mutex_);
      ++buffers_created_;
      if (on_host) ++staging_buffers_;
      buffers_[name] = made;
    }
    made_.notify_all();
    creation_.record_since(began);
    return made;
  } catch (...) {
    {
      const std::lock_guard lock(mutex_);
      buffers_.erase(name);
    }
    made_.notify_all();
    throw;
  }
}

// The transfers' own pinned memory is none.
LeakCount MemoryManager::Implementation::check_leaks() const {
  LeakCount sum = pool_->check_leaks();
  if (staging_buffers_ == 0 && transfers_->spilled_bytes() == 0 && !lost_some_) return sum;
  for (const Core& buffer : all()) {
    if (!buffer->on_host() && buffer->residency() == Residency::device) continue;
    ++sum.blocks;
    sum.bytes += buffer->capacity() * buffer->type().bytes;
  }
  return sum;
}

void MemoryManager::Implementation::forget(const detail::BufferCore& buffer) {
  const BufferStatistics last = buffer.statistics();
  Core kept;  // ends after the lock
  const std::lock_guard lock(mutex_);
  const auto found = buffers_.find(buffer.name());
  if (found == buffers_.end() || found->second.get() != &buffer) return;
  kept = std::move(found->second);
  if (buffer.on_host()) --staging_buffers_;
  buffers_.erase(found);
  resizes_ += last.resizes;
  resizes_in_place_ += last.resizes_in_place;
}

MemoryManager::Implementation::Core MemoryManager::Implementation::find(std::string_view name) const {
  std::vector<std::string> names;
  {
    const std::lock_guard lock(mutex_);
    const auto found = buffers_.find(name);
    if (found != buffers_.end() && found->second) return found->second;
    for (const auto& [known, buffer] : buffers_) names.push_back(known);
  }
  std::string text = "manager \"" + options_.name + "\": no buffer \"" + core::printable(name) + "\"";
  const std::vector<std::string> near = manager::nearest(name, names);
  for (const std::string& each : near) text += (&each == near.data() ? "; did you mean \"" : ", \"") + each + "\"";
  text += near.empty() ? "; it has no buffers" : "?";
  throw link_->refused(NotFound(text, {.name = core::printable(name)}));
}

bool MemoryManager::Implementation::contains(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = buffers_.find(name);
  return found != buffers_.end() && found->second;
}

std::vector<MemoryManager::Implementation::Core> MemoryManager::Implementation::all() const {
  std::vector<Core> cores;
  const std::lock_guard lock(mutex_);
  for (const auto& [name, buffer] : buffers_) {
    if (buffer) cores.push_back(buffer);
  }
  return cores;
}

detail::BufferCore& MemoryManager::Implementation::own(const AnyBuffer& buffer) const {
  detail::BufferCore& core = detail::BufferAccess::core(buffer);
  if (&core.pool() == &pool_for(core.options().usage)) return core;
  throw link_->refused(InvalidArgument("manager \"" + options_.name + "\": buffer \"" + core.name() +
                                           "\" belongs to another manager; pass it to that one",
                                       {.name = core.name()}));
}

MemoryManager::Implementation::Window MemoryManager::Implementation::window(const AnyBuffer& buffer, std::size_t offset,
                                                                            std::size_t count) const {
  detail::BufferCore& core = own(buffer);
  core.require_window(offset, count);
  return {core, offset * core.type().bytes};
}

ManagerStatistics MemoryManager::Implementation::statistics() const {
  ManagerStatistics known = statistics_with(pool_->statistics(), transfers_->statistics());
  const std::vector<Core> open = all();
  for (const Core& buffer : open) {
    const BufferStatistics each = buffer->statistics();
    known.resizes += each.resizes;
    known.resizes_in_place += each.resizes_in_place;
    known.host_copies += each.host_copy;
  }
  known.buffers = open.size();
  const std::lock_guard lock(mutex_);
  known.resizes += resizes_;
  known.resizes_in_place += resizes_in_place_;
  return known;
}

ManagerStatistics MemoryManager::Implementation::quick_statistics() const {
  return statistics_with(pool_->quick_statistics(), transfers_->quick_statistics());
}

ManagerStatistics MemoryManager::Implementation::statistics_with(const Statistics& pool,
                                                                 const TransferStatistics& transfers) const {
  ManagerStatistics known;
  known.pool = pool;
  known.pool.refusals += link_->refusals();
  known.pool.errors += link_->errors();
  known.transfers = transfers;
  known.creation_latency = creation_.summary();
  known.recovery_latency = recovery_.summary();
  const std::lock_guard lock(mutex_);
  known.buffers = buffers_.size();
  known.recoveries = recoveries_;
  known.restored_bytes = restored_bytes_;
  known.lost_bytes = lost_bytes_;
  known.buffers_created = buffers_created_;
  return known;
}

}  // namespace weir
