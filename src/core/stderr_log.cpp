#include "core/stderr_log.hpp"

#include <cstdio>

namespace weir::core {
namespace {

class StderrLog final : public LogSink {
 public:
  explicit StderrLog(LogLevel level) : level_(level) {}
  [[nodiscard]] LogLevel level() const noexcept override { return level_; }
  void write(const LogRecord& record) noexcept override {
    const auto length = [](std::string_view text) { return static_cast<int>(text.size()); };
    const std::string_view level = weir::name(record.level);
    const std::string_view event = weir::name(record.event);
    std::fprintf(stderr, "weir: %.*s: %.*s: %.*s %llu B at 0x%llx, stream %u%s%.*s\n", length(level), level.data(),
                 length(record.pool), record.pool.data(), length(event), event.data(),
                 static_cast<unsigned long long>(record.bytes), static_cast<unsigned long long>(record.address),
                 record.stream, record.text.empty() ? "" : "; ", length(record.text), record.text.data());
  }

 private:
  const LogLevel level_;
};

}  // namespace

LogSink& stderr_log(std::string_view level) {
  static auto* const debug = new StderrLog(LogLevel::debug);  // for pools that go after main()
  static auto* const info = new StderrLog(LogLevel::info);
  static auto* const warning = new StderrLog(LogLevel::warning);
  static auto* const error = new StderrLog(LogLevel::error);
  for (StderrLog* each : {debug, info, warning}) {
    if (weir::name(each->level()) == level) return *each;
  }
  return *error;
}

}  // namespace weir::core
