// Devices: what there is, and a handle to one of them. A Device is the ground a
// pool stands on; copies share the same device.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <weir/stream.hpp>

namespace weir {

namespace device {
class Backend;
struct Access;
struct Origin;
}  // namespace device

/// The code for one driver API, which a device is of.
enum class BackendKind : std::uint8_t {
  host,    ///< the host's own memory; streams run on threads
  dry,     ///< addresses without memory, to plan with
  cuda,    ///< NVIDIA's driver
  vulkan,  ///< any driver for Vulkan 1.2
};
/// "host", "dry", "cuda", "vulkan": as a DeviceRequest and WEIR_DEVICE take it. Lives as long as the program, and ends
/// with a zero byte. Another value gives "unknown".
[[nodiscard]] std::string_view name(BackendKind backend) noexcept;
/// The backend that a text such as "cuda" or "cuda:1" names, by what stands before the colon; empty for another word.
[[nodiscard]] std::optional<BackendKind> backend_named(std::string_view text) noexcept;

/// What a device is and can do. A number that cannot be known is empty, never 0.
struct DeviceInfo {
  std::string name;
  BackendKind backend = BackendKind::host;
  std::size_t index = 0;                            ///< among the devices of its backend
  std::optional<std::uint64_t> memory_total;        ///< bytes
  std::optional<std::uint64_t> memory_free;         ///< bytes, when asked
  std::uint64_t page_bytes = 0;                     ///< the smallest unit of physical memory mapped at once
  bool virtual_memory = false;                      ///< reserve, map and unmap by page; else plain segments
  bool pointers = false;                            ///< addresses can be read and written by the host
  bool unified_memory = false;                      ///< the host writes device memory in place, without copies
  std::optional<std::uint64_t> address_space = {};  ///< bytes that pools can reserve in all; empty: as good as no bound
  std::optional<std::uint64_t> address_space_free = {};  ///< of these, not reserved when asked
  bool emulated = false;                                 ///< a GPU that the driver plays on the host's processor
  std::uint64_t max_range = UINT64_MAX;                  ///< bytes of one address range, at most
  std::uint64_t default_limit = UINT64_MAX;              ///< bytes a pool takes at most when the program sets no limit
};

/// The largest capacity of a dry device: 1 PiB. Bytes.
inline constexpr std::uint64_t max_dry_capacity = std::uint64_t{1} << 50;

/// What to open. Defaults take the best device there is, or what WEIR_DEVICE says: a list of backends by preference,
/// each with an index or a part of a name where one is meant ("cuda:1,host"). The list goes down to the host only where
/// it names it.
struct DeviceRequest {
  /// This one or none: "cuda", "vulkan", "host", "dry", with an index or a part of a name where one device is meant
  /// ("cuda:1"); "" by preference. The dry device has addresses without memory: what is written there is lost, and a
  /// download succeeds and gives no defined contents.
  std::string backend = {};
  std::optional<std::uint64_t> capacity = {};  ///< bytes; the dry device's size (256 GiB), else an error
  std::vector<std::string> preference = {};    ///< the same, best first; empty: cuda, vulkan, host
  std::optional<std::size_t> index = {};       ///< of its backend's devices this one
  std::string name = {};                       ///< a part of the device's name, in either case
  std::uint64_t min_memory = 0;                ///< bytes in all
  bool needs_virtual_memory = false;
  bool needs_pointers = false;  ///< the host can use its addresses
  /// Maps the device's pages for every other GPU of the machine that can reach them, so that kernels there read and
  /// write what pools of this device give. Mapping then costs by the GPU, and a page is the largest of theirs. CUDA
  /// only, and not for plain blocks: the program enables those between contexts. Other devices have no peers.
  bool peers = false;
};

/// A device in use. Cheap to copy; thread-safe; the device closes with its last user. It does not survive fork(): in
/// the child every call on it, and on what was made of it, throws Unsupported, and its end closes nothing.
class Device {
 public:
  /// What it is and can do, which does not change; memory_free and address_space_free are empty. Lives as long as the
  /// device; calls no driver.
  [[nodiscard]] const DeviceInfo& facts() const;
  /// The facts, and what is free now. Asks the driver, which takes from microseconds to milliseconds.
  [[nodiscard]] DeviceInfo info() const;
  /// Which device this is and why it was chosen, one line.
  [[nodiscard]] const std::string& why() const noexcept;

  /// A new stream. On the host each stream with work runs on a thread of its own.
  [[nodiscard]] Stream stream();
  /// Waits until all work queued on `stream` so far is done; throws Timeout past the deadline. Zero or less only looks.
  void synchronize(StreamId stream, std::chrono::nanoseconds deadline = std::chrono::seconds(10));
  /// Queues a host function in the order of `stream`; it runs on a thread of weir's or the driver's, and must not
  /// throw: what leaves it ends the program, by std::terminate. On CUDA it must not call the device either: that throws
  /// Unsupported, or does nothing where it cannot throw. What it holds may, when it ends: on CUDA that is in a later
  /// call on this device or another one, its streams, pools or managers, of any thread, once the function ran or the
  /// device was lost. So hold no lock in such a call that the destructors of what it holds take; a wait for the stream
  /// may wait for them. Under begin_capture() it runs at each launch of the graph, and ends after the graph. Throws
  /// InvalidArgument for an empty one, and Unsupported where streams run no host code (the dry device).
  void run(StreamId stream, std::function<void()> work);

  /// The driver's handle of a stream, for kernels and other libraries; weir/cuda.hpp gives it its type. Throws
  /// Unsupported where the driver has no streams, InvalidArgument.
  [[nodiscard]] std::uint64_t native_stream(StreamId stream) const;
  /// A stream that the program or another library made, for weir to order memory by. It has to outlive the result and
  /// its copies, the last of which retires it from every pool and leaves the driver's stream alone. A stream is adopted
  /// once at a time. Throws as native_stream.
  [[nodiscard]] Stream adopt_stream(std::uint64_t native);
  /// A stream for what is done while `stream` is captured into a graph: allocate, free and use memory by it, queue
  /// kernels on native_stream() of it, which is that of `stream`. Keep a copy until the graph and all that was made of
  /// it are gone: until then what the capture used serves nothing else and stays where it is. Throws as native_stream.
  [[nodiscard]] Stream begin_capture(StreamId stream);

 private:
  friend struct device::Access;
  Device(std::shared_ptr<device::Backend> backend, std::string why, std::shared_ptr<const device::Origin> origin);
  /// The backend, for calls on it. Throws Unsupported in a child of fork().
  [[nodiscard]] device::Backend& checked() const;
  [[nodiscard]] Stream stream_of(StreamId id);

  std::shared_ptr<device::Backend> backend_;
  std::shared_ptr<const std::string> why_;
  std::shared_ptr<const device::Origin> origin_;  ///< how it can be opened again
};

/// Every device that can be opened here, best first.
[[nodiscard]] std::vector<DeviceInfo> devices();

/// A backend with no device here, and why, in one line.
struct MissingBackend {
  BackendKind backend = BackendKind::host;
  std::string why;
};
[[nodiscard]] std::vector<MissingBackend> missing_backends();

/// Opens the first device that fits the request; its why() tells which were passed over. Throws NotFound naming what
/// was asked, what there is and what each lacks; InvalidArgument for a request or a variable that makes no sense.
[[nodiscard]] Device open_device(const DeviceRequest& request = {});

}  // namespace weir
