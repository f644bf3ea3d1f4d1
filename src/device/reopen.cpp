#include "device/reopen.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <thread>
#include <utility>

#include <weir/errors.hpp>

#include "device/event.hpp"

namespace weir::device {
namespace {

constexpr std::chrono::seconds patience{10};  // with a device that is to show that it works
constexpr std::chrono::minutes longest_pause{1};

/// Memory that is given back at the end.
class Taken {
 public:
  using Give = void (Backend::*)(Address, std::uint64_t) noexcept;
  Taken(Backend& backend, Address address, std::uint64_t bytes, Give give)
      : backend_(backend), address_(address), bytes_(bytes), give_(give) {}
  Taken(const Taken&) = delete;
  Taken& operator=(const Taken&) = delete;
  ~Taken() {
    if (!left_) (backend_.*give_)(address_, bytes_);
  }
  [[nodiscard]] Address address() const noexcept { return address_; }
  /// Work may still use it: a leak is better.
  void leave() noexcept { left_ = true; }
  [[nodiscard]] bool left() const noexcept { return left_; }

 private:
  Backend& backend_;
  const Address address_;
  const std::uint64_t bytes_;
  const Give give_;
  bool left_ = false;
};

class Reopening {
 public:
  Reopening(const std::shared_ptr<const Origin>& origin, const DeviceInfo& lost, const ReopenOptions& options,
            const std::function<void(const Device&)>& use)
      : origin_(origin), lost_(lost), options_(options), use_(use) {}

  [[nodiscard]] Reopened run() {
    if (same() || (options_.other_devices && another())) return std::move(done_);
    std::string text = lost_.name + " was lost, and no device could be opened in its place";
    for (const std::string& each : done_.refusals) text += "; " + each;
    throw DeviceLost(text, {.name = lost_.name});
  }

 private:
  [[nodiscard]] bool is_lost_one(const Provider& backend, const DeviceInfo& device) const {
    return backend.kind == lost_.backend && device.index == lost_.index;
  }

  bool same() {
    const auto found = std::ranges::find(origin_->providers, lost_.backend, &Provider::kind);
    done_.same_device = found != origin_->providers.end() && try_device(*found, lost_);
    return done_.same_device;
  }

  // The request may name no other; then the list ends where it began.
  bool another() {
    std::string by;
    std::vector<std::string> passed;
    const bool found = each_that_fits(*origin_, by, passed, [&](const Provider& backend, const DeviceInfo& device) {
      return !is_lost_one(backend, device) && try_device(backend, device);
    });
    if (!found) std::ranges::move(passed, std::back_inserter(done_.refusals));
    return found;
  }

  bool try_device(const Provider& backend, const DeviceInfo& device) {
    std::chrono::nanoseconds pause = options_.back_off;
    for (unsigned attempt = 1; attempt <= options_.attempts; ++attempt) {
      if (attempt > 1) {
        std::this_thread::sleep_for(pause);
        pause = std::min<std::chrono::nanoseconds>(2 * pause, longest_pause);
      }
      ++done_.attempts;
      try {
        open(backend, device);
        return true;
      } catch (const Error& error) {
        done_.refusals.push_back(backend.name + ": " + device.name + ", attempt " + std::to_string(attempt) + " of " +
                                 std::to_string(options_.attempts) + ": " + error.message());
      }
    }
    return false;
  }

  void open(const Provider& backend, const DeviceInfo& device) const {
    const std::shared_ptr<Backend> opened = backend.open(device.index, origin_->request);
    if (opened->facts().name != device.name) {
      throw NotFound("another device, " + opened->facts().name + ", is in its place", {.name = device.name});
    }
    require_working(opened);
    const bool same_one = is_lost_one(backend, device);
    use_(Access::make_device(
        opened,
        device.name + " (" + backend.name + "): " +
            (same_one ? "opened again after it was lost" : "in the place of " + lost_.name + ", which was lost"),
        origin_));
  }

  const std::shared_ptr<const Origin>& origin_;
  const DeviceInfo& lost_;
  const ReopenOptions& options_;
  const std::function<void(const Device&)>& use_;
  Reopened done_;
};

}  // namespace

Reopened reopen(const std::shared_ptr<const Origin>& origin, const DeviceInfo& lost, const ReopenOptions& options,
                const std::function<void(const Device&)>& use) {
  return Reopening(origin, lost, options, use).run();
}

void require_working(const std::shared_ptr<Backend>& backend) {
  constexpr std::uint64_t bytes = 512;
  Backend& device = *backend;
  std::array<std::byte, bytes> pattern{};
  for (std::size_t i = 0; i < bytes; ++i) pattern.at(i) = static_cast<std::byte>(i * 37 + 11);
  Taken memory(device, device.allocate_segment(bytes), bytes, &Backend::free_segment);
  Taken pinned(device, device.allocate_pinned(bytes), bytes, &Backend::free_pinned);
  auto* const read = reinterpret_cast<std::byte*>(pinned.address());  // NOLINT(performance-no-int-to-ptr)
  std::memset(read, 0, bytes);
  // A call may fail while what was queued before it is under way; on a lost device all work has ended.
  std::exception_ptr failure;
  const auto tried = [&failure](auto call) {
    try {
      return call();
    } catch (const DeviceLost&) {
      failure = std::current_exception();
      return true;
    } catch (const Error&) {
      if (!failure) failure = std::current_exception();
      return false;
    }
  };
  static_cast<void>(tried([&] {
    device.write(StreamId::legacy_default, memory.address(), pattern);
    device.download(StreamId::legacy_default, read, memory.address(), bytes);
    return true;
  }));
  const auto rests = [&] {
    return Event(backend, StreamId::legacy_default).wait(core::Deadline(patience, device.clock()));
  };
  if (!tried(rests) && !tried(rests)) {  // a failure may have passed at a second try
    memory.leave();
    pinned.leave();
  }
  if (failure) std::rethrow_exception(failure);
  if (memory.left()) {
    throw Timeout(device.facts().name + ": a copy of 512 B did not end within 10 s", {.name = device.facts().name});
  }
  const bool remembers = device.facts().backend != BackendKind::dry;
  if (remembers && std::memcmp(read, pattern.data(), bytes) != 0) {
    throw DriverError(device.facts().name + ": what was written came back changed", {.name = device.facts().name});
  }
}

}  // namespace weir::device
