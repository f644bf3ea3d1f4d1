// A byte literal is worked out by the compiler; a number known only at run time is no literal.
// refused: constant expression
#include <weir/bytes.hpp>

std::uint64_t budget(unsigned long long gibibytes) {
#ifdef WEIR_MUST_FAIL
  return weir::operator""_GiB(gibibytes);
#else
  return gibibytes * weir::operator""_GiB(1);
#endif
}
