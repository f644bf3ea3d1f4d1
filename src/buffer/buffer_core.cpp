#include "buffer/buffer_core.hpp"

#include <algorithm>
#include <cmath>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "core/reserve_more.hpp"
#include "device/access.hpp"
#include "device/backend.hpp"
#include "device/fence.hpp"
#include "pool/access.hpp"
#include "track/event_tap.hpp"

namespace weir::detail {
namespace {

constexpr double least_growth = 1.0;
constexpr double max_growth = 4.0;

std::string quoted(const std::string& name) { return "buffer \"" + name + "\""; }

}  // namespace

void check(const BufferRequest& request) {
  const auto refuse = [&](const std::string& text) {
    throw InvalidArgument(quoted(request.name) + ": " + text, {.name = request.name});
  };
  const BufferOptions& options = request.options;
  if (request.count == 0) refuse("count is 0; it must be 1 or more");
  // Written so that a NaN is refused too.
  if (!(options.growth >= least_growth && options.growth <= max_growth)) {
    refuse("growth is " + std::to_string(options.growth) + "; it must be 1.0 to 4.0");
  }
  if (options.usage > Usage::staging_download) {
    refuse("Usage " + std::to_string(static_cast<unsigned>(options.usage)) + " does not exist; usages are 0 to 7");
  }
  if (options.downloads && is_staging(options.usage)) {
    refuse("downloads is on, but the host reads a staging buffer in place; leave downloads off");
  }
  if (options.downloads && options.download_slots < 2) {
    refuse("download_slots is " + std::to_string(options.download_slots) + "; it must be 2 or more");
  }
}

namespace {

// What the pool could not do, it could not do for this buffer. To be called where the error was caught.
[[noreturn]] void rethrow_for(const std::string& name, const Error& error) {
  const std::string text = quoted(name) + ": " + error.message();
  ErrorFacts facts = error.facts();
  facts.name = name;
  switch (error.code()) {
    case ErrorCode::limit_exceeded: throw LimitExceeded(text, facts);
    case ErrorCode::out_of_memory: throw OutOfMemory(text, facts);
    case ErrorCode::timeout: throw Timeout(text, facts);
    case ErrorCode::driver_error: throw DriverError(text, facts);
    case ErrorCode::device_lost: throw DeviceLost(text, facts);
    default: throw;
  }
}

// Whether a block that could not be cut is left for a smaller one: when that gives back a page or more and more than an
// eighth of what stays, or, of a block below a page, a quarter. One that grows in place was cut to whole pages, or to
// whole extents of them, which are never more than that eighth, and stays where it is.
bool worth_leaving(std::uint64_t allocated, std::uint64_t bytes, std::uint64_t page_bytes) {
  const std::uint64_t needed = (bytes + Pool::granule - 1) / Pool::granule * Pool::granule;
  if (allocated <= needed) return false;
  const std::uint64_t spare = allocated - needed;
  return (spare >= page_bytes && spare > needed / 8) || (allocated < page_bytes && spare >= allocated / 4);
}

}  // namespace

BufferCore::BufferCore(std::shared_ptr<ManagerLink> manager, Pool& pool, const Clock& clock, BufferRequest request,
                       Closing closing)
    : manager_(std::move(manager)),
      pool_(&pool),
      clock_(&clock),
      name_(std::move(request.name)),
      type_(request.type),
      options_(request.options),
      where_(request.where),
      tag_(pool.tag(name_)),
      max_elements_(request.options.max_bytes / request.type.bytes),
      closing_(std::move(closing)),
      stream_(settled(pool, request.stream)),
      made_(clock.now()),
      touched_(made_.count()) {
  const std::size_t capacity = std::max(request.count, std::min(options_.min_elements, max_elements_));
  try {
    block_ = acquire(bytes_for(capacity), stream_);
    if (pool_->options().zero && capacity != 0) note_change(stream_);
  } catch (...) {
    if (pool_->holds(block_)) pool_->release(block_, stream_);
    pool_->drop_tag(tag_);
    throw;
  }
  note_place();
  capacity_ = capacity;
  size_ = request.count;
}

void BufferCore::require_type(const ElementType& wanted) const {
  if (type_ == wanted) return;
  throw manager_->refused(TypeMismatch(
      quoted(name_) + " holds " + std::string(type_.name) + ", not " + std::string(wanted.name), {.name = name_}));
}

void BufferCore::require_open() const {
  if (open()) return;
  if (!process_.is_current()) throw core::made_before_fork(quoted(name_), name_);
  if (!manager_->open()) {
    throw StaleHandle(quoted(name_) + " was freed when its manager \"" + manager_->manager() +
                          "\" was destroyed; this handle to it is stale",
                      {.name = name_});
  }
  throw manager_->refused(StaleHandle(quoted(name_) + " was freed; this handle to it is stale", {.name = name_}));
}

// The bytes of `count` elements, if the buffer may have as many.
std::uint64_t BufferCore::bytes_for(std::size_t count) const {
  if (count <= max_elements_) return std::uint64_t{count} * type_.bytes;
  throw manager_->refused(
      LimitExceeded(quoted(name_) + ": request of " + std::to_string(count) + " elements of " +
                        format_bytes(type_.bytes) + " exceeds its maximum of " + std::to_string(max_elements_) + " (" +
                        format_bytes(options_.max_bytes) + "); raise max_bytes in its options",
                    {.name = name_,
                     .bytes_asked = count > UINT64_MAX / type_.bytes ? UINT64_MAX : count * type_.bytes,
                     .limit = options_.max_bytes}));
}

// An ordinary block, whatever its size. One that may grow past a page lies on pages' borders, so that its handles can
// move when it does.
BlockHandle BufferCore::acquire(std::uint64_t bytes, StreamId stream) const try {
  if (options_.plain) return pool_->acquire_plain(bytes, stream, {.tag = tag_}, where_);
  const std::uint64_t page = pool_->page_bytes();
  const bool may_move = page != 0 && bytes >= page && bytes < max_bytes();
  return pool_->acquire(bytes, stream, {.alignment = may_move ? page : Pool::granule, .tag = tag_}, where_);
} catch (const Error& error) {
  rethrow_for(name_, error);
}

// --- Size ---

bool BufferCore::ensure_capacity(std::size_t count, StreamId stream) {
  require_open();
  if (count <= capacity()) return false;
  static_cast<void>(bytes_for(count));
  const double grown = std::floor(static_cast<double>(capacity()) * options_.growth);
  const std::size_t more =
      grown >= static_cast<double>(max_elements_) ? max_elements_ : static_cast<std::size_t>(grown);
  change_capacity(std::max(more, count), stream);
  return true;
}

void BufferCore::resize(std::size_t count, StreamId stream) {
  ensure_capacity(count, stream);
  size_ = count;
  touch();
}

void BufferCore::shrink(std::size_t count, StreamId stream) {
  require_open();
  const std::size_t wanted = std::max({count, size(), std::size_t{1}});
  if (wanted < capacity()) change_capacity(wanted, stream);
}

void BufferCore::change_capacity(std::size_t count, StreamId asked_on) {
  const std::uint64_t bytes = bytes_for(count);
  const StreamId user = settled(*pool_, asked_on);
  const StreamId stream = on_host() ? stream_ : user;
  const std::uint64_t before = capacity() * type_.bytes;
  if (change_capacity_on_host(count)) return;
  hold(user);
  const PinsGuard stays(pins_);
  const Change change = count < capacity() ? cut(bytes, stream, count) : enlarge(bytes, stream);
  if ((change == Change::by_copy && bytes_in_use() != 0) || pool_->options().zero) note_change(stream);
  capacity_ = count;
  note_place();
  add(resizes_, 1);
  if (change == Change::in_place) add(resizes_in_place_, 1);
  touch();
  manager_->resized(name_, before, bytes, change, address_, stream);
}

// What is on the host or lost gets memory of its new size when it comes back.
bool BufferCore::change_capacity_on_host(std::size_t count) {
  pins_.enter();
  const PinsGuard stays(pins_);
  if (residency() == Residency::device) return false;
  capacity_ = count;
  add(resizes_, 1);
  touch();
  return true;
}

Change BufferCore::enlarge(std::uint64_t bytes, StreamId stream) {
  try {
    if (const auto enlarged =
            pool_->enlarge(block_, bytes, max_bytes(), bytes_in_use(), stream, options_.range_bytes)) {
      add(bytes_moved_, enlarged->bytes_copied);
      if (!enlarged->moved) return Change::in_place;
      return enlarged->bytes_copied == 0 ? Change::by_remapping : Change::by_copy;
    }
  } catch (const Error& error) {
    note_place();  // a driver that fails may have left it at its new place
    rethrow_for(name_, error);
  }
  move_to_new_block(bytes, stream);
  return Change::by_copy;
}

Change BufferCore::cut(std::uint64_t bytes, StreamId stream, std::size_t count) {
  bool in_place = false;
  try {
    in_place = pool_->resize(block_, bytes, stream);
  } catch (const Error& error) {
    rethrow_for(name_, error);
  }
  if (in_place) {
    capacity_ = count;
    if (!worth_leaving(pool_->allocated(block_), bytes, pool_->device().facts().page_bytes)) return Change::in_place;
  }
  try {
    move_to_new_block(bytes, stream);
    return Change::by_copy;
  } catch (const Error&) {
    if (!in_place) throw;
    return Change::in_place;  // no memory for both, or no copy; it has shrunk where it is
  }
}

// A block that is gone, as the driver lost it, closes the buffer.
void BufferCore::note_place() {
  if (!pool_->holds(block_)) {
    block_ = {};
    close();
    return;
  }
  address_ = pool_->address(block_);
  last_address_ = address_;
  allocated_ = pool_->allocated(block_);
  growable_bytes_ = pool_->growable_bytes(block_);
}

// The copy comes after all work queued so far on the streams that used the old block.
void BufferCore::move_to_new_block(std::uint64_t bytes, StreamId stream) {
  const BlockHandle moved = acquire(bytes, stream);
  const std::uint64_t address = pool_->address(moved);
  try {
    hold_back_for_users(stream);
    if (size() != 0) device::Access::backend(pool_->device()).copy(stream, address, address_, bytes_in_use());
  } catch (...) {
    pool_->release(moved, stream);
    throw;
  }
  pool_->release(block_, stream_);
  add(bytes_moved_, bytes_in_use());
  pool::Access::events(*pool_)->note({.bytes = bytes,
                                      .address = address,
                                      .block = moved.id,
                                      .granules = static_cast<std::uint32_t>(pool_->allocated(moved) / Pool::granule),
                                      .stream = static_cast<std::uint32_t>(stream),
                                      .kind = track::EventKind::resize,
                                      .way = track::EventWay::copied});
  block_ = moved;
  address_ = address;
  stream_ = stream;
  others_.clear();
}

bool BufferCore::holds(std::size_t offset, std::size_t count) const noexcept {
  return offset <= size() && count <= size() - offset;
}

void BufferCore::require_window(std::size_t offset, std::size_t count) const {
  require_open();
  if (holds(offset, count)) return;
  throw manager_->refused(InvalidArgument(quoted(name_) + ": " + std::to_string(count) + " elements from offset " +
                                              std::to_string(offset) + " exceed its size of " + std::to_string(size()) +
                                              " elements",
                                          {.name = name_, .limit = size()}));
}

void BufferCore::note_upload(std::uint64_t bytes) noexcept {
  add(uploads_, 1);
  add(bytes_uploaded_, bytes);
}

void BufferCore::note_download(std::uint64_t bytes) noexcept {
  add(downloads_, 1);
  add(bytes_downloaded_, bytes);
}

void BufferCore::touch() noexcept { touched_.store(clock_->now().count(), std::memory_order_relaxed); }

BufferStatistics BufferCore::statistics() const {
  BufferStatistics known;
  known.name = name_;
  known.type = type_.name;
  known.capacity = capacity();
  known.size = size();
  known.requested = known.capacity * type_.bytes;
  known.allocated = allocated_;
  known.residency = residency_;
  known.spills = spills_;
  known.host_copy = kept_bytes_;
  known.grows_in_place = growable_bytes_ > allocated_;
  known.capacity_in_place = std::max(known.capacity, std::min(max_elements_, growable_bytes_ / type_.bytes));
  const std::chrono::nanoseconds now = clock_->now();
  known.age = now - made_;
  known.since_access = now - std::chrono::nanoseconds(touched_.load(std::memory_order_relaxed));
  known.accesses = accesses_;
  known.resizes = resizes_;
  known.resizes_in_place = resizes_in_place_;
  known.bytes_moved = bytes_moved_;
  known.uploads = uploads_;
  known.downloads = downloads_;
  known.bytes_uploaded = bytes_uploaded_;
  known.bytes_downloaded = bytes_downloaded_;
  return known;
}

void BufferCore::close() noexcept {
  if (!process_.is_current() || !open_.exchange(false)) return;
  if (closing_) closing_(*this);
  companion.reset();
  if (!pins_.enter_or_leave_to_mover()) return;
  end_memory();
  pins_.leave();
}

// Gives the bytes of device memory that come free.
std::uint64_t BufferCore::end_memory() noexcept {
  const std::uint64_t freed = host_copy_ ? 0 : allocated_.load();
  changed_ = {};
  try {
    if (!host_copy_) pool_->release(block_, stream_);
    pool_->drop_tag(tag_);
  } catch (const Error&) {  // NOLINT(bugprone-empty-catch): the block is the pool's to report then
  }
  host_copy_.reset();
  kept_.reset();
  kept_bytes_ = 0;
  saved_.reset();
  restore_ = nullptr;
  return freed;
}

}  // namespace weir::detail
