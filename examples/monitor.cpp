// Watches a pool: history, findings, health, and the texts for Prometheus and for programs.
#include <cstdio>
#include <string_view>
#include <vector>
#include <weir/weir.hpp>

using namespace weir::literals;

// With "prometheus" or "json" it prints that text and nothing else.
int main(int count, char** words) {
  const std::string_view wish = count > 1 ? words[1] : "";
  // [make]
  weir::MemoryManager memory(weir::open_device({.backend = "host"}), {.name = "scene", .pool = {.limit = 64_MiB}});
  const auto tell = [](const weir::Finding& found) { std::fprintf(stderr, "%s\n", found.text().c_str()); };
  weir::Monitor monitor(memory, {.on_finding = tell});
  // [/make]

  // [step]
  const auto positions = memory.create<float>("positions", 1'000'000);
  weir::Device device = memory.device();
  const weir::Stream stream = device.stream();
  const std::vector<float> start(1'000'000);
  for (int frame = 0; frame < 20; ++frame) {
    const auto scratch = memory.scoped<float>("scratch", 10'000);
    {
      const weir::TimedWork timed = monitor.time(stream);  // stamps before and after what is queued meanwhile
      memory.upload(positions, start, stream);
    }
    monitor.sample();  // or MonitorOptions::interval, for a thread that does so
  }
  // [/step]
  device.synchronize(stream);
  monitor.sample();

  // [texts]
  weir::PrometheusText text;
  text.add(monitor);
  const std::string for_prometheus = text.text(), for_programs = monitor.json_text();
  // [/texts]
  if (wish == "prometheus") std::printf("%s", for_prometheus.c_str());
  if (wish == "json") std::printf("%s\n", for_programs.c_str());
  if (!wish.empty()) return 0;

  // [ask]
  const weir::MetricSummary compute = monitor.summary(weir::Metric::compute_time);
  std::printf("%zu samples with computations, p50 %.6f s, p99 %.6f s\n", compute.count, compute.p50, compute.p99);
  const weir::Health health = monitor.health();
  std::printf("health: %s\n", std::string(weir::name(health.status)).c_str());
  for (const std::string& reason : health.reasons) std::printf("  %s\n", reason.c_str());
  if (const auto ahead = monitor.forecast()) {
    std::printf("the limit is reached in %.0f s\n", std::chrono::duration<double>(ahead->time_left).count());
  }
  // [/ask]
  return compute.count > 0 && health.status == weir::HealthStatus::good && for_programs.size() > 100 ? 0 : 1;
}
