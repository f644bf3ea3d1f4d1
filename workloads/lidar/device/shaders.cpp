#include "shaders.hpp"

namespace weir::lidar::bodies {
namespace {

constexpr std::uint32_t make_code[] = {
#include <make_code.spv.inc>
};
constexpr std::uint32_t count_digits[] = {
#include <count_digits.spv.inc>
};
constexpr std::uint32_t sum_block[] = {
#include <sum_block.spv.inc>
};
constexpr std::uint32_t place_block[] = {
#include <place_block.spv.inc>
};
constexpr std::uint32_t move_run[] = {
#include <move_run.spv.inc>
};
constexpr std::uint32_t gather_point[] = {
#include <gather_point.spv.inc>
};
constexpr std::uint32_t make_leaf[] = {
#include <make_leaf.spv.inc>
};
constexpr std::uint32_t make_box[] = {
#include <make_box.spv.inc>
};
constexpr std::uint32_t find_features[] = {
#include <find_features.spv.inc>
};
constexpr std::uint32_t find_height[] = {
#include <find_height.spv.inc>
};
constexpr std::uint32_t find_features_doubles[] = {
#include <find_features_doubles.spv.inc>
};
constexpr std::uint32_t find_height_doubles[] = {
#include <find_height_doubles.spv.inc>
};

}  // namespace

std::span<const std::uint32_t> shader(Body body, Precision precision) noexcept {
  const bool doubles = precision == Precision::doubles;
  switch (body) {
    case Body::make_code: return make_code;
    case Body::count_digits: return count_digits;
    case Body::sum_block: return sum_block;
    case Body::place_block: return place_block;
    case Body::move_run: return move_run;
    case Body::gather_point: return gather_point;
    case Body::make_leaf: return make_leaf;
    case Body::make_box: return make_box;
    case Body::find_features: return doubles ? std::span<const std::uint32_t>(find_features_doubles) : find_features;
    case Body::find_height: return doubles ? std::span<const std::uint32_t>(find_height_doubles) : find_height;
  }
  return {};
}

}  // namespace weir::lidar::bodies
