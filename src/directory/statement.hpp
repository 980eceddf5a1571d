#pragma once
#include <boost/asio/awaitable.hpp>

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "directory/error.hpp"
#include "directory/values.hpp"
#include "postgres/connection.hpp"

/// What the operations have in common. Private to this module.
namespace tributary::directory {

namespace asio = boost::asio;

/// `work` in one transaction, begun anew where it lost against another one (deadlock, serialization), a few times. What it throws is thrown, after a
/// rollback.
asio::awaitable<void> in_transaction(postgres::Connection& connection, Deadline deadline,
                                     std::function<asio::awaitable<void>()> work);

/// A statement, or several in one transaction and one round trip, begun anew as above.
asio::awaitable<std::vector<postgres::Result>> run(postgres::Connection& connection, std::vector<postgres::Command> commands,
                                                   Deadline deadline);
asio::awaitable<postgres::Result> run(postgres::Connection& connection, std::string_view sql, postgres::Params params,
                                      Deadline deadline);

/// A statement whose text depends on what is asked for, with its parameters.
struct Statement {
  std::string sql;
  postgres::Params params;
};

/// Which constraint of a table a statement would have violated; empty where that was not why it failed. By its name: those that PostgreSQL and ORMs give
/// name the columns.
bool is_unique_violation(const postgres::Error& error);
bool is_foreign_key_violation(const postgres::Error& error);
bool names_column(const postgres::Error& error, std::string_view column);

/// Throws Error{invalid} where the server refused a value as such (too long for an index, not to be kept), else the error itself.
[[noreturn]] void refuse_value(const postgres::Error& error);

// ---- parameters ------------------------------------------------------------------------------------------------------------------------

inline std::optional<std::string> or_null(std::optional<std::string> text) {
  return text && !text->empty() ? text : std::nullopt;
}
inline void add(postgres::Params& params, const std::optional<std::string>& text) { params.add(text, postgres::oid::kText); }
inline void add(postgres::Params& params, const std::optional<Json>& json) {
  json ? params.add_jsonb(json->text) : params.add_null(postgres::oid::kJsonb);
}
inline void add(postgres::Params& params, bool flag) { params.add(flag); }

/// Two parameters: whether the value changes, and to what.
template <class T>
void add_change(postgres::Params& params, const Change<T>& change) {
  params.add(change.has_value());
  add(params, change.value_or(T{}));
}
/// `"column" = CASE WHEN $3 THEN $4 ELSE "column" END`
std::string assign(std::string_view column, int parameter);

// ---- pages -----------------------------------------------------------------------------------------------------------------------------

/// Three parameters (timestamp, uuid, uuid) of the item that a page begins behind, and the limit. NULLs: from the beginning.
void add_page(postgres::Params& params, const PageRequest& page);
/// "AND (columns) > (that item)" of add_page()'s $2 to $4; empty where a page begins at the beginning, so that an index is entered at that item, at whatever
/// depth. `ids`: the parameters that belong to the columns behind the first one, which is the timestamp.
std::string behind(const PageRequest& page, std::string_view columns, std::string_view ids = "$3", std::string_view sign = ">");
std::int64_t bounded(const PageRequest& page);
/// "AND column IS NOT NULL", which always holds: with it, and only with it, a list of a whole tenancy finds the index that has its order (0014_lists.sql).
std::string in_order_of(std::string_view column);

/// `items`: one more than asked for, where there is one.
template <class T, class CursorOf>
Page<T> cut(std::vector<T> items, const PageRequest& page, CursorOf cursor_of) {
  Page<T> cut{.items = std::move(items), .next = std::nullopt};
  const auto limit = static_cast<std::size_t>(bounded(page));
  if (cut.items.size() <= limit) return cut;
  cut.items.resize(limit);
  cut.next = cursor_of(cut.items.back());
  return cut;
}

/// Fields of a row, one after the other.
class Row {
 public:
  Row(const postgres::Result& result, std::size_t row) : result_(result), row_(row) {}
  template <class T>
  T next() {
    if constexpr (std::is_same_v<T, std::optional<Json>>) {
      auto text = result_.get<std::optional<std::string>>(row_, column_++);
      return text ? std::optional(Json{std::move(*text)}) : std::nullopt;
    } else {
      return result_.get<T>(row_, column_++);
    }
  }
  /// The next one is not NULL.
  bool has_value() const { return !result_.is_null(row_, column_); }

 private:
  const postgres::Result& result_;
  std::size_t row_;
  std::size_t column_ = 0;
};

}  // namespace tributary::directory
