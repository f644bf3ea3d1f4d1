// Named streams: made at once, found by a scan, as there are few of them.
#include <weir/stream_set.hpp>

#include <algorithm>
#include <utility>

#include <weir/errors.hpp>

#include "core/deadline.hpp"
#include "device/access.hpp"
#include "device/event.hpp"

namespace weir {
namespace {

std::vector<std::string> numbers(std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.push_back(std::to_string(i));
  return names;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "\"" : ", \"") + name + "\"";
  return text;
}

const std::vector<std::string>& checked(const std::vector<std::string>& names) {
  if (names.empty())
    throw InvalidArgument("StreamSet: no streams were asked for; ask for one at least", {.name = "streams"});
  for (auto name = names.begin(); name != names.end(); ++name) {
    if (name->empty()) throw InvalidArgument("StreamSet: a stream has an empty name; name each", {.name = "streams"});
    if (std::find(names.begin(), name, *name) == name) continue;
    throw InvalidArgument("StreamSet: two streams have the name \"" + *name + "\"; names differ", {.name = *name});
  }
  return names;
}

}  // namespace

StreamSet::StreamSet(Device device, std::vector<std::string> names)
    : device_(std::move(device)), names_((checked(names), std::move(names))) {
  Device here = device_;
  for (std::size_t i = 0; i < names_.size(); ++i) streams_.push_back(here.stream());
}

StreamSet::StreamSet(Device device, std::size_t count) : StreamSet(std::move(device), numbers(count)) {}

std::string StreamSet::list() const { return "; there are " + std::to_string(names_.size()) + ": " + joined(names_); }

const Stream& StreamSet::at(std::string_view name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found != names_.end()) return streams_[static_cast<std::size_t>(found - names_.begin())];
  throw NotFound("no stream \"" + std::string(name) + "\" in the set" + list(), {.name = std::string(name)});
}

const Stream& StreamSet::operator[](std::size_t index) const {
  if (index < streams_.size()) return streams_[index];
  throw InvalidArgument("no stream of index " + std::to_string(index) + " in the set" + list(),
                        {.name = std::to_string(index), .limit = names_.size()});
}

const Stream& StreamSet::next() noexcept {
  return streams_[next_.fetch_add(1, std::memory_order_relaxed) % streams_.size()];
}

void StreamSet::synchronize_all(std::chrono::nanoseconds deadline) const {
  const core::Deadline end(deadline);
  // All events first: what is queued during the wait is not waited for.
  std::vector<device::Event> events;
  for (const Stream& stream : streams_) events.emplace_back(device::Access::shared_backend(device_), stream);
  std::vector<std::string> late;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (!events[i].wait(end)) late.push_back(names_[i]);
  }
  if (late.empty()) return;
  throw Timeout("synchronize_all: " + std::to_string(late.size()) + " of " + std::to_string(size()) +
                    " streams were not done after " + end.text() + "; their work goes on: " + joined(late),
                {.name = "synchronize_all", .limit = end.milliseconds()});
}

}  // namespace weir
