// A log that keeps what it was told, for cases that look at the records.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include <weir/log.hpp>

namespace weir::contract {

class KeepingSink : public LogSink {
 public:
  struct Kept {
    LogLevel level;
    LogEvent event;
    std::string pool;
    std::string text;
    std::uint64_t bytes;
    std::uint64_t address;
    std::uint32_t stream;
    std::string buffer;
    std::uint64_t before;
  };
  explicit KeepingSink(LogLevel level) : level_(level) {}
  [[nodiscard]] LogLevel level() const noexcept override { return level_; }
  void write(const LogRecord& record) noexcept override {
    const std::lock_guard lock(mutex_);
    records_.push_back({record.level, record.event, std::string(record.pool), std::string(record.text), record.bytes,
                        record.address, record.stream, std::string(record.buffer), record.bytes_before});
  }
  [[nodiscard]] std::vector<Kept> all() const {
    const std::lock_guard lock(mutex_);
    return records_;
  }
  [[nodiscard]] std::vector<Kept> of(LogEvent event) const {
    std::vector<Kept> found;
    for (const Kept& each : all()) {
      if (each.event == event) found.push_back(each);
    }
    return found;
  }

 private:
  const LogLevel level_;
  mutable std::mutex mutex_;
  std::vector<Kept> records_;
};

}  // namespace weir::contract
