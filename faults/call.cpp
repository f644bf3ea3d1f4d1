#include "faults/call.hpp"

#include <array>

namespace weir::faults {
namespace {

constexpr std::array<std::string_view, call_kinds> names{"reserve",
                                                         "unreserve",
                                                         "create",
                                                         "destroy",
                                                         "map",
                                                         "unmap",
                                                         "allocate_segment",
                                                         "free_segment",
                                                         "allocate_pinned",
                                                         "free_pinned",
                                                         "create_stream",
                                                         "destroy_stream",
                                                         "record",
                                                         "query",
                                                         "wait",
                                                         "stream_wait",
                                                         "release",
                                                         "fill",
                                                         "copy",
                                                         "upload",
                                                         "download",
                                                         "write",
                                                         "run",
                                                         "copy_from",
                                                         "foreign_work"};

}  // namespace

std::string_view name(CallKind kind) noexcept { return names[static_cast<std::size_t>(kind)]; }

bool takes_memory(CallKind kind) noexcept {
  return kind == CallKind::create || kind == CallKind::allocate_segment || kind == CallKind::allocate_pinned;
}

bool submits(CallKind kind) noexcept { return kind >= CallKind::fill && kind <= CallKind::foreign_work; }

}  // namespace weir::faults
