// A recording as Chrome's trace events; see convert.hpp and the "Trace Event Format" of the
// Chromium project. Times are microseconds from the recording's first event.
#include <algorithm>
#include <array>
#include <charconv>
#include <unordered_map>

#include "core/json_string.hpp"
#include "core/names.hpp"
#include "monitor/pool_state.hpp"
#include "replay/block_walk.hpp"
#include "replay/convert.hpp"

namespace weir::replay {

namespace {

using track::Event;
using track::EventKind;

// A line of more points than pixels tells no more; the highest of those between is shown.
constexpr std::uint64_t max_points = 20'000;

std::string_view name_of(EventKind kind) {
  switch (kind) {
    case EventKind::create: return "memory from the driver";
    case EventKind::destroy: return "memory to the driver";
    case EventKind::map: return "map";
    case EventKind::unmap: return "unmap";
    case EventKind::refuse: return "refused";
    case EventKind::fall_back: return "fallback";
    case EventKind::lost: return "events lost";
    case EventKind::spill: return "spill";
    case EventKind::restore: return "back from spill";
    default: return "event";
  }
}

class JsonWriter {
 public:
  JsonWriter(const Recording& recording, const WriteText& write) : recording_(recording), write_(write) {}

  Losses run() {
    for (const RecordedPool& pool : recording_.pools) {
      if (pool.events.empty()) continue;
      first_ = std::min(first_, pool.events.front().time);
      last_ = std::max(last_, pool.events.back().time);
    }
    text_ = "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[";
    for (const RecordedPool& pool : recording_.pools) write_pool(pool);
    text_ += "\n]}\n";
    write_(text_);
    return {"a Chrome trace has no addresses map and no sizes of caches; lines of memory have " +
            std::to_string(max_points) + " points at most, each the highest of its moment"};
  }

 private:
  /// Begins an event; fields follow.
  void begin(char phase, std::string_view name, std::uint64_t time) {
    text_ += comma_ ? ",\n" : "\n";
    comma_ = true;
    text_ += "{\"ph\":\"";
    text_ += phase;
    text_ += "\",\"pid\":";
    put(pid_);
    text_ += ",\"ts\":";
    const std::uint64_t since = time - first_;
    put(since / 1000);
    std::array<char, 5> part{'.', static_cast<char>('0' + since / 100 % 10), static_cast<char>('0' + since / 10 % 10),
                             static_cast<char>('0' + since % 10), '\0'};
    text_ += part.data();
    text_ += ",\"name\":";
    text_ += core::json_string(core::printable(name));
  }
  void field(std::string_view name, std::uint64_t value) {
    text_ += ",\"";
    text_ += name;
    text_ += "\":";
    put(value);
  }
  void end() {
    text_ += '}';
    constexpr std::size_t usual = std::size_t{1} << 16;
    if (text_.size() < usual) return;
    write_(text_);
    text_.clear();
  }
  void put(std::uint64_t value) {
    std::array<char, 20> digits{};
    text_.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
  }

  class PoolEvents final : public BlockVisitor {
   public:
    explicit PoolEvents(JsonWriter& writer) : writer_(writer) {}
    void allocated(const Event& block) override {
      const std::uint64_t life = ++lives_;
      live_.insert_or_assign(block.block, life);
      writer_.begin('b', writer_.owner(block), block.time);
      writer_.block(life, block.thread);
      writer_.text_ += ",\"args\":{\"bytes\":";
      writer_.put(block.bytes);
      writer_.text_ += ",\"address\":";
      writer_.put(block.address);
      writer_.text_ += ",\"stream\":";
      writer_.put(block.stream);
      writer_.text_ += '}';
      writer_.end();
    }
    void freed(const Event& block, const Event& end) override {
      writer_.begin('e', writer_.owner(block), end.time);
      writer_.block(live_.at(block.block), end.thread);
      writer_.end();
    }
    void other(const Event& event) override { writer_.other(event); }

   private:
    JsonWriter& writer_;
    std::uint64_t lives_ = 0;
    std::unordered_map<std::uint32_t, std::uint64_t> live_;
  };

  [[nodiscard]] std::string_view owner(const Event& block) const {
    const std::string& name = recording_.names[block.tag];
    return name.empty() ? std::string_view("block") : std::string_view(name);
  }
  void block(std::uint64_t life, std::uint16_t thread) {
    field("tid", thread);
    text_ += R"(,"cat":"block","id":)";
    put((std::uint64_t{pid_} << 40) | life);
  }
  void other(const Event& event) {
    if (event.kind == EventKind::transfer_start || event.kind == EventKind::transfer_end) {
      const bool start = event.kind == EventKind::transfer_start;
      begin(start ? 'b' : 'e', event.way == track::EventWay::upload ? "upload" : "download", event.time);
      field("tid", event.thread);
      text_ += R"(,"cat":"transfer","id":)";
      put((std::uint64_t{pid_} << 40) | event.block);
    } else {
      begin('i', name_of(event.kind), event.time);
      field("tid", event.thread);
      text_ += R"(,"s":"t")";
    }
    text_ += ",\"args\":{\"bytes\":";
    put(event.bytes);
    text_ += '}';
    end();
  }

  void write_pool(const RecordedPool& pool) {
    pid_ = pool.number;
    begin('M', "process_name", first_);
    text_ += ",\"args\":{\"name\":" + core::json_string(core::printable(pool.name + " (" + pool.device + ")")) + '}';
    end();
    write_lines(pool);
    PoolEvents events(*this);
    walk(pool, events);
  }

  void write_lines(const RecordedPool& pool) {
    monitor::PoolState state;
    state.counts() = pool.before;
    for (const Event& event : pool.live_before) state.add_live(event);
    const std::uint64_t step = std::max<std::uint64_t>(1, (last_ - std::min(first_, last_)) / max_points);
    std::uint64_t until = 0;
    std::uint64_t requested = 0;
    std::uint64_t allocated = 0;
    std::uint64_t reserved = 0;
    for (std::size_t i = 0; i < pool.events.size(); ++i) {
      const Event& event = pool.events[i];
      static_cast<void>(state.apply(event));
      requested = std::max(requested, state.counts().requested.live);
      allocated = std::max(allocated, state.counts().allocated.live);
      reserved = std::max(reserved, state.counts().reserved.live);
      if (event.time < until && i + 1 != pool.events.size()) continue;
      begin('C', "memory", event.time);
      text_ += ",\"args\":{\"requested\":";
      put(requested);
      text_ += ",\"allocated, not requested\":";
      put(allocated - std::min(allocated, requested));
      text_ += ",\"reserved, not allocated\":";
      put(reserved - std::min(allocated, reserved));
      text_ += '}';
      end();
      until = event.time + step;
      requested = allocated = reserved = 0;
    }
  }

  const Recording& recording_;
  const WriteText& write_;
  std::string text_;
  bool comma_ = false;
  std::uint16_t pid_ = 0;
  std::uint64_t first_ = UINT64_MAX;
  std::uint64_t last_ = 0;
};

}  // namespace

Losses write_trace_json(const Recording& recording, const WriteText& write) {
  return JsonWriter(recording, write).run();
}

}  // namespace weir::replay
