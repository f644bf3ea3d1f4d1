// Pooling scopes: the layout of columns in one buffer, and what is counted.
#include <weir/scope.hpp>

#include <algorithm>
#include <limits>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

namespace weir {
namespace {

/// The bytes of one column, rounded up; saturating at the largest number.
std::uint64_t column_bytes(std::size_t rows, const ScopeColumn& column) noexcept {
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  if (rows > (most - PoolingScope::alignment) / std::max<std::size_t>(column.type.bytes, 1)) return most;
  const std::uint64_t bytes = std::uint64_t{rows} * column.type.bytes;
  return (bytes + PoolingScope::alignment - 1) / PoolingScope::alignment * PoolingScope::alignment;
}

}  // namespace

std::string ScopeStatistics::summary() const {
  const auto percent = static_cast<int>(reuse_rate() * 1000.0 + 0.5);
  return "scope \"" + scope + "\": " + std::to_string(columns) + " columns in " + std::to_string(chunks) + " chunks, " +
         std::to_string(allocations) + " buffers allocated and " + std::to_string(reuses) + " reused (" +
         std::to_string(percent / 10) + "." + std::to_string(percent % 10) + " %), peak " + format_bytes(peak_bytes) +
         ", " + format_bytes(static_cast<std::uint64_t>(average_column_bytes)) + " a column, " +
         std::to_string(values) + " values";
}

std::uint64_t PoolingScope::bytes(std::size_t rows, const std::vector<ScopeColumn>& columns) {
  if (rows == 0) throw InvalidArgument("scope: rows is 0; it must be 1 or more", {.name = "rows"});
  if (columns.empty()) throw InvalidArgument("scope: columns is empty; give 1 or more", {.name = "columns"});
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (columns[j].name == columns[i].name) {
        throw InvalidArgument("scope: two columns are named \"" + columns[i].name + "\"; give each its own name",
                              {.name = columns[i].name});
      }
    }
    const std::uint64_t more = column_bytes(rows, columns[i]);
    if (more > std::numeric_limits<std::uint64_t>::max() - sum) {
      throw LimitExceeded("column \"" + columns[i].name + "\" of " + std::to_string(rows) +
                              " rows: the scope's bytes overflow 64 bits; ask for fewer rows",
                          {.name = columns[i].name, .bytes_asked = more});
    }
    sum += more;
  }
  return sum;
}

PoolingScope::PoolingScope(Buffer<std::byte> memory, std::size_t rows, std::vector<ScopeColumn> columns)
    : memory_(std::move(memory)), capacity_(rows), rows_(rows) {
  const std::uint64_t needed = bytes(rows, columns);
  if (memory_.size() < needed) {
    throw InvalidArgument("scope \"" + std::string(memory_.name()) + "\": " + "its columns need " +
                              format_bytes(needed) + ", but its buffer has " + format_bytes(memory_.size()),
                          {.name = std::string(memory_.name()), .bytes_asked = needed, .limit = memory_.size()});
  }
  std::size_t offset = 0;
  for (ScopeColumn& column : columns) {
    const std::uint64_t taken = column_bytes(rows, column);
    places_.push_back({std::move(column), offset});
    offset += taken;
  }
}

void PoolingScope::begin_chunk(std::size_t rows) {
  if (rows > capacity_) {
    throw InvalidArgument("scope \"" + std::string(name()) + "\": a chunk of " + std::to_string(rows) +
                              " rows; its capacity is " + std::to_string(capacity_),
                          {.name = std::string(name()), .limit = capacity_});
  }
  rows_ = rows;
  ++chunks_;
  values_ += std::uint64_t{rows} * places_.size();
}

const PoolingScope::PlacedColumn& PoolingScope::find(std::string_view column) const {
  const auto found = std::find_if(places_.begin(), places_.end(),
                                  [&](const PlacedColumn& place) { return place.column.name == column; });
  if (found != places_.end()) return *found;
  std::string known;
  for (const PlacedColumn& place : places_) known += (known.empty() ? "" : ", ") + place.column.name;
  throw NotFound(
      "scope \"" + std::string(name()) + "\" has no column \"" + std::string(column) + "\"; there are: " + known,
      {.name = std::string(column)});
}

const PoolingScope::PlacedColumn& PoolingScope::find(std::string_view column, const ElementType& wanted) const {
  const PlacedColumn& place = find(column);
  if (place.column.type == wanted) return place;
  throw TypeMismatch("column \"" + place.column.name + "\" of scope \"" + std::string(name()) + "\" is of " +
                         std::string(place.column.type.name) + ", not " + std::string(wanted.name),
                     {.name = place.column.name});
}

ScopeStatistics PoolingScope::statistics() const {
  ScopeStatistics known;
  known.scope = std::string(name());
  known.columns = places_.size();
  known.chunks = chunks_;
  known.allocations = places_.size();
  known.reuses = chunks_ > 1 ? (chunks_ - 1) * places_.size() : 0;
  known.values = values_;
  known.peak_bytes = memory_.valid() ? memory_.size() : 0;
  known.average_column_bytes =
      places_.empty() ? 0.0 : static_cast<double>(known.peak_bytes) / static_cast<double>(places_.size());
  return known;
}

}  // namespace weir
