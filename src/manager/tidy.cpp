// Scopes that release tensors: each thread has a list of those it is in, the innermost first.
#include <weir/tidy.hpp>

#include <algorithm>

#include "manager/tensor_books.hpp"

namespace weir {

Tidy*& Tidy::innermost() noexcept {
  thread_local Tidy* scope = nullptr;
  return scope;
}

Tidy* Tidy::next_of(const detail::TensorBooks& books, Tidy* scope) noexcept {
  while (scope != nullptr && scope->books_.get() != &books) scope = scope->outer_;
  return scope;
}

Tidy::Tidy(TensorPool& pool) : books_(pool.books_), outer_(innermost()) { innermost() = this; }

Tidy::~Tidy() {
  innermost() = outer_;
  Tidy* const heir = next_of(*books_, outer_);
  while (!acquired_.empty()) {
    const auto first = acquired_.begin();
    if (!kept_here_or_further_out(*first)) {
      books_->tidy_up(*first);
      acquired_.erase(first);
    } else if (heir != nullptr) {
      heir->acquired_.splice(heir->acquired_.end(), acquired_, first);
    } else {
      acquired_.erase(first);
    }
  }
}

void Tidy::keep(const Tensor& tensor) { kept_.insert(books_->own(tensor)); }

bool Tidy::has(const Tensor& tensor) const noexcept {
  return tensor.valid() && std::find(acquired_.begin(), acquired_.end(), tensor.record_) != acquired_.end();
}

bool Tidy::kept_here_or_further_out(const std::shared_ptr<detail::TensorRecord>& record) const noexcept {
  for (const Tidy* scope = this; scope != nullptr; scope = next_of(*books_, scope->outer_)) {
    if (scope->kept_.contains(record)) return true;
  }
  return false;
}

}  // namespace weir
