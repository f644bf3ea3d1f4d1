// What the kernels of a network are told beside their buffers: the same names in the same order as members in C++ and
// as push constants in GLSL, 124 bytes at most. Filled by plan.cpp.
#if !defined(WEIR_BALANCE_NETWORK_PARAMETERS)

/// Observations, a column of `batch` for each number. A layer: its sizes, where its weights and biases begin in the
/// memory of the step, where its inputs begin in `before` and its outputs in `after`, where the errors of its inputs
/// and of its outputs begin in `errors`, where its numbers begin in `gradients` and `moments`, and whether it ends with
/// ReLU. How many numbers a record of the replay memory has, and a network. Learning: γ, bounds of an error and of
/// Huber's square, of a gradient and of a weight, and Adam's numbers.
#define WEIR_BALANCE_NETWORK_PARAMETERS \
  uint batch;                           \
  uint inputs;                          \
  uint outputs;                         \
  uint first_weight;                    \
  uint first_bias;                      \
  uint first;                           \
  uint values_in;                       \
  uint values_out;                      \
  uint errors_in;                       \
  uint errors_out;                      \
  uint rectified;                       \
  uint record;                          \
  uint all;                             \
  float discount;                       \
  float max_error;                      \
  float huber;                          \
  float max_gradient;                   \
  float max_weight;                     \
  float rate;                           \
  float epsilon;                        \
  float keep_mean;                      \
  float keep_square;

#if !defined(WEIR_COMPUTE_GLSL)
#include "compute/language.hpp"
namespace weir::balance::nets {
using namespace compute::language;  // NOLINT(google-build-using-namespace): GLSL has one namespace
struct Parameters {
  WEIR_BALANCE_NETWORK_PARAMETERS
};
#endif

/// How many partial sums a gradient has: observation b goes to number b modulo this.
const uint gradient_sums = 16u;

#if !defined(WEIR_COMPUTE_GLSL)
}  // namespace weir::balance::nets
#endif
#endif
