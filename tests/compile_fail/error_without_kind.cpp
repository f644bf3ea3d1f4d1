// Nothing throws the bare base: each error is one of the concrete types, which are also standard
// exceptions, so that `catch (const std::exception&)` always works.
// refused: abstract class
#include <weir/errors.hpp>

#ifdef WEIR_MUST_FAIL
void fail() { throw weir::Error(weir::ErrorCode::timeout, "late", {}); }
#else
void fail() { throw weir::Timeout("late"); }
#endif
