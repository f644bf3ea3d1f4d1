// What the calls of a CUDA driver cost and how late its events are, as the file of a
// driver model: each entry the median of many rounds, on one thread and an idle stream.
// Takes the driver as a table, so that tests can give it one whose costs are known.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <cuda.h>

namespace weir::bench::gpu {

/// `Driver` has a member for each call that is measured, with the driver's own type.
template <class Driver>
class DriverCosts {
 public:
  /// A context has to be current, with 256 MiB of the device free.
  DriverCosts(const Driver& driver, int device) : driver_(driver) {
    wanted_.type = CU_MEM_ALLOCATION_TYPE_PINNED;
    wanted_.location = {.type = CU_MEM_LOCATION_TYPE_DEVICE, .id = device};
    access_ = {.location = wanted_.location, .flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE};
  }

  /// Measures all; microseconds.
  void measure(int rounds) {
    std::vector<Row> rows;
    for (const int handles : {1, 10, 100}) rows.push_back(row(handles, rounds));
    const Row& one = rows.front();
    const Row& many = rows.back();
    const auto share = [&](double first, double last) {
      return std::max(0.0, (last - first) / (many.handles - one.handles));
    };
    const double access = share(one.access, many.access);
    const double unmap = share(one.unmap, many.unmap);
    events(rounds);
    add("create_us", many.create);
    add("map_us", many.map);
    add("access_us", std::max(0.0, one.access - access));
    add("unmap_us", std::max(0.0, one.unmap - unmap));
    add("destroy_us", many.destroy);
    add("reserve_us", one.reserve);
    add("allocate_us", allocations(rounds));
    add("create_handle_us", 0);  // one handle a call: in the call's
    add("map_handle_us", 0);
    add("access_handle_us", access);
    add("unmap_handle_us", unmap);
  }

  /// The file of a driver model.
  [[nodiscard]] std::string json(const std::string& about, const std::string& machine) const {
    std::string text = "{\n  \"about\": \"" + plain(about) + "\",\n  \"machine\": \"" + plain(machine) + "\"";
    for (const auto& [name, microseconds] : entries_) {
      char line[64];
      std::snprintf(line, sizeof line, ",\n  \"%s\": %.3f", name.c_str(), microseconds);
      text += line;
    }
    return text + "\n}\n";
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::uint64_t page = std::uint64_t{2} << 20;

  /// Medians over rows of so many handles of a page each; of create, map and destroy for one handle.
  struct Row {
    int handles = 0;
    double reserve = 0, create = 0, map = 0, access = 0, unmap = 0, destroy = 0;
  };

  static void check(CUresult code, const char* call) {
    if (code != CUDA_SUCCESS) throw std::runtime_error(std::string(call) + " failed with code " + std::to_string(code));
  }
  static double median(std::vector<double>& values) {
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
    return values[values.size() / 2];
  }
  static double since(Clock::time_point start) {
    return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
  }
  template <class Call>
  static void time(std::vector<double>& values, int each, Call call) {
    const auto start = Clock::now();
    call();
    values.push_back(since(start) / each);
  }
  static std::string plain(std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == '"' || c == '\\'; }, '_');
    return text;
  }

  void add(const char* name, double microseconds) { entries_.emplace_back(name, microseconds); }

  Row row(int handles, int rounds) const {
    const std::uint64_t bytes = static_cast<std::uint64_t>(handles) * page;
    std::vector<CUmemGenericAllocationHandle> made(static_cast<std::size_t>(handles));
    std::vector<double> reserve, create, map, access, unmap, destroy;
    for (int round = 0; round < rounds; ++round) {
      CUdeviceptr start = 0;
      time(reserve, 1, [&] { check(driver_.reserve(&start, bytes, page, 0, 0), "cuMemAddressReserve"); });
      time(create, handles, [&] {
        for (auto& each : made) check(driver_.create(&each, page, &wanted_, 0), "cuMemCreate");
      });
      time(map, handles, [&] {
        CUdeviceptr at = start;
        for (auto each : made) check(driver_.map(std::exchange(at, at + page), page, 0, each, 0), "cuMemMap");
      });
      time(access, 1, [&] { check(driver_.set_access(start, bytes, &access_, 1), "cuMemSetAccess"); });
      time(unmap, 1, [&] { check(driver_.unmap(start, bytes), "cuMemUnmap"); });
      time(destroy, handles, [&] {
        for (auto each : made) check(driver_.release(each), "cuMemRelease");
      });
      check(driver_.unreserve(start, bytes), "cuMemAddressFree");
    }
    const Row medians{handles,        median(reserve), median(create), median(map),
                      median(access), median(unmap),   median(destroy)};
    std::fprintf(stderr, "%3d handles: reserve %.2f, create %.2f, map %.2f, access %.2f, unmap %.2f, destroy %.2f us\n",
                 handles, medians.reserve, medians.create, medians.map, medians.access, medians.unmap, medians.destroy);
    return medians;
  }

  void events(int rounds) {
    CUstream stream = nullptr;
    CUevent event = nullptr;
    check(driver_.stream_create(&stream, CU_STREAM_NON_BLOCKING), "cuStreamCreate");
    check(driver_.event_create(&event, CU_EVENT_DISABLE_TIMING), "cuEventCreate");
    std::vector<double> record, query, late;
    for (int round = 0; round < rounds; ++round) {
      time(record, 1, [&] { check(driver_.event_record(event, stream), "cuEventRecord"); });
      time(late, 1, [&] {
        while (driver_.event_query(event) == CUDA_ERROR_NOT_READY) {
        }
      });
      time(query, 1, [&] { check(driver_.event_query(event), "cuEventQuery"); });
    }
    check(driver_.event_destroy(event), "cuEventDestroy");
    check(driver_.stream_destroy(stream), "cuStreamDestroy");
    const double asked = median(query);
    add("event_us", std::max(0.0, median(late) - asked));  // the query that saw it done came after
    add("record_us", median(record));
    add("query_us", asked);
  }

  /// Plain memory of the size of PyTorch's segments, taken and given back: the mean of the two.
  double allocations(int rounds) const {
    std::vector<double> pairs;
    for (int round = 0; round < rounds; ++round) {
      CUdeviceptr start = 0;
      time(pairs, 2, [&] {
        check(driver_.allocate(&start, 10 * page), "cuMemAlloc");
        check(driver_.free(start), "cuMemFree");
      });
    }
    return median(pairs);
  }

  const Driver& driver_;
  CUmemAllocationProp wanted_{};
  CUmemAccessDesc access_{};
  std::vector<std::pair<std::string, double>> entries_;
};

}  // namespace weir::bench::gpu
