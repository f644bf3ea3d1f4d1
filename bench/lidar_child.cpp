// The LiDAR workload, geometry, k = 20; prints one line of names and numbers; weir_bench runs it:
//   clouds [TILE]       beside nanoflann and Eigen's closed form, one thread each, in turn, without file time
//   pool POINTS         pooled against the pool off, in turn, of whole runs
//   stages POINTS       overlapped stages against one after the other, in turn, of whole runs that write a file here
//   awkward POINTS      points far off, clusters, and all at one place against the same without, in turn
//   batches POINTS      a batch of transfers against single ones, in turn: the columns of lod2, up and down again
//   large POINTS MANY   time a point and memory of many points against fewer, by a limit of 4 GiB; writes a file here
// Times are the least of a few runs, and of one thread processor time, as others may use the machine too; two threads
// against one is by the clock, which only a quiet machine shows rightly.
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <Eigen/Eigenvalues>
#include <nanoflann.hpp>

#include <weir/weir.hpp>

#include "workloads/lidar/files/cloud.hpp"
#include "workloads/lidar/files/las_writer.hpp"
#include "workloads/lidar/files/scenes.hpp"
#include "workloads/lidar/run/open_memory.hpp"

namespace {

using weir::lidar::Cloud;
using weir::lidar::FeatureRows;
using weir::lidar::FeatureSet;
using weir::lidar::LasFile;
using weir::lidar::LasWriter;
using weir::lidar::make_scene;
using weir::lidar::Point;
using weir::lidar::RunReport;
using weir::lidar::RunSettings;
using weir::lidar::Sink;

class Ignored : public Sink {
 public:
  void take(const FeatureRows& rows) override { rows_ += rows.ids.size(); }

 private:
  std::size_t rows_ = 0;
};

/// The peer's points, in double as its users have them.
struct Points {
  std::vector<std::array<double, 3>> all;
  [[nodiscard]] std::size_t kdtree_get_point_count() const { return all.size(); }
  [[nodiscard]] double kdtree_get_pt(std::size_t index, std::size_t axis) const { return all[index][axis]; }
  template <class Box>
  bool kdtree_get_bbox(Box&) const {
    return false;
  }
};

/// Of all threads of this process.
double all_threads_now() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

RunReport run_once(const Cloud& cloud, RunSettings settings, std::uint64_t limit = 0) {
  settings.features = FeatureSet::parse("geometry");
  weir::MemoryManager memory = open_memory(cloud, {.backend = "host", .limit = limit, .pool = settings.reuse});
  Ignored ignored;
  return run(cloud, settings, memory, ignored);
}

constexpr int attempts = 3;

/// Short runs vary more, so they are repeated more.
int attempts_for(std::size_t points) { return std::max(attempts, static_cast<int>(1'000'000 / points)); }

double least(const Cloud& cloud, const std::function<double()>& one) {
  double best = one();
  for (int i = 1; i < attempts_for(cloud.points()); ++i) best = std::min(best, one());
  return best;
}

double weir_seconds(const Cloud& cloud, unsigned threads) {
  return least(cloud, [&] { return run_once(cloud, {.features = {}, .threads = threads}).compute.seconds; });
}

/// Processor time of tree, neighbours and features.
double processor_seconds(const Cloud& cloud) {
  return least(cloud, [&] { return run_once(cloud, {.features = {}, .threads = 1}).compute_processor_seconds; });
}

/// And of a whole run without its sink: also placing points in chunks, copies, buffers.
double whole_seconds(const Cloud& cloud) {
  return least(cloud, [&] {
    const double start = all_threads_now();
    static_cast<void>(run_once(cloud, {.features = {}, .threads = 1}));
    return all_threads_now() - start;
  });
}

/// Tree, neighbours, covariance and the closed form for every point; the sum keeps it from being left out.
double peer_seconds(const Cloud& cloud, double& sum) {
  Points points;
  for (std::size_t file = 0; file < cloud.files().size(); ++file) {
    for (std::uint32_t id = cloud.first_of(file); id < cloud.first_of(file + 1); ++id) {
      const Point at = cloud.point(file, id);
      points.all.push_back({at.x * cloud.unit(), at.y * cloud.unit(), at.z * cloud.unit()});
    }
  }
  constexpr std::size_t k = 20;
  const double start = all_threads_now();
  using Metric = nanoflann::L2_Simple_Adaptor<double, Points>;
  const nanoflann::KDTreeSingleIndexAdaptor<Metric, Points, 3, std::uint32_t> tree(3, points, {10});
  std::array<std::uint32_t, k> ids{};
  std::array<double, k> distances{};
  for (const auto& query : points.all) {
    const std::size_t found = tree.knnSearch(query.data(), k, ids.data(), distances.data());
    Eigen::Vector3d mean = Eigen::Vector3d::Zero();
    Eigen::Matrix3d squares = Eigen::Matrix3d::Zero();
    for (std::size_t i = 0; i < found; ++i) {
      const auto& other = points.all[ids[i]];
      const Eigen::Vector3d d(other[0] - query[0], other[1] - query[1], other[2] - query[2]);
      mean += d;
      squares += d * d.transpose();
    }
    mean /= static_cast<double>(found);
    const Eigen::Matrix3d covariance = squares / static_cast<double>(found) - mean * mean.transpose();
    Eigen::SelfAdjointEigenSolver<Eigen::Matrix3d> solver;
    solver.computeDirect(covariance);
    sum += solver.eigenvalues()[0] + solver.eigenvectors()(2, 0);
  }
  return all_threads_now() - start;
}

/// One round of a cloud, as pairs of a name and a number.
void measure(const char* name, const Cloud& cloud) {
  double sum = 0;
  static_cast<void>(run_once(cloud, {.features = {}, .threads = 1}));
  const double peer = least(cloud, [&] { return peer_seconds(cloud, sum); });
  const double one = weir_seconds(cloud, 1), two = weir_seconds(cloud, 2), whole = whole_seconds(cloud);
  const double core = processor_seconds(cloud);
  std::printf("%s_mpoints %g %s_to_peer %g %s_two_threads %g %s_whole %g ", name, cloud.points() / core / 1e6, name,
              peer / core, name, one / two, name, cloud.points() / whole / 1e6);
  if (!(std::fabs(sum) >= 0)) std::fprintf(stderr, "the peer's sum is not a number\n");  // and keeps its work
}

Cloud in_memory(const std::vector<std::byte>& bytes) {
  std::vector<LasFile> files;
  files.emplace_back("scene", std::span<const std::byte>(bytes));
  return Cloud(std::move(files));
}

void clouds(const std::string& tile) {
  if (!tile.empty() && std::filesystem::exists(tile)) measure("ign", Cloud::open({tile}));
  for (const char* scene : {"aerial", "forest", "terrestrial"}) {
    const std::vector<std::byte> bytes = make_scene(scene, 500'000);
    measure(scene, in_memory(bytes));
  }
}

void pool(std::uint32_t points) {
  const std::vector<std::byte> bytes = make_scene("aerial", points);
  const Cloud cloud = in_memory(bytes);
  double processor[2] = {1e30, 1e30}, clock[2] = {1e30, 1e30}, allocation[2] = {1e30, 1e30};
  // Several chunks, as without them there is nothing to reuse.
  RunSettings settings;
  settings.chunk = std::max(points / 16, 10'000u);
  for (int i = 0; i < 2 * attempts_for(points); ++i) {
    settings.reuse = i % 2 == 0;
    const double start = all_threads_now();
    const RunReport report = run_once(cloud, settings);
    processor[i % 2] = std::min(processor[i % 2], all_threads_now() - start);
    clock[i % 2] = std::min(clock[i % 2], report.total.seconds);
    allocation[i % 2] = std::min(allocation[i % 2], report.allocation_seconds);
  }
  std::printf("off_to_pooled %g off_to_pooled_clock %g allocation_less %g ", processor[1] / processor[0],
              clock[1] / clock[0], 100 * (1 - allocation[0] / allocation[1]));
}

/// With chunks enough that each stage has something to do while the others are at work.
void stages(std::uint32_t points) {
  const std::vector<std::byte> bytes = make_scene("aerial", points);
  const Cloud cloud = in_memory(bytes);
  double seconds[2] = {1e30, 1e30};
  RunSettings settings{.features = FeatureSet::parse("geometry"), .chunk = points / 16};
  for (int i = 0; i < 2 * attempts; ++i) {
    settings.overlap = i % 2 == 0;
    weir::files::OutputFile file("weir_bench_stages.las");  // never committed, so it leaves no file
    LasWriter writer(cloud, settings.features, file);
    weir::MemoryManager memory = open_memory(cloud, {.backend = "host"});
    seconds[i % 2] = std::min(seconds[i % 2], run(cloud, settings, memory, writer).total.seconds);
  }
  std::printf("serial_to_overlapped %g ", seconds[1] / seconds[0]);
}

/// The aerial scene with its points moved: `move` has a point's number and its x, y and z, in steps of 1 cm.
std::vector<std::byte> moved(std::uint32_t points,
                             const std::function<void(std::uint32_t, std::array<std::int32_t, 3>&)>& move) {
  std::vector<std::byte> bytes = make_scene("aerial", points);
  const weir::lidar::LasHeader header = LasFile("scene", std::span<const std::byte>(bytes)).header();
  for (std::uint32_t i = 0; i < points; ++i) {
    std::byte* const at = bytes.data() + header.point_offset + std::size_t{i} * header.point_bytes;
    std::array<std::int32_t, 3> place{};
    std::memcpy(place.data(), at, sizeof(place));
    move(i, place);
    std::memcpy(at, place.data(), sizeof(place));
  }
  return bytes;
}

/// How much longer whole runs take with what no survey should have, at most of some such clouds: k nearest and within a
/// radius, as one chunk and as many.
void awkward(std::uint32_t points) {
  using Place = std::array<std::int32_t, 3>;
  struct Kind {
    const char* name;
    std::vector<std::vector<std::byte>> clouds;
  };
  const std::vector<std::byte> plain = make_scene("aerial", points);
  std::vector<Kind> kinds{{"far", {}}, {"clusters", {}}, {"one_place", {}}};
  for (const std::int32_t far : {29'000, 2'000'000'000}) {  // 10^3 and 7 * 10^7 times the points' spacing
    for (std::size_t axis = 0; axis < 3; ++axis) {
      kinds[0].clouds.push_back(moved(points, [&](std::uint32_t i, Place& at) {
        if (i == points / 2) at[axis] += far;
      }));
    }
  }
  kinds[1].clouds.push_back(
      moved(points, [](std::uint32_t i, Place& at) { at[0] += static_cast<std::int32_t>(i % 4) * 500'000'000; }));
  kinds[2].clouds.push_back(moved(points, [](std::uint32_t, Place& at) { at = {5, 5, 5}; }));
  for (const Kind& kind : kinds) {
    double worst = 0;
    for (const std::vector<std::byte>& bytes : kind.clouds) {
      for (int way = 0; way < 4; ++way) {
        RunSettings settings{.features = {}, .threads = 1};
        if (way % 2 == 1) settings.radius = 0.75;
        if (way / 2 == 1) settings.chunk = points / 8;
        double seconds[2] = {1e30, 1e30};
        for (int i = 0; i < 2 * attempts; ++i) {
          const double start = all_threads_now();
          static_cast<void>(run_once(in_memory(i % 2 == 0 ? plain : bytes), settings));
          seconds[i % 2] = std::min(seconds[i % 2], all_threads_now() - start);
        }
        worst = std::max(worst, seconds[1] / seconds[0]);
      }
    }
    std::printf("%s_to_plain %g ", kind.name, worst);
  }
}

void batches(std::size_t points) {
  weir::MemoryManager memory(weir::open_device({.backend = "host"}));
  std::vector<weir::BufferHandle<float>> columns;
  const FeatureSet set = FeatureSet::parse("lod2");
  for (const weir::lidar::Feature feature : set.features()) {
    columns.push_back(memory.create<float>(name(feature), points));
  }
  // Both ways read what they send from, and leave what they get in, memory of its own for each column.
  const std::vector<std::vector<float>> data(columns.size(), std::vector<float>(points, 1.0F));
  std::vector<std::vector<float>> back = data;
  const auto seconds = [](const auto& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  const auto single = [&] {
    for (std::size_t i = 0; i < columns.size(); ++i) memory.upload(columns[i], data[i]);
    for (std::size_t i = 0; i < columns.size(); ++i) memory.download(columns[i], std::span(back[i]));
  };
  const auto batched = [&] {
    weir::Batch batch(memory);
    for (std::size_t i = 0; i < columns.size(); ++i) batch.update(columns[i], data[i]);
    for (const auto& column : columns) batch.read(column, 0, points);
    for (const weir::BatchResult& result : batch.submit()) result.require();
  };
  double least_single = 1e30, least_batched = 1e30;
  for (int i = 0; i < 5 * attempts; ++i) {
    least_single = std::min(least_single, seconds(single));
    least_batched = std::min(least_batched, seconds(batched));
  }
  std::printf("single_to_batched %g ", least_single / least_batched);
}

/// Of memory that is no file's, resident now; MiB. The host device's own is counted as shared.
double resident() {
  std::ifstream status("/proc/self/status");
  double sum = 0;
  for (std::string word; status >> word;) {
    double kilobytes = 0;
    if ((word == "RssAnon:" || word == "RssShmem:") && status >> kilobytes) sum += kilobytes / 1024;
  }
  return sum;
}

/// Seconds a point, and the most memory resident between chunks.
double large_run(std::uint32_t points, double& most) {
  const std::string path = "weir_bench_large.las";
  {
    const std::vector<std::byte> bytes = make_scene("aerial", points);
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!file.flush()) throw std::runtime_error("cannot write " + path);
  }
  const Cloud cloud = Cloud::open({path});
  std::filesystem::remove(path);  // the mapping keeps it
  RunSettings settings;
  settings.progress = [&](std::uint64_t, std::uint64_t) { most = std::max(most, resident()); };
  return run_once(cloud, settings, std::uint64_t{4} << 30).total.seconds / points;
}

void large(std::uint32_t points, std::uint32_t many) {
  double most = 0;
  const double few_each = std::min(large_run(points, most), large_run(points, most));
  most = 0;
  const double many_each = large_run(many, most);
  std::printf("each_to_fewer %g resident_mib %g mpoints %g ", many_each / few_each, most, 1e-6 / many_each);
}

}  // namespace

int main(int count, char** words) {
  try {
    const std::vector<std::string> all(words + 1, words + count);
    const auto number = [&](std::size_t i) { return static_cast<std::uint32_t>(std::stoul(all.at(i))); };
    const std::string what = all.empty() ? "clouds" : all[0];
    if (what == "clouds") {
      clouds(all.size() > 1 ? all[1] : "");
    } else if (what == "pool") {
      pool(number(1));
    } else if (what == "stages") {
      stages(number(1));
    } else if (what == "awkward") {
      awkward(number(1));
    } else if (what == "batches") {
      batches(number(1));
    } else if (what == "large") {
      large(number(1), number(2));
    } else {
      throw std::invalid_argument("clouds, pool, stages, awkward, batches or large, not " + what);
    }
    std::printf("\n");
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "weir_bench_lidar: %s\n", error.what());
    return 1;
  }
}
