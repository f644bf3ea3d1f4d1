// The LiDAR workload beside nanoflann and Eigen's closed form, one thread each, in turn in one process: geometry, k =
// 20, without file time. Prints one line of names and numbers; weir_bench runs it.
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include <Eigen/Eigenvalues>
#include <nanoflann.hpp>

#include <weir/weir.hpp>

#include "workloads/lidar/cloud.hpp"
#include "workloads/lidar/pipeline.hpp"
#include "workloads/lidar/scenes.hpp"

namespace {

using namespace weir::lidar;

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

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double weir_seconds(const Cloud& cloud, unsigned threads) {
  RunSettings settings;
  settings.features = FeatureSet::parse("geometry");
  settings.threads = threads;
  settings.backend = "host";
  Ignored ignored;
  return run(cloud, settings, ignored).compute.seconds;
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
  const double start = now();
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
  return now() - start;
}

/// One round of a cloud, as pairs of a name and a number.
void measure(const std::string& name, const Cloud& cloud) {
  double sum = 0;
  static_cast<void>(weir_seconds(cloud, 1));
  const double peer = peer_seconds(cloud, sum), one = weir_seconds(cloud, 1), two = weir_seconds(cloud, 2);
  std::printf("%s_mpoints %g %s_to_peer %g %s_two_threads %g ", name.c_str(), cloud.points() / one / 1e6, name.c_str(),
              peer / one, name.c_str(), one / two);
  if (!(std::fabs(sum) >= 0)) std::fprintf(stderr, "the peer's sum is not a number\n");  // and keeps its work
}

}  // namespace

int main(int count, char** words) {
  try {
    const std::string tile = count > 1 ? words[1] : "";
    if (!tile.empty() && std::filesystem::exists(tile)) measure("ign", Cloud::open({tile}));
    for (const char* scene : {"aerial", "forest", "terrestrial"}) {
      const std::vector<std::byte> bytes = make_scene(scene, 500'000);
      std::vector<LasFile> files;
      files.emplace_back(scene, std::span<const std::byte>(bytes));
      measure(scene, Cloud(std::move(files)));
    }
    std::printf("\n");
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "weir_bench_lidar: %s\n", error.what());
    return 1;
  }
}
