// The doors of the pool: what users call, and nothing else.
#include <weir/pool.hpp>

#include <optional>
#include <type_traits>
#include <utility>

#include <weir/errors.hpp>

#include "core/elsewhere.hpp"
#include "core/pointer.hpp"
#include "pool/access.hpp"
#include "pool/door.hpp"
#include "pool/hit_path.hpp"

namespace weir {

static_assert(AllocateOptions().alignment == Pool::granule);
static_assert(std::is_trivially_copyable_v<AllocateOptions> && sizeof(AllocateOptions) == 16);  // two registers

namespace {

using core::pointer;

}  // namespace

Pool::Pool(Device device, PoolOptions options)
    : Pool(Implementation::make(std::move(device), std::move(options), track::Tallies())) {}

Pool::Pool(std::unique_ptr<Implementation> implementation) noexcept : implementation_(std::move(implementation)) {}

std::unique_ptr<Pool> pool::Access::counted_pool(Device device, PoolOptions options, const track::Tallies& tallies) {
  auto implementation = Pool::Implementation::make(std::move(device), std::move(options), tallies);
  return std::unique_ptr<Pool>(new Pool(std::move(implementation)));
}

std::unique_ptr<Pool> pool::Access::successor(const Pool& pool, Device device, PoolOptions options,
                                              const track::Tallies& tallies) {
  auto implementation =
      Pool::Implementation::make(std::move(device), std::move(options), tallies, pool.implementation_->lasting());
  return std::unique_ptr<Pool>(new Pool(std::move(implementation)));
}

void pool::Access::exchange(Pool& one, Pool& other) noexcept {
  one.implementation_.swap(other.implementation_);
  one.implementation_->go_on_recording(*other.implementation_);
}

void pool::Access::end_abandoned(std::unique_ptr<Pool> pool, bool lost) noexcept {
  pool->implementation_->abandon(lost);
}

// A child of fork() leaves a pool as it is: another thread may have been changing it at that moment, or held a lock.
Pool::~Pool() {
  Implementation* const last = implementation_.release();
  if (last->forked()) return;
  if (core::in_queued_work()) last->report_leaks();  // the log may not outlive this call
  core::end_what_waits(last);
}

void* Pool::allocate(std::size_t bytes, StreamId stream, AllocateOptions options, CallSite where) {
  [[maybe_unused]] const Implementation::Door door(*implementation_);
  Implementation& here = *implementation_;
  return pointer(here.hit_or(bytes, stream, options, [&](pool::ThreadCache* cache) {
    return cache != nullptr ? here.allocate_after_miss(*cache, bytes, options, where)
                            : here.allocate_address(bytes, stream, options, where);
  }));
}

std::optional<void*> Pool::try_allocate(std::size_t bytes, StreamId stream, AllocateOptions options, CallSite where) {
  [[maybe_unused]] const Implementation::Door door(*implementation_);
  Implementation& here = *implementation_;
  const std::uint64_t address = here.hit_or(bytes, stream, options, [&](pool::ThreadCache* cache) {
    return here.try_allocate(cache, bytes, stream, options, where);
  });
  if (address == Implementation::refused) return std::nullopt;
  return pointer(address);
}

void Pool::deallocate(void* address, StreamId stream) {
  [[maybe_unused]] const Implementation::Door door(*implementation_);
  implementation_->hit_or_free(reinterpret_cast<std::uint64_t>(address), stream);
}

BlockHandle Pool::acquire(std::size_t bytes, StreamId stream, AllocateOptions options, CallSite where) {
  [[maybe_unused]] const Implementation::Door door(*implementation_);
  const std::uint32_t id = implementation_->allocate({bytes, stream, options, where});
  return id == 0 ? BlockHandle{} : implementation_->handle_of(id);
}

BlockHandle Pool::acquire_growable(std::size_t bytes, std::size_t max_bytes, StreamId stream, AllocateOptions options,
                                   CallSite where) {
  [[maybe_unused]] const Implementation::Door door(*implementation_);
  const std::uint32_t id = implementation_->allocate_growable({bytes, stream, options, where}, max_bytes);
  return id == 0 ? BlockHandle{} : implementation_->handle_of(id);
}

BlockHandle Pool::acquire_plain(std::size_t bytes, StreamId stream, AllocateOptions options, CallSite where) {
  [[maybe_unused]] const Implementation::Door door(*implementation_);
  const std::uint32_t id = implementation_->allocate_plain({bytes, stream, options, where});
  return id == 0 ? BlockHandle{} : implementation_->handle_of(id);
}

PressureRegistration Pool::on_pressure(PressureHandler handler) {
  return implementation_->on_pressure(std::move(handler));
}

PressureRegistration pool::Access::on_pressure(Pool& pool, PressureHandler handler,
                                               std::function<std::string()> remark) {
  return pool.implementation_->on_pressure(std::move(handler), std::move(remark));
}

bool Pool::resize(BlockHandle block, std::size_t bytes, StreamId stream) {
  [[maybe_unused]] const Implementation::Door door(*implementation_);
  const std::uint32_t id = implementation_->live_by(block);
  return id != 0 && implementation_->resize(id, bytes, stream);
}

std::optional<Pool::Enlarged> Pool::enlarge(BlockHandle block, std::size_t bytes, std::size_t max_bytes,
                                            std::size_t contents, StreamId stream, std::size_t range_bytes) {
  [[maybe_unused]] const Implementation::Door door(*implementation_);
  const std::uint32_t id = implementation_->live_by(block);
  return id == 0 ? std::nullopt : implementation_->enlarge(id, bytes, max_bytes, contents, stream, range_bytes);
}

void Pool::release(BlockHandle block, StreamId stream) {
  [[maybe_unused]] const Implementation::Door door(*implementation_);
  const std::uint32_t id = implementation_->live_by(block);
  if (id != 0 && !implementation_->free_hit(id, stream)) implementation_->free(id, stream);
}

bool Pool::holds(BlockHandle block) const noexcept { return implementation_->holds(block); }

std::uint64_t Pool::address(BlockHandle block) const {
  implementation_->require_usable();
  const std::uint32_t id = implementation_->live_by(block);
  return id == 0 ? 0 : implementation_->block(id).address();
}

BlockHandle Pool::handle(const void* address) const {
  implementation_->require_usable();
  if (address == nullptr) return {};
  const std::uint32_t id = implementation_->live_at(reinterpret_cast<std::uint64_t>(address));
  return implementation_->handle_of(id);
}

std::uint64_t Pool::allocated(BlockHandle block) const {
  implementation_->require_usable();
  const std::uint32_t id = implementation_->live_by(block);
  return id == 0 ? 0 : implementation_->block(id).bytes();
}

std::uint64_t Pool::growable_bytes(BlockHandle block) const {
  implementation_->require_usable();
  const std::uint32_t id = implementation_->live_by(block);
  return id == 0 ? 0 : implementation_->growable_bytes(id);
}

LiveBlock Pool::describe(BlockHandle block) const { return implementation_->describe(implementation_->live_by(block)); }

void Pool::used_on(void* address, StreamId stream) {
  if (address == nullptr) return;
  implementation_->used_on(implementation_->live_at(reinterpret_cast<std::uint64_t>(address)), stream);
}
void Pool::used_on(BlockHandle block, StreamId stream) {
  implementation_->used_on(implementation_->live_by(block), stream);
}
void Pool::used_until(BlockHandle block, StreamId stream, std::shared_ptr<const device::Event> end) noexcept {
  implementation_->used_until(block, stream, std::move(end));
}
void Pool::retire(StreamId stream) {
  [[maybe_unused]] const Implementation::Door door(*implementation_);
  implementation_->retire(stream);
}

std::uint64_t Pool::trim(std::uint64_t keep_free) {
  [[maybe_unused]] const Implementation::Door door(*implementation_);
  return implementation_->trim(keep_free);
}

void Pool::map_ahead(std::uint64_t bytes, StreamId stream) {
  [[maybe_unused]] const Implementation::Door door(*implementation_);
  implementation_->map_ahead(bytes, stream);
}

void Pool::maintain() {
  [[maybe_unused]] const Implementation::Door door(*implementation_);
  implementation_->maintain();
}

ExternalBytes Pool::book_external(std::uint64_t bytes) {
  [[maybe_unused]] const Implementation::Door door(*implementation_);
  return {implementation_->book_external(bytes), bytes};
}

Tag Pool::tag(std::string_view name) { return implementation_->tag(name); }
void Pool::drop_tag(Tag tag) noexcept { implementation_->drop_tag(tag); }
Statistics Pool::statistics() const { return implementation_->statistics(); }
Statistics Pool::quick_statistics() const { return implementation_->sums(); }
const std::shared_ptr<track::EventTap>& Pool::events() const noexcept { return implementation_->events(); }
LeakCount Pool::check_leaks() const { return implementation_->check_leaks(); }
std::vector<LiveBlock> Pool::live_blocks() const { return implementation_->live_blocks(); }
void Pool::verify() const { implementation_->verify(); }
const Device& Pool::device() const noexcept { return implementation_->device(); }
std::uint64_t Pool::page_bytes() const noexcept { return implementation_->page_bytes(); }
const PoolOptions& Pool::options() const noexcept { return implementation_->options(); }

ExternalBytes::ExternalBytes(ExternalBytes&& other) noexcept
    : quota_(std::move(other.quota_)), bytes_(std::exchange(other.bytes_, 0)) {}

ExternalBytes& ExternalBytes::operator=(ExternalBytes&& other) noexcept {
  std::swap(quota_, other.quota_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

ExternalBytes::~ExternalBytes() {
  if (quota_) quota_->unbook(bytes_);
}

}  // namespace weir
