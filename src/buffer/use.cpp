// The use of a buffer on streams: whose work comes after what, where the contents are, and how they come back for a
// stream from the host, to which any thread may have spilled them.
#include <algorithm>
#include <exception>

#include <weir/errors.hpp>

#include "buffer/buffer_core.hpp"
#include "core/elsewhere.hpp"
#include "core/reserve_more.hpp"
#include "device/access.hpp"
#include "device/backend.hpp"

namespace weir::detail {

// The id of a thread's own default stream is the same in every thread, its stream is not.
StreamId BufferCore::settled(const Pool& pool, StreamId stream) {
  return stream == StreamId::per_thread_default ? device::Access::backend(pool.device()).resolve(stream) : stream;
}

// --- Order ---

// The copy of the contents, and the clearing of what is new where the pool clears: each stream that uses the buffer
// from now on comes after them.
void BufferCore::note_change(StreamId stream) {
  behind_change_.assign(1, stream);
  changed_ = {};
  changed_.add(device::Access::shared_backend(pool_->device()), stream);
}

void BufferCore::bring_behind_change(StreamId stream) {
  if (std::find(behind_change_.begin(), behind_change_.end(), stream) != behind_change_.end()) return;
  core::reserve_more(behind_change_, 1);
  if (changed_.done()) {
    changed_ = {};
    return;
  }
  changed_.hold_back(stream);
  behind_change_.push_back(stream);
}

void BufferCore::hold_back_for_users(StreamId stream) const { users_beside(stream).hold_back(stream); }

device::Fence BufferCore::users_beside(std::optional<StreamId> stream) const {
  device::Fence users;
  if (stream_ != stream) users.add(device::Access::shared_backend(pool_->device()), stream_);
  for (const StreamId user : others_) {
    if (user != stream) users.add(device::Access::shared_backend(pool_->device()), user);
  }
  return users;
}

void BufferCore::note_use(StreamId stream) {
  if (!changed_.empty()) bring_behind_change(stream);
  if (stream == stream_ || std::find(others_.begin(), others_.end(), stream) != others_.end()) return;
  core::reserve_more(others_, 1);
  pool_->used_on(block_, stream);
  others_.push_back(stream);
}

void BufferCore::hold(StreamId stream) {
  pins_.enter();
  ++uses_;
  try {
    if (residency() != Residency::device) bring_back(stream);
    note_use(stream);
  } catch (...) {
    pins_.leave();
    throw;
  }
}

std::uint64_t BufferCore::pin(StreamId stream) {
  require_open();
  touch();  // so that it is not the next to be spilled where it makes others go
  hold(settled(*pool_, stream));
  add(accesses_, 1);
  return address_;
}

std::uint64_t BufferCore::give_address(StreamId stream) {
  const std::uint64_t address = pin(stream);
  address_is_out_.store(true, std::memory_order_relaxed);
  unpin();
  return address;
}

// --- Spilling ---

// Work that uses the buffer is waited for with users let in, so that these wait for one copy at most.
std::uint64_t BufferCore::spill(HostStore& store, const SpillTime& time, SpillLook& look) {
  if (options_.persistent || options_.plain || on_host() || core::in_queued_work()) return 0;
  try {
    for (;;) {
      if (!open() || !pins_.try_close()) return 0;
      std::uint64_t freed = 0;
      bool waits = false;
      std::exception_ptr loss;
      try {
        if (may_be_spilled()) {
          if (look.uses != uses_) {
            look = {users_beside({}), uses_};
            look.busy.add(changed_);
          }
          waits = !look.busy.done();
          if (!waits) freed = move_to_host(store, time.copy);
        }
      } catch (const DeviceLost&) {
        loss = std::current_exception();
      } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): it stays on the device, which may be failing
      }
      const bool goes_on = pins_.open();
      if (freed != 0) manager_->spilled(name_, tag_, bytes_in_use(), false);  // a log may use the buffer
      if (!goes_on) freed += end_memory();
      if (loss) std::rethrow_exception(loss);
      if (!goes_on) return freed;
      if (!waits || time.users.passed() || !look.busy.await(time.users)) return freed;
    }
  } catch (const DeviceLost&) {
    throw;
  } catch (const std::exception&) {  // of the wait
    return 0;
  }
}

bool BufferCore::may_be_spilled() const noexcept {
  return open() && residency() == Residency::device && !address_is_out_.load(std::memory_order_acquire);
}

// The store's stream is a user before anything is queued there: a copy that does not end in time goes on.
std::uint64_t BufferCore::move_to_host(HostStore& store, const core::Deadline& deadline) {
  note_use(store.stream());
  auto copy = store.keep(address_, bytes_in_use(), deadline);
  if (!copy) return 0;
  const std::uint64_t freed = allocated_;
  pool_->release(block_, stream_);
  host_copy_ = std::move(copy);
  block_ = {};
  address_ = 0;
  others_.clear();
  changed_ = {};
  allocated_ = 0;
  growable_bytes_ = 0;
  residency_ = Residency::host;
  add(spills_, 1);
  return freed;
}

void BufferCore::bring_back(StreamId stream) {
  if (!host_copy_) refuse_lost();
  if (device::Access::backend(pool_->device()).capturing(stream)) {
    throw manager_->refused(
        Unsupported("buffer \"" + name_ +
                        "\" is on the host, and a captured stream cannot bring it back once for all "
                        "launches; use it on another stream before the capture",
                    {.name = name_}));
  }
  const BlockHandle block = acquire(bytes_for(capacity()), stream);
  try {
    if (!host_copy_) require_open();  // a handler of memory pressure freed it, which throws
    host_copy_->restore(pool_->address(block), bytes_in_use(), stream);
    note_change(stream);
  } catch (...) {
    changed_ = {};
    pool_->release(block, stream);
    throw;
  }
  block_ = block;
  stream_ = stream;
  note_place();
  residency_ = Residency::device;
  host_copy_.reset();
  manager_->spilled(name_, tag_, bytes_in_use(), true);
}

}  // namespace weir::detail
