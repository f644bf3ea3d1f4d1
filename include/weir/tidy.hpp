// Tidying up: a scope that releases the tensors acquired inside it, on errors too, but
// for those that are kept. What a scope inside another keeps belongs to the outer one.
#pragma once

#include <array>
#include <list>
#include <memory>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include <weir/tensor.hpp>

namespace weir {

/// Releases at its end every tensor of one pool that its thread acquired during its life, but for those that were
/// kept or released before. Lives on the stack of one thread; its pool may end before it. Never throws at its end.
class Tidy {
 public:
  explicit Tidy(TensorPool& pool);
  ~Tidy();
  Tidy(const Tidy&) = delete;
  Tidy& operator=(const Tidy&) = delete;

  /// Leaves the tensor to the next scope of the same pool that this thread is in, or to the caller where there is none.
  /// One that a scope further out keeps outlives this one too. Throws StaleHandle for one that was released,
  /// InvalidArgument for another pool's.
  void keep(const Tensor& tensor);
  /// Whether the tensor is live and was acquired inside this scope, or left to it by one inside.
  [[nodiscard]] bool has(const Tensor& tensor) const noexcept;

 private:
  friend class detail::TensorBooks;
  /// The next one for the same pool, from `scope` outwards; null where there is none.
  [[nodiscard]] static Tidy* next_of(const detail::TensorBooks& books, Tidy* scope) noexcept;
  [[nodiscard]] bool kept_here_or_further_out(const std::shared_ptr<detail::TensorRecord>& record) const noexcept;
  [[nodiscard]] static Tidy*& innermost() noexcept;

  std::shared_ptr<detail::TensorBooks> books_;
  Tidy* outer_;  ///< of this thread, of any pool
  std::list<std::shared_ptr<detail::TensorRecord>> acquired_;
  std::unordered_set<std::shared_ptr<detail::TensorRecord>> kept_;
};

/// Whether tidy() may give a result of this type as it is, since there are no tensors in it: numbers, enumerations and
/// strings. Specialize it for a type of your own.
template <class T>
inline constexpr bool has_no_tensors =
    std::is_arithmetic_v<T> || std::is_enum_v<T> || std::is_convertible_v<const T&, std::string_view>;

namespace detail {

inline void keep_all(Tidy& scope, const Tensor& tensor) {
  if (scope.has(tensor)) scope.keep(tensor);
}
template <class T>
void keep_all(Tidy&, const T&) {
  static_assert(has_no_tensors<T>,
                "tidy() finds tensors in a pair, tuple, array, vector or optional only: keep those of another result "
                "with a weir::Tidy and use Tidy::keep, or set weir::has_no_tensors for its type");
}
template <class T>
void keep_all(Tidy& scope, const std::optional<T>& one);
template <class T, class A>
void keep_all(Tidy& scope, const std::vector<T, A>& all);
template <class T, std::size_t n>
void keep_all(Tidy& scope, const std::array<T, n>& all);
template <class... T>
void keep_all(Tidy& scope, const std::tuple<T...>& all);
template <class T, class U>
void keep_all(Tidy& scope, const std::pair<T, U>& both) {
  keep_all(scope, both.first);
  keep_all(scope, both.second);
}
template <class T>
void keep_all(Tidy& scope, const std::optional<T>& one) {
  if (one) keep_all(scope, *one);
}
template <class T, std::size_t n>
void keep_all(Tidy& scope, const std::array<T, n>& all) {
  for (const T& each : all) keep_all(scope, each);
}
template <class T, class A>
void keep_all(Tidy& scope, const std::vector<T, A>& all) {
  for (const auto& each : all) keep_all(scope, each);
}
template <class... T>
void keep_all(Tidy& scope, const std::tuple<T...>& all) {
  std::apply([&](const auto&... each) { (keep_all(scope, each), ...); }, all);
}

}  // namespace detail

/// Calls `work` inside a scope and gives its result, whose tensors are kept: a Tensor, or a pair, tuple, array, vector
/// or optional with tensors in it; of another type, numbers, enumerations and strings only. Throws what `work` throws;
/// then no tensor of it is left.
template <class Work>
std::invoke_result_t<Work> tidy(TensorPool& pool, Work&& work) {
  static_assert(!std::is_reference_v<std::invoke_result_t<Work>>, "return tensors by value: a reference keeps nothing");
  Tidy scope(pool);
  if constexpr (std::is_void_v<std::invoke_result_t<Work>>) {
    std::forward<Work>(work)();
  } else {
    auto result = std::forward<Work>(work)();
    detail::keep_all(scope, result);
    return result;
  }
}

}  // namespace weir
