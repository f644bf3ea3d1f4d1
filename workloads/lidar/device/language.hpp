// What the kernels of a chunk are written in: the part of C++ that is also GLSL, with the few words that differ. The
// bodies beside this file compile as C++, as CUDA C++ and, where WEIR_LIDAR_GLSL is defined, as GLSL. Their buffers and
// parameters are members of thread.hpp's struct in C++, and global names of chunk.comp's in GLSL. Included by them.
#if !defined(WEIR_LIDAR_LANGUAGE)
#define WEIR_LIDAR_LANGUAGE

#if defined(WEIR_LIDAR_GLSL)

#define WEIR_LIDAR_BODY
#define WEIR_LIDAR_INOUT(type) inout type
#define WEIR_LIDAR_OUT(type) out type

#else

#include <bit>
#include <cmath>
#include <cstdint>

#include "workloads/lidar/formulas.hpp"

#if defined(__CUDACC__)
#define WEIR_LIDAR_BODY __host__ __device__
#else
#define WEIR_LIDAR_BODY
#endif
#define WEIR_LIDAR_INOUT(type) type&
#define WEIR_LIDAR_OUT(type) type&

namespace weir::lidar::bodies {

// NOLINTBEGIN(google-build-using-namespace,readability-identifier-naming): GLSL has one namespace, and these names.
using namespace formulas;
using uint = std::uint32_t;

struct alignas(16) ivec4 {
  int x;
  int y;
  int z;
  int w;
};

WEIR_LIDAR_FN uint min(uint a, uint b) { return a < b ? a : b; }
WEIR_LIDAR_FN int min(int a, int b) { return a < b ? a : b; }
WEIR_LIDAR_FN int max(int a, int b) { return a > b ? a : b; }
WEIR_LIDAR_FN uint max(uint a, uint b) { return a > b ? a : b; }
/// The place of the highest bit that is set; -1 where none is.
WEIR_LIDAR_FN int findMSB(uint a) {
  int place = -1;
  for (uint step = 16u; a != 0u; step = step / 2u) {
    if (step == 0u) return place + 1;
    if (a >> step != 0u) {
      place += int(step);
      a >>= step;
    }
  }
  return place;
}
WEIR_LIDAR_FN uint floatBitsToUint(float a) { return std::bit_cast<uint>(a); }
WEIR_LIDAR_FN float uintBitsToFloat(uint a) { return std::bit_cast<float>(a); }
// NOLINTEND(google-build-using-namespace,readability-identifier-naming)

}  // namespace weir::lidar::bodies

#endif
#endif
