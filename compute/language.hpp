// The language of kernels: the part of C++ that is also GLSL, with the few words that differ. A kernel's body compiles
// as C++, as CUDA C++ and, where WEIR_COMPUTE_GLSL is defined, as GLSL; with WEIR_COMPUTE_DOUBLES real numbers have 64
// bits there, and with WEIR_COMPUTE_PORTABLE it keeps to what WebGPU has. Buffers and parameters of a body are members
// of a struct in C++, and global names in GLSL. Bodies use no pointers, no references but by INOUT and OUT, and no
// names past these. Nothing is contracted, so that C++ and CUDA agree bit for bit. Included by all bodies and formulas;
// docs/adding-a-kernel.md shows how.
#if !defined(WEIR_COMPUTE_LANGUAGE)
#define WEIR_COMPUTE_LANGUAGE

#if defined(WEIR_COMPUTE_GLSL)

#define WEIR_COMPUTE_FN
#define WEIR_COMPUTE_BODY
#define WEIR_COMPUTE_INOUT(type) inout type
#define WEIR_COMPUTE_OUT(type) out type
#define WEIR_COMPUTE_SQRT(x) sqrt(x)
#define WEIR_COMPUTE_EXACT precise
#define WEIR_COMPUTE_AT(buffer, base, i) buffer[(base) + (i)]
#if defined(WEIR_COMPUTE_DOUBLES)
#define real double
#else
#define real float
#endif

#else

#include <bit>
#include <cmath>
#include <cstdint>

/// FN is a free function, BODY a member of the struct that stands for a thread.
#if defined(__CUDACC__)
#define WEIR_COMPUTE_FN static __host__ __device__ inline
#define WEIR_COMPUTE_BODY __host__ __device__
#else
#define WEIR_COMPUTE_FN static inline
#define WEIR_COMPUTE_BODY
#endif
#define WEIR_COMPUTE_INOUT(type) type&
#define WEIR_COMPUTE_OUT(type) type&
#define WEIR_COMPUTE_SQRT(x) std::sqrt(x)
#define WEIR_COMPUTE_EXACT
/// buffer[base + i], such that a compiler sees that neighbouring items use neighbouring memory.
#define WEIR_COMPUTE_AT(buffer, base, i) ((buffer) + (base))[i]

namespace weir::compute::language {

// NOLINTBEGIN(readability-identifier-naming): GLSL has these names.
using real = double;
using uint = std::uint32_t;

struct alignas(16) ivec4 {
  int x;
  int y;
  int z;
  int w;
};

WEIR_COMPUTE_FN uint min(uint a, uint b) { return a < b ? a : b; }
WEIR_COMPUTE_FN int min(int a, int b) { return a < b ? a : b; }
WEIR_COMPUTE_FN int max(int a, int b) { return a > b ? a : b; }
WEIR_COMPUTE_FN uint max(uint a, uint b) { return a > b ? a : b; }
/// The place of the highest bit that is set; -1 where none is.
WEIR_COMPUTE_FN int findMSB(uint a) {
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
// Exact on all devices, but for what is not a number.
WEIR_COMPUTE_FN float min(float a, float b) { return a < b ? a : b; }
WEIR_COMPUTE_FN float max(float a, float b) { return a > b ? a : b; }
WEIR_COMPUTE_FN float clamp(float a, float low, float high) { return min(max(a, low), high); }
WEIR_COMPUTE_FN float abs(float a) { return a < 0.0f ? -a : a; }
WEIR_COMPUTE_FN uint floatBitsToUint(float a) { return std::bit_cast<uint>(a); }
WEIR_COMPUTE_FN float uintBitsToFloat(uint a) { return std::bit_cast<float>(a); }
// NOLINTEND(readability-identifier-naming)

}  // namespace weir::compute::language

#endif
#endif
